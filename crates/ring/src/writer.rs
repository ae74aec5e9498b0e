//! The producer's end: takes the oldest slot without a lease, and publishes the new frame to all readers at
//! once.

use std::time::Duration;

use crate::core::{Handle, MAX_SLOTS};
use crate::slot::{Slot, VACANT, tag_of};
use crate::sync::{Ordering, Polls};

/// Period at which a sleeping writer checks whether it should stop.
const STOP_POLL: Duration = Duration::from_millis(20);

/// Why a frame was not committed. The error returns the frame.
#[derive(Debug, thiserror::Error)]
pub enum Refused<T> {
    /// Every slot is leased and no `Every` reader exists for which the writer would wait. Counted in
    /// `RingStats::starved`.
    #[error("every slot of the ring is leased; raise `ring_slots` or shorten what holds the frames")]
    Starved(T),
    /// The ring is closed.
    #[error("the ring is closed")]
    Closed(T),
    /// `stop` returned true while an `Every` reader held up the writer.
    #[error("stopped while waiting for a reader that must see every frame")]
    Stopped(T),
}

/// Constructor of the error that returns a frame.
type Refuse<T> = fn(T) -> Refused<T>;

/// The result of a search for a slot.
enum Search {
    Claimed(usize),
    /// An `Every` reader must progress first.
    Needed,
    Leased,
}

/// The one writer of a ring. Dropping it does not close the ring, so that a restarted source can take a new
/// one.
pub struct Writer<T> {
    ends: Handle<T>,
    /// The tag with which each slot was last filled; reading the slots themselves would move their cache
    /// lines.
    tags: [u64; MAX_SLOTS],
    /// No `Every` reader, present or future, needs a frame before this one.
    acked: u64,
}

impl<T> Writer<T> {
    /// Takes the writer; `None` while another one exists.
    pub(crate) fn take(ends: &Handle<T>) -> Option<Writer<T>> {
        let free = ends.writer_taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        free.ok()?;
        let tag = |index: usize| ends.slots.get(index).and_then(Slot::live_tag).unwrap_or(VACANT);
        Some(Writer { ends: ends.clone(), tags: std::array::from_fn(tag), acked: 0 })
    }

    /// Puts `value` into the ring under the time stamp `stamp_ns` and rings the bell. Returns the frame's
    /// number: 0, 1, 2, … over the life of the ring.
    ///
    /// Replaces the oldest frame without a lease, and drops it. Waits only while an `Every` reader exists and
    /// no slot is free (leased, or not yet seen by it); `stop` is then called every 20 ms.
    ///
    /// # Errors
    /// [`Refused`], which contains the frame.
    pub fn commit(&mut self, stamp_ns: u64, value: T, stop: &dyn Fn() -> bool) -> Result<u64, Refused<T>> {
        if self.ends.head().is_closed() {
            return Err(Refused::Closed(value));
        }
        let slot = match self.claim_oldest() {
            Search::Claimed(slot) => slot,
            _ => match self.wait_for_slot(stop) {
                Ok(slot) => slot,
                Err(refuse) => return Err(refuse(value)),
            },
        };
        let frame = &self.ends.slots[slot];
        if std::mem::replace(&mut self.tags[slot], VACANT) != VACANT {
            frame.vacate(); // and stays so should the old frame's own drop panic
            // SAFETY: the slot is claimed, and its tag said that it holds a value.
            unsafe { frame.drop_value() };
            frame.hide();
        }
        let Some(seq) = self.ends.advance() else {
            frame.vacate();
            self.ends.wake_all();
            return Err(Refused::Closed(value));
        };
        // SAFETY: the slot is claimed, and was emptied above.
        unsafe { frame.fill(tag_of(seq), stamp_ns, value) };
        self.tags[slot] = tag_of(seq);
        self.ends.announce();
        Ok(seq)
    }

    /// Claims the oldest slot without a lease that no `Every` reader still has to see.
    fn claim_oldest(&mut self) -> Search {
        let slots = self.ends.slots.len();
        let mut passed = 0u64;
        loop {
            let left = (0..slots).filter(|slot| passed >> slot & 1 == 0);
            let Some(slot) = left.min_by_key(|slot| self.tags[*slot]) else { return Search::Leased };
            if !self.is_acked(self.tags[slot]) {
                return Search::Needed; // and so is every frame after it
            }
            if self.claim(slot) {
                return Search::Claimed(slot);
            }
            passed |= 1 << slot;
        }
    }

    /// Whether no `Every` reader needs the frame `tag`. A reader that joins later starts after what is
    /// committed now.
    fn is_acked(&mut self, tag: u64) -> bool {
        if tag >= tag_of(self.acked) {
            let committed = self.ends.head().committed();
            self.acked = self.ends.acks.first_needed().min(committed);
        }
        tag < tag_of(self.acked)
    }

    fn claim(&self, index: usize) -> bool {
        let slot = &self.ends.slots[index];
        if slot.is_held() {
            return false;
        }
        let is_claimed = slot.claim(self.tags[index]);
        if !is_claimed {
            // A reader that found the newest frame hidden waits for the next, and this may be the only signal
            // it gets.
            self.ends.announce();
        }
        is_claimed
    }

    /// Polls, then sleeps, until a slot is claimed or the frame must be refused.
    #[cold]
    fn wait_for_slot(&mut self, stop: &dyn Fn() -> bool) -> Result<usize, Refuse<T>> {
        let (mut polls, mut seen) = (Polls::default(), None);
        // Continues when half of a full ring is free again, so that cache lines change sides once for several
        // frames. A reader that far behind does not run out of frames meanwhile.
        let half = self.ends.head().committed().saturating_sub(self.ends.slots.len() as u64 / 2);
        while self.ends.acks.first_needed() < half && polls.poll() {}
        loop {
            // Read before the search, because a reader that leaves during it may have held one slot after the
            // other.
            let may_wait = self.ends.acks.hold_the_writer();
            match self.claim_oldest() {
                Search::Claimed(slot) => return Ok(slot),
                _ if self.ends.head().is_closed() => return Err(Refused::Closed),
                // A reader that must see every frame prefers a late frame to a lost one.
                Search::Leased if !may_wait => {
                    self.ends.starved.fetch_add(1, Ordering::Relaxed);
                    return Err(Refused::Starved);
                }
                Search::Needed | Search::Leased => {}
            }
            if let Some(seen) = seen.take() {
                if stop() {
                    return Err(Refused::Stopped);
                }
                self.ends.vacancy.wait(seen, Some(STOP_POLL));
            } else if !polls.poll() {
                seen = Some(self.ends.vacancy.seen());
            }
        }
    }
}

impl<T> Drop for Writer<T> {
    fn drop(&mut self) {
        self.ends.writer_taken.store(false, Ordering::Release);
    }
}

//! The producer's end: takes the oldest slot that nobody leases, and shows the new frame to everybody at once.

use std::time::{Duration, Instant};

use super::bell::spin_until;
use super::core::{Handle, Head, PATIENCE, Producer};
use super::slots::{Slot, seq_of, tag_of};
use super::sync::{Ordering, prefetch_to_write};

/// How many commits ahead a slot's line is fetched: two take about as long as its trip between the cores.
const AHEAD: usize = 2;
/// How often a sleeping writer asks whether it should stop.
const STOP_POLL: Duration = Duration::from_millis(20);

/// Why a frame was not committed; it comes back with the answer.
#[derive(Debug, thiserror::Error)]
pub enum Refused<T> {
    /// Every slot is leased and no `Every` reader asks to wait for one. Counted in `RingStats::starved`.
    #[error("every slot of the ring is leased; raise `ring_slots` or shorten what holds the frames")]
    Starved(T),
    /// The ring was closed.
    #[error("the ring is closed")]
    Closed(T),
    /// `stop` answered true while an `Every` reader held the writer back.
    #[error("stopped while waiting for a reader that must see every frame")]
    Stopped(T),
}

impl<T> Refused<T> {
    /// The frame.
    pub fn into_inner(self) -> T {
        match self {
            Refused::Starved(value) | Refused::Closed(value) | Refused::Stopped(value) => value,
        }
    }
}

/// How a frame is turned away.
type Refuse<T> = fn(T) -> Refused<T>;

/// What a search for a slot came to.
enum Search {
    /// The slot of this age is claimed.
    Claimed(usize),
    /// An `Every` reader must go on first.
    Held,
    /// All are leased.
    Starved,
}

/// The one writer of a ring. Dropping it does not close the ring: a restarted source takes a new one.
pub struct Writer<T> {
    core: Handle<T>,
}

impl<T> Writer<T> {
    /// `None` while another writer lives.
    pub(super) fn take(core: &Handle<T>) -> Option<Writer<T>> {
        let free = core.writer_taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        free.is_ok().then(|| Writer { core: core.clone() })
    }

    /// Puts `value` into the ring under the time stamp `stamp_ns` and tells the bell. Returns its number:
    /// 0, 1, 2, … over the life of the ring.
    ///
    /// The frame that it replaces is the oldest that nobody leases; it is dropped here. Waits only while
    /// an `Every` reader exists and no slot is free (leased, or not yet seen by it); `stop` is then asked
    /// every 20 ms.
    ///
    /// # Errors
    /// [`Refused`], with the frame.
    #[inline]
    pub fn commit(&mut self, stamp_ns: u64, value: T, stop: &dyn Fn() -> bool) -> Result<u64, Refused<T>> {
        let core = &self.core;
        if core.head().closed() {
            return Err(Refused::Closed(value));
        }
        // SAFETY: `writer_taken` makes this the only writer, and `&mut self` its only call.
        let producer = core.producer.with_mut(|producer| unsafe { &mut *producer });
        let age = match search(core, producer) {
            Search::Claimed(age) => age,
            _ => match self.wait_for_slot(producer, stop) {
                Ok(age) => age,
                Err(refuse) => return Err(refuse(value)),
            },
        };
        let index = producer.nth(age);
        let slot = &self.core.slots[index];
        if producer.tags[index] != 0 {
            let vacated = Vacate(slot, &mut producer.tags[index]);
            // SAFETY: claimed by `search`, and its tag says that it holds a value.
            unsafe { slot.drop_value() };
            std::mem::forget(vacated);
        }
        self.publish(producer, age, stamp_ns, value)
    }

    #[inline(always)]
    fn publish(
        &self,
        producer: &mut Producer,
        age: usize,
        stamp_ns: u64,
        value: T,
    ) -> Result<u64, Refused<T>> {
        let (core, index, seq) = (&self.core, producer.nth(age), producer.head.committed());
        let slot = &core.slots[index];
        // SAFETY: claimed, and emptied by `commit`.
        unsafe { slot.publish(tag_of(seq), stamp_ns, value) };
        core.set_order(seq, index);
        let (old, new) = (producer.head, Head::new(seq + 1, index));
        if core.head.compare_exchange(old.0, new.0, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            return Err(Refused::Closed(take_back(slot, seq, &mut producer.tags[index])));
        }
        core.bell.ring_after_rmw();
        producer.tags[index] = tag_of(seq);
        producer.head = new;
        producer.renew(age, core.slots.len());
        let soon = producer.nth(AHEAD.min(core.slots.len() - 1));
        if producer.tags[soon] <= limit_tag(producer) {
            prefetch_to_write(&core.slots[soon].state);
        }
        Ok(seq)
    }

    /// Polls, then sleeps, until a slot is claimed or the frame must be refused.
    #[cold]
    fn wait_for_slot(&self, producer: &mut Producer, stop: &dyn Fn() -> bool) -> Result<usize, Refuse<T>> {
        let core = &self.core;
        core.waits.fetch_add(1, Ordering::Relaxed);
        let mut found = None;
        let enough = enough(producer, core.slots.len());
        spin_until(Instant::now(), producer.patience, || {
            found = (limit(core, producer.head) >= enough).then(|| look(core, producer)).flatten();
            found.is_some() || core.head().closed()
        });
        producer.patience = if found.is_some() { PATIENCE } else { producer.patience / 2 };
        loop {
            if let Some(found) = found {
                return found;
            }
            let seen = core.vacancy.seen();
            core.slots.iter().for_each(Slot::want);
            found = look(core, producer);
            if found.is_none() {
                if stop() {
                    return Err(Refused::Stopped);
                }
                core.vacancy.wait(seen, Duration::ZERO, Some(STOP_POLL));
                found = look(core, producer);
            }
        }
    }
}

impl<T> Drop for Writer<T> {
    fn drop(&mut self) {
        self.core.writer_taken.store(false, Ordering::Release);
    }
}

/// The limit at which a polling writer goes on: when half of a full ring is free again, so that the
/// cache lines change sides once for several frames. A reader that far behind does not run dry meanwhile.
fn enough(producer: &Producer, slots: usize) -> u64 {
    let oldest = (0..slots).map(|age| producer.tags[producer.nth(age)]).find(|tag| *tag != 0);
    let target = oldest.map_or(0, |tag| seq_of(tag) + (slots as u64 / 2).max(1));
    target.min(producer.head.committed())
}

/// The outcome of one more search: a slot, a refusal, or nothing yet.
fn look<T>(core: &Handle<T>, producer: &mut Producer) -> Option<Result<usize, Refuse<T>>> {
    match search(core, producer) {
        Search::Claimed(age) => Some(Ok(age)),
        _ if core.head().closed() => Some(Err(Refused::Closed)),
        Search::Starved => {
            core.starved.fetch_add(1, Ordering::Relaxed);
            Some(Err(Refused::Starved))
        }
        Search::Held => None,
    }
}

/// Claims the oldest slot that nobody leases and that no `Every` reader still has to see.
#[inline(always)]
fn search<T>(core: &Handle<T>, producer: &mut Producer) -> Search {
    for age in 0..core.slots.len() {
        let index = producer.nth(age);
        let tag = producer.tags[index];
        if tag > limit_tag(producer) {
            producer.limit = limit(core, producer.head);
            if tag > limit_tag(producer) {
                return Search::Held;
            }
        }
        if core.slots[index].claim(tag) {
            return Search::Claimed(age);
        }
    }
    // A reader that must see every frame prefers a late one to a lost one.
    if core.gate.holding.load(Ordering::Relaxed) == 0 { Search::Starved } else { Search::Held }
}

/// The highest tag that may be reused.
#[inline(always)]
fn limit_tag(producer: &Producer) -> u64 {
    if producer.limit == 0 { 0 } else { tag_of(producer.limit - 1) }
}

/// The first frame that some `Every` reader may still have to lease. A reader that joins later starts at
/// the head, so what is below this limit now stays below it.
fn limit<T>(core: &Handle<T>, head: Head) -> u64 {
    let mut limit = head.committed();
    let mut holding = core.gate.holding.load(Ordering::SeqCst);
    while holding != 0 {
        let cursor = &core.gate.cursors[holding.trailing_zeros() as usize];
        limit = limit.min(cursor.load(Ordering::Acquire));
        holding &= holding - 1;
    }
    limit
}

/// Undoes a publication that lost a race with the close: nobody can have leased it, for the head never named it.
#[cold]
fn take_back<T>(slot: &Slot<T>, seq: u64, tag: &mut u64) -> T {
    let claimed = slot.claim(tag_of(seq));
    assert!(claimed, "frame {seq} was leased before it was committed");
    // SAFETY: claimed, and filled a moment ago.
    let value = unsafe { slot.take_value() };
    *tag = 0;
    slot.vacate();
    value
}

/// Leaves the slot vacant should the old value's own drop panic.
struct Vacate<'a, T>(&'a Slot<T>, &'a mut u64);

impl<T> Drop for Vacate<'_, T> {
    fn drop(&mut self) {
        *self.1 = 0;
        self.0.vacate();
    }
}

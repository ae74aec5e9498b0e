//! The producer's end: takes the oldest slot that nobody leases, and shows the new frame to everybody at once.

use std::time::Duration;

use super::bell::{Stopwatch, spin_until};
use super::core::{Handle, Head, PATIENCE, Producer, count_one};
use super::slots::{Pins, tag_of};
use super::sync::{Ordering, fence, light_fence, prefetch_to_write};

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
        if core.end.is_asked() {
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
        if producer.tags[index] != 0 {
            let vacated = Vacate(&mut producer.tags[index]);
            // SAFETY: claimed by `search`, and its tag says that it holds a value.
            unsafe { self.core.slots[index].drop_value() };
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
        if !core.end.enter() {
            producer.tags[index] = 0;
            self.leave();
            return Err(Refused::Closed(value));
        }
        // SAFETY: claimed, and emptied by `commit`.
        unsafe { core.slots[index].fill(tag_of(seq), stamp_ns, value) };
        core.set_order(seq, index);
        producer.head = Head::new(seq + 1, index);
        core.head.store(producer.head.0, Ordering::Release);
        self.leave();
        core.bell.ring_lightly();
        producer.tags[index] = tag_of(seq);
        producer.free &= !(1 << index);
        producer.renew(age, core.slots.len());
        let soon = producer.nth(AHEAD.min(core.slots.len() - 1));
        if producer.free >> soon & 1 != 0 {
            prefetch_to_write(&core.slots[soon]);
        }
        Ok(seq)
    }

    #[inline(always)]
    fn leave(&self) {
        if self.core.end.leave() {
            self.core.ring_all();
        }
    }

    /// Polls, then sleeps, until a slot is claimed or the frame must be refused.
    #[cold]
    fn wait_for_slot(&self, producer: &mut Producer, stop: &dyn Fn() -> bool) -> Result<usize, Refuse<T>> {
        let core = &self.core;
        count_one(&core.counts.waits);
        let mut found = None;
        // A polling writer goes on when half of a full ring is free again, so that the cache lines change
        // sides once for several frames. A reader that far behind does not run dry meanwhile.
        let half = producer.nth((core.slots.len() / 2).max(1) - 1);
        spin_until(&mut Stopwatch::default(), producer.patience, || {
            producer.free = core.given_back(producer);
            found = (producer.free >> half & 1 != 0).then(|| look(core, producer)).flatten();
            found.is_some() || core.end.is_asked()
        });
        producer.patience = if found.is_some() { PATIENCE } else { producer.patience / 2 };
        loop {
            if let Some(found) = found {
                return found;
            }
            let seen = core.vacancy.seen_by_one();
            core.pins.iter().for_each(Pins::want);
            core.gate.want(core.slots.len());
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

/// The outcome of one more search: a slot, a refusal, or nothing yet.
fn look<T>(core: &Handle<T>, producer: &mut Producer) -> Option<Result<usize, Refuse<T>>> {
    match search(core, producer) {
        Search::Claimed(age) => Some(Ok(age)),
        _ if core.end.is_asked() => Some(Err(Refused::Closed)),
        Search::Starved => {
            count_one(&core.counts.starved);
            Some(Err(Refused::Starved))
        }
        Search::Held => None,
    }
}

/// Claims the oldest slot that nobody leases and that no `Every` reader still has to see.
#[inline(always)]
fn search<T>(core: &Handle<T>, producer: &mut Producer) -> Search {
    let (mut fresh, mut kept) = (false, false);
    for age in 0..core.slots.len() {
        let index = producer.nth(age);
        if producer.free >> index & 1 == 0 && !fresh {
            (producer.free, fresh) = (core.given_back(producer), true);
        }
        if producer.free >> index & 1 == 0 {
            kept = true;
        } else if claim(core, index, producer.tags[index]) {
            return Search::Claimed(age);
        }
    }
    // A reader that must see every frame prefers a late one to a lost one.
    if kept || core.gate.is_holding() { Search::Held } else { Search::Starved }
}

/// Takes the slot that was last filled as `tag` (0: vacant); false while pins hold it.
#[inline(always)]
fn claim<T>(core: &Handle<T>, index: usize, tag: u64) -> bool {
    let (slot, pins) = (&core.slots[index], &core.pins[index]);
    if pins.any() {
        return false;
    }
    slot.hide();
    light_fence();
    // Looked for after the tag was hidden: a watcher that is not seen here has its heavy fence, and with it
    // all of its pins, still to come.
    if core.watchers.load(Ordering::Relaxed) != 0 {
        fence(Ordering::SeqCst);
    }
    let claimed = !pins.any();
    if !claimed {
        slot.show(tag);
        // Who found the newest frame hidden waits for its successor: this may be the only news there is.
        core.bell.ring();
    }
    claimed
}

/// Counts a claimed slot as vacant should the old value's own drop panic.
struct Vacate<'a>(&'a mut u64);

impl Drop for Vacate<'_> {
    fn drop(&mut self) {
        *self.0 = 0;
    }
}

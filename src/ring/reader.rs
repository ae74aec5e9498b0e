//! A reader's end: a cursor over the frames, and what it does when it falls behind.

use std::time::{Duration, Instant};

use super::bell::{left, spin_until};
use super::core::{Handle, Head, MAX_EVERY};
use super::lease::Lease;
use super::slots::tag_of;
use super::sync::{Ordering, fence, prefetch_to_write};

/// What a reader that falls behind does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Skips to the newest frame and counts what it passed over; never holds the writer.
    Latest,
    /// Leases every frame in order; the writer waits for it (files, batch).
    Every,
}

/// What a reader got.
#[derive(Debug)]
pub enum Take<T> {
    /// A frame.
    Lease(Lease<T>),
    /// Nothing new.
    Empty,
    /// Nothing new, and nothing will come.
    Closed,
}

/// A cursor over a ring. Dropping it lets go of the writer.
pub struct Reader<T> {
    core: Handle<T>,
    policy: Policy,
    /// The next frame to lease.
    cursor: u64,
    /// The committed count as last seen: below it the head need not be loaded again.
    known: u64,
    skipped: u64,
    /// The slot of the frame before `cursor`, as far as known.
    place: usize,
    /// The cell of an `Every` reader in the gate.
    cell: usize,
}

impl<T> Reader<T> {
    pub(super) fn join(core: &Handle<T>, policy: Policy) -> Reader<T> {
        let cell = if policy == Policy::Every { take_cell(core) } else { MAX_EVERY };
        let cursor = core.head().committed();
        if policy == Policy::Every {
            core.gate.cursors[cell].store(cursor, Ordering::Release);
            core.vacancy.ring_for_one();
        }
        Reader { core: core.clone(), policy, cursor, known: cursor, skipped: 0, place: 0, cell }
    }

    /// The next frame by this reader's policy, without waiting.
    #[inline]
    pub fn try_lease(&mut self) -> Take<T> {
        match self.policy {
            Policy::Every => self.next(),
            Policy::Latest => self.newest(),
        }
    }

    /// As [`Reader::try_lease`], but waits for a frame: polls for `spin`, then sleeps on the ring's bell.
    /// [`Take::Empty`] when `timeout` (`None`: no limit) has passed since the call.
    pub fn lease(&mut self, spin: Duration, timeout: Option<Duration>) -> Take<T> {
        match self.try_lease() {
            Take::Empty => self.wait(spin, timeout),
            taken => taken,
        }
    }

    /// Frames that a `Latest` reader passed over; exact once it has leased the newest, or met the close.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Frames committed and not yet leased or passed over by this reader.
    pub fn backlog(&self) -> u64 {
        self.core.head().committed() - self.cursor
    }

    #[inline(always)]
    fn next(&mut self) -> Take<T> {
        if self.cursor == self.known {
            let head = self.core.head();
            self.known = head.committed();
            if self.cursor == self.known {
                return if head.closed() { Take::Closed } else { Take::Empty };
            }
        }
        let (core, tag) = (&self.core, tag_of(self.cursor));
        // Slots follow one another unless the writer stepped around a lease. Trying the next one first
        // leaves the order table's line with the writer: it is a third of the cost of a hand-off.
        self.place = if self.place + 1 < core.slots.len() { self.place + 1 } else { 0 };
        if !core.slots[self.place].pin(tag) {
            self.place = core.place_of(self.cursor);
            let pinned = core.slots[self.place].pin(tag);
            assert!(pinned, "frame {} was overwritten before an Every reader leased it", self.cursor);
        }
        let slot = &core.slots[self.place];
        // SAFETY: pinned just now.
        let lease = unsafe { Lease::from_pin(&self.core, slot, tag) };
        self.cursor += 1;
        if self.cursor < self.known {
            let next = if self.place + 1 < self.core.slots.len() { self.place + 1 } else { 0 };
            prefetch_to_write(&self.core.slots[next].state);
        }
        self.core.gate.cursors[self.cell].store(self.cursor, Ordering::Release);
        Take::Lease(lease)
    }

    #[inline(always)]
    fn newest(&mut self) -> Take<T> {
        let mut head = self.core.head();
        loop {
            if head.committed() == self.cursor {
                return if head.closed() { Take::Closed } else { Take::Empty };
            }
            if let Some(lease) = lease_newest(&self.core, head) {
                self.skipped += head.committed() - 1 - self.cursor;
                self.cursor = head.committed();
                return Take::Lease(lease);
            }
            let now = self.core.head();
            if now == head && !head.closed() {
                return Take::Empty; // being overwritten: its successor rings the bell
            }
            if now == head {
                // Overwritten for a frame that the close then refused.
                self.skipped += head.committed() - self.cursor;
                self.cursor = head.committed();
            }
            head = now;
        }
    }

    #[cold]
    fn wait(&mut self, spin: Duration, timeout: Option<Duration>) -> Take<T> {
        let start = Instant::now();
        let head = self.core.head();
        spin_until(start, spin.min(timeout.unwrap_or(spin)), || self.core.head() != head);
        loop {
            let seen = self.core.bell.seen();
            match self.try_lease() {
                Take::Empty => {}
                taken => return taken,
            }
            let left = left(start, timeout);
            if left == Some(Duration::ZERO) {
                return Take::Empty;
            }
            self.core.bell.wait_each(seen, left);
        }
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        if self.policy == Policy::Every {
            self.core.gate.holding.fetch_and(!(1 << self.cell), Ordering::SeqCst);
            self.core.gate.taken.fetch_and(!(1 << self.cell), Ordering::Release);
            self.core.vacancy.ring_for_one();
        }
    }
}

/// Leases the newest frame that `head` names, unless it is being overwritten.
#[inline(always)]
pub(super) fn lease_newest<T>(core: &Handle<T>, head: Head) -> Option<Lease<T>> {
    let seq = head.committed().checked_sub(1)?;
    let (slot, tag) = (&core.slots[head.slot()], tag_of(seq));
    // SAFETY: pinned just now.
    slot.pin(tag).then(|| unsafe { Lease::from_pin(core, slot, tag) })
}

/// Takes a cell of the gate; from its return on, no frame committed later is overwritten before the cell's
/// cursor passes it. Holds everything until the cursor is set.
fn take_cell<T>(core: &Handle<T>) -> usize {
    let gate = &core.gate;
    let mut taken = gate.taken.load(Ordering::Relaxed);
    let cell = loop {
        let cell = taken.trailing_ones() as usize;
        assert!(cell < MAX_EVERY, "a ring has at most {MAX_EVERY} readers of policy Every; drop one first");
        match gate.taken.compare_exchange(taken, taken | 1 << cell, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => break cell,
            Err(now) => taken = now,
        }
    };
    gate.cursors[cell].store(0, Ordering::Relaxed);
    gate.holding.fetch_or(1 << cell, Ordering::SeqCst);
    // Pairs with the barrier after each publication: either the head that is read next includes the frame,
    // or the writer sees this cell before it reuses the frame's slot.
    fence(Ordering::SeqCst);
    cell
}

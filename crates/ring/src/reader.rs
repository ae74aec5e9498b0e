//! The consumer's end: a cursor over the frames, and the policy for a reader that falls behind.

use std::time::Duration;

use crate::core::{Core, Handle, Head};
use crate::history::{self, Pick};
use crate::lease::Lease;
use crate::reader_acks::MAX_EVERY;
use crate::slot::tag_of;
use crate::sync::{Arc, Polls};

/// What happens to a reader that falls behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It skips to the newest frame and counts the skipped ones; it never holds up the writer.
    Latest,
    /// It leases every frame in order, and the writer waits for it (files, batch).
    Every,
    /// It leases the oldest frame that is still there, and counts as skipped what was overwritten before it came; it
    /// never holds up the writer (recording).
    Oldest,
}

/// The result of an attempt to lease a frame.
#[derive(Debug)]
pub enum Take<T> {
    /// The next frame, leased for the caller.
    Lease(Lease<T>),
    /// No frame has been committed since the last lease.
    Empty,
    /// There is no new frame, and none will come.
    Closed,
}

/// A cursor over a ring. Dropping it releases the writer.
pub struct Reader<T> {
    ends: Handle<T>,
    policy: Policy,
    /// Number of the next frame to lease.
    cursor: u64,
    skipped: u64,
    /// The slot in which an `Every` reader looks for the next frame first.
    likely: usize,
    /// The acknowledgement cell of an `Every` reader.
    cell: usize,
}

impl<T> Reader<T> {
    pub(crate) fn join(ends: &Handle<T>, policy: Policy) -> Reader<T> {
        let committed = || ends.head().committed();
        let (cell, cursor) = match policy {
            Policy::Every => ends.acks.join(committed),
            Policy::Latest | Policy::Oldest => (MAX_EVERY, committed()),
        };
        // A writer that looked while the joining cell held everything back may sleep.
        ends.vacancy.ring();
        Reader { ends: ends.clone(), policy, cursor, skipped: 0, likely: 0, cell }
    }

    /// Leases the next frame by this reader's policy, without waiting.
    pub fn try_lease(&mut self) -> Take<T> {
        match self.policy {
            Policy::Every => self.next(),
            Policy::Latest => self.whatever_is_left(history::newest),
            Policy::Oldest => self.whatever_is_left(history::oldest),
        }
    }

    /// Like [`Reader::try_lease`], but waits for a frame: polls for some microseconds, then sleeps. Returns
    /// [`Take::Empty`] when `timeout` (`None`: no limit) has passed without a new frame.
    pub fn lease(&mut self, timeout: Option<Duration>) -> Take<T> {
        let (mut polls, mut seen, mut is_over) = (Polls::default(), None, false);
        loop {
            match self.try_lease() {
                Take::Empty if !is_over => {}
                taken => return taken,
            }
            if let Some(seen) = seen.take() {
                is_over = !self.ends.arrival.wait(seen, timeout);
            } else if !self.poll(&mut polls) {
                seen = Some(self.ends.arrival.seen());
            }
        }
    }

    /// Polls for a moment; returns false when it is time to sleep. An `Every` reader mostly polls the tag
    /// that it expects, because polling the head slows the writer down.
    fn poll(&self, polls: &mut Polls) -> bool {
        let is_here = || self.policy == Policy::Every && self.ends.slots[self.likely].is(tag_of(self.cursor));
        (0..16).all(|_| is_here() || polls.poll())
    }

    /// Moves an `Oldest` reader to the first frame of the history at or after `stamp_ns` whose number is `from` or
    /// later, or to the next commit where there is none. What lies between counts as neither leased nor skipped.
    pub fn seek(&mut self, stamp_ns: u64, from: u64) {
        let committed = self.ends.head().committed();
        let found = history::pick(&self.ends.0, stamp_ns, Pick::Next);
        self.cursor = found.map_or(committed, |lease| lease.seq()).max(from.min(committed));
    }

    /// Frames that a `Latest` or `Oldest` reader skipped; exact once it has leased the newest, or seen the close.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Frames committed that this reader has neither leased nor skipped.
    pub fn backlog(&self) -> u64 {
        self.ends.head().committed().saturating_sub(self.cursor)
    }

    fn next(&mut self) -> Take<T> {
        let Some(slot) = self.slot_of_next() else { return self.nothing(self.ends.head()) };
        let lease = Lease::of_kept(&self.ends.0, slot, self.cursor);
        self.cursor += 1;
        self.likely = (slot + 1) % self.ends.slots.len();
        self.ends.acks.acknowledge(self.cell, self.cursor);
        Take::Lease(lease)
    }

    /// The slot of an `Every` reader's next frame, if the frame is there. Frames lie in consecutive slots,
    /// unless the writer skipped a leased one.
    fn slot_of_next(&self) -> Option<usize> {
        let tag = tag_of(self.cursor);
        let slots = &self.ends.slots;
        if slots[self.likely].is(tag) {
            return Some(self.likely);
        }
        let is_committed = self.ends.head().committed() > self.cursor;
        is_committed.then(|| slots.iter().position(|slot| slot.is(tag)))?
    }

    /// Leases a frame from the cursor on that `find` selects, and skips those before it.
    fn whatever_is_left(&mut self, find: impl Fn(&Arc<Core<T>>, u64) -> Option<Lease<T>>) -> Take<T> {
        let head = self.ends.head();
        if head.committed() == self.cursor {
            return self.nothing(head);
        }
        if let Some(lease) = find(&self.ends.0, self.cursor) {
            self.skipped += lease.seq() - self.cursor;
            self.cursor = lease.seq() + 1;
            return Take::Lease(lease);
        }
        // Either the frame is being written or overwritten and the bell will ring, or the writer had made
        // room for a frame that the close then refused.
        if !head.is_closed() || self.ends.slots.iter().any(|slot| slot.may_show(tag_of(self.cursor))) {
            return Take::Empty;
        }
        self.skipped += head.committed() - self.cursor;
        self.cursor = head.committed();
        Take::Closed
    }

    /// The result at `head` when no frame can be leased.
    fn nothing(&self, head: Head) -> Take<T> {
        if head.is_closed() && head.committed() == self.cursor { Take::Closed } else { Take::Empty }
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        if self.policy == Policy::Every {
            self.ends.acks.leave(self.cell);
            self.ends.vacancy.ring();
        }
    }
}

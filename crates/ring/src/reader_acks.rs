//! The progress of the `Every` readers, so that the writer does not overtake them.
//!
//! Each reader has a cell with the number of the frame that it leases next. It takes its hold of a frame
//! before it moves its cell past it, so the writer sees either the cell before the frame or the hold.

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicU64, Ordering, fence};

/// Most `Every` readers of a ring at one time; fewer in the loom models, where each costs time.
pub const MAX_EVERY: usize = if cfg!(loom) { 2 } else { 8 };

/// Value of a free cell, which holds nothing back.
const NOBODY: u64 = u64::MAX;

pub(crate) struct ReaderAcks {
    next: [CachePadded<AtomicU64>; MAX_EVERY],
}

impl ReaderAcks {
    pub(crate) fn new() -> ReaderAcks {
        ReaderAcks { next: std::array::from_fn(|_| CachePadded::new(AtomicU64::new(NOBODY))) }
    }

    /// Takes a cell for a reader that starts at the number that `committed` returns. Returns the cell and
    /// that number.
    ///
    /// While the reader joins, its cell is 0 and holds everything back. The barriers here and after each
    /// commit ensure for each frame that either `committed` counts it, and the reader does not need it, or
    /// the writer's later reads see the cell.
    pub(crate) fn join(&self, committed: impl Fn() -> u64) -> (usize, u64) {
        let take = |cell: &CachePadded<AtomicU64>| {
            cell.compare_exchange(NOBODY, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        let cell = self.next.iter().position(take);
        let cell = cell.unwrap_or_else(|| {
            panic!("a ring has at most {MAX_EVERY} readers of policy Every; drop one first")
        });
        fence(Ordering::SeqCst);
        let next = committed();
        self.acknowledge(cell, next);
        (cell, next)
    }

    /// The reader of `cell` needs no frame before `next`, except those that it holds.
    pub(crate) fn acknowledge(&self, cell: usize, next: u64) {
        self.next[cell].store(next, Ordering::Release);
    }

    /// Frees `cell`, whose reader is gone.
    pub(crate) fn leave(&self, cell: usize) {
        self.acknowledge(cell, NOBODY);
    }

    /// The first frame that some `Every` reader still needs; [`u64::MAX`] without such a reader.
    pub(crate) fn first_needed(&self) -> u64 {
        self.next.iter().map(|next| next.load(Ordering::Acquire)).fold(NOBODY, u64::min)
    }

    /// Whether there is an `Every` reader.
    pub(crate) fn hold_the_writer(&self) -> bool {
        self.first_needed() != NOBODY
    }
}

//! The gate: what the `Every` readers have given back, so that the writer does not overtake them.
//!
//! A frame is kept for every `Every` reader from its commit until that reader's lease of it drops. Taking the
//! lease therefore writes nothing that the writer reads, and dropping it writes one word: the frame's tag into
//! the reader's word for the slot. The words of one reader lie side by side, so one trip of a cache line tells
//! the writer what has come back since it last looked, however many frames that were.

use super::core::MAX_SLOTS;
use super::slots::{TAG, WANTED};
use super::sync::{AtomicU32, AtomicU64, Line, Ordering, heavy_fence};

/// Most `Every` readers of a ring at one time; few in the models, where each costs time.
pub const MAX_EVERY: usize = if cfg!(loom) { 2 } else { 8 };

/// The word's reader is gone and left a pin for the lease (the bit of `CLAIMED` in a state word).
pub(super) const MOVED: u64 = 1 << 17;
/// All flags of a word; the rest is the tag of the frame last given back.
pub(super) const FLAGS: u64 = MOVED | WANTED;

/// A word a slot.
pub(super) type Words = [AtomicU64; MAX_SLOTS];

pub(super) struct Gate {
    /// Bit set of the cells that are given out, and of those that hold the writer.
    taken: AtomicU32,
    holding: AtomicU32,
    /// The tag that each reader's first frame has or will have; 0 while it joins: that holds everything.
    pub(super) starts: [AtomicU64; MAX_EVERY],
    /// The next frame that each reader will lease. The writer never looks.
    pub(super) cursors: [Line<AtomicU64>; MAX_EVERY],
    pub(super) words: [Line<Words>; MAX_EVERY],
}

impl Gate {
    pub(super) fn new() -> Gate {
        let zero = || AtomicU64::new(0);
        Gate {
            taken: AtomicU32::new(0),
            holding: AtomicU32::new(0),
            starts: std::array::from_fn(|_| zero()),
            cursors: std::array::from_fn(|_| Line(zero())),
            words: std::array::from_fn(|_| Line(std::array::from_fn(|_| zero()))),
        }
    }

    /// Takes a cell of the gate; from its return on, no frame committed later is overwritten before the cell's
    /// reader has given it back. Holds everything until the cell's start is set.
    pub(super) fn take_cell(&self) -> usize {
        let mut taken = self.taken.load(Ordering::Relaxed);
        let cell = loop {
            let cell = taken.trailing_ones() as usize;
            assert!(
                cell < MAX_EVERY,
                "a ring has at most {MAX_EVERY} readers of policy Every; drop one first"
            );
            let more = taken | 1 << cell;
            match self.taken.compare_exchange(taken, more, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => break cell,
                Err(now) => taken = now,
            }
        };
        self.starts[cell].store(0, Ordering::Relaxed);
        self.holding.fetch_or(1 << cell, Ordering::SeqCst);
        // Pairs with the light fence after each publication: either the head that is read next includes the
        // frame, or the writer sees this cell before it reuses the frame's slot.
        heavy_fence();
        cell
    }

    /// Lets go of the writer, then of the cell.
    pub(super) fn leave_cell(&self, cell: usize) {
        self.holding.fetch_and(!(1 << cell), Ordering::SeqCst);
        self.taken.fetch_and(!(1 << cell), Ordering::Release);
    }

    /// Whether some `Every` reader holds the writer.
    pub(super) fn is_holding(&self) -> bool {
        self.holding.load(Ordering::SeqCst) != 0
    }

    /// The cells that hold the writer, one after the other.
    fn cells(&self) -> impl Iterator<Item = usize> {
        let mut holding = self.holding.load(Ordering::SeqCst);
        std::iter::from_fn(move || {
            let cell = (holding != 0).then(|| holding.trailing_zeros() as usize)?;
            holding &= holding - 1;
            Some(cell)
        })
    }

    /// Bit set of the slots, last filled as `tags` (0: vacant), whose frame no `Every` reader needs any more.
    /// A reader that joins later starts behind all of these frames, so a bit once set stays right.
    #[inline(always)]
    pub(super) fn given_back(&self, tags: &[u64]) -> u64 {
        let mut free = u64::MAX;
        for cell in self.cells() {
            let start = self.starts[cell].load(Ordering::Acquire);
            for (slot, tag) in tags.iter().enumerate() {
                let kept = *tag != 0 && *tag >= start;
                if kept && self.words[cell][slot].load(Ordering::Acquire) & TAG != *tag {
                    free &= !(1 << slot);
                }
            }
        }
        free
    }

    /// Marks that the writer sleeps for want of a slot.
    pub(super) fn want(&self, slots: usize) {
        for cell in self.cells() {
            self.words[cell][..slots].iter().for_each(|word| {
                word.fetch_or(WANTED, Ordering::AcqRel);
            });
        }
    }

    /// Whether a lease of the frame `tag` in `slot` is out that stands in a reader's word and not in a pin.
    pub(super) fn is_leased(&self, slot: usize, tag: u64) -> bool {
        self.cells().any(|cell| self.is_out(cell, slot, tag))
    }

    /// Whether the reader of `cell` has leased the frame `tag` in `slot` and not got it back yet.
    pub(super) fn is_out(&self, cell: usize, slot: usize, tag: u64) -> bool {
        let leased = self.starts[cell].load(Ordering::Acquire)..self.cursors[cell].load(Ordering::Acquire);
        leased.contains(&tag) && self.words[cell][slot].load(Ordering::Acquire) & TAG != tag
    }
}

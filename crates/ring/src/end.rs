//! How a stream ends: every commit is before the end or refused, and no commit waits for a lock to know which.
//!
//! The writer marks itself busy, looks whether the end was asked for, publishes, is no longer busy, and looks
//! again. Who closes asks for the end and looks whether the writer is busy: if so, the writer's second look
//! finds the request, and it seals the stream behind its frame; if not, its next first look does, and the
//! frame is refused. Only a sealed stream has ended for its readers. (Dekker's argument again; a close is rare
//! and pays for the barriers.)

use super::sync::{AtomicBool, AtomicU32, Line, Ordering, heavy_fence, light_fence};

const OPEN: u32 = 0;
const ASKED: u32 = 1;
const SEALED: u32 = 2;

pub(super) struct End {
    stage: Line<AtomicU32>,
    /// Written by the writer alone.
    busy: Line<AtomicBool>,
}

impl End {
    pub(super) fn new() -> End {
        End { stage: Line(AtomicU32::new(OPEN)), busy: Line(AtomicBool::new(false)) }
    }

    /// Whether somebody closed: no commit that begins now is taken.
    #[inline(always)]
    pub(super) fn is_asked(&self) -> bool {
        self.stage.load(Ordering::Acquire) != OPEN
    }

    /// Whether all that will ever be committed has been: look at the head again after this.
    #[inline(always)]
    pub(super) fn is_sealed(&self) -> bool {
        self.stage.load(Ordering::Acquire) == SEALED
    }

    /// The writer begins to publish a frame; false when it must not.
    #[inline(always)]
    pub(super) fn enter(&self) -> bool {
        self.busy.store(true, Ordering::Relaxed);
        light_fence();
        !self.is_asked()
    }

    /// The writer is done. True when this sealed the stream: everybody must be told.
    #[inline(always)]
    pub(super) fn leave(&self) -> bool {
        self.busy.store(false, Ordering::Release);
        light_fence();
        self.is_asked() && self.seal()
    }

    /// Asks for the end, and seals unless the busy writer will.
    pub(super) fn close(&self) {
        self.stage.fetch_max(ASKED, Ordering::SeqCst);
        heavy_fence();
        if !self.busy.load(Ordering::Acquire) {
            self.seal();
        }
    }

    /// True for who was first.
    #[cold]
    fn seal(&self) -> bool {
        self.stage.swap(SEALED, Ordering::AcqRel) != SEALED
    }
}

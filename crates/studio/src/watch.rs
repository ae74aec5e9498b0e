//! Whether a long step goes on, and how far it is.

use crate::StudioError;

/// Asked between tiles and bands of rows: at least once in some tens of milliseconds.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    cancelled: &'a (dyn Fn() -> bool + Sync),
    progress: &'a (dyn Fn(f32) + Sync),
    from: f32,
    share: f32,
}

impl<'a> Watch<'a> {
    /// `cancelled` ends the step as soon as it gives true; `progress` receives 0 to 1, ascending, from any of the workers.
    pub fn new(cancelled: &'a (dyn Fn() -> bool + Sync), progress: &'a (dyn Fn(f32) + Sync)) -> Watch<'a> {
        Watch { cancelled, progress, from: 0.0, share: 1.0 }
    }

    /// A watch for whoever neither cancels nor looks at the progress.
    pub fn none() -> Watch<'static> {
        Watch { cancelled: &|| false, progress: &|_| {}, from: 0.0, share: 1.0 }
    }

    /// The watch of a part of the step, which takes the progress from `from` to `to`.
    pub fn part(&self, from: f32, to: f32) -> Watch<'a> {
        Watch { from: self.from + self.share * from, share: self.share * (to - from), ..*self }
    }

    /// Ends the step where it was cancelled.
    ///
    /// # Errors
    /// [`StudioError::Cancelled`]
    pub fn check(&self) -> Result<(), StudioError> {
        if (self.cancelled)() { Err(StudioError::Cancelled) } else { Ok(()) }
    }

    /// Reports that `done` of `all` parts are done.
    pub fn report(&self, done: usize, all: usize) {
        (self.progress)(self.from + self.share * done as f32 / all.max(1) as f32);
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch({} to {})", self.from, self.from + self.share)
    }
}

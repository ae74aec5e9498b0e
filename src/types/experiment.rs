//! The experiment that a camera's frames belong to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::Label;

/// Why a text cannot be an experiment id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExperimentError {
    /// The id is longer than [`ExperimentId::MAX_BYTES`].
    #[error("an experiment id has at most {} bytes", ExperimentId::MAX_BYTES)]
    Long,
    /// The id holds a control character, which would break lines and file names.
    #[error("an experiment id holds no control characters")]
    Control,
}

/// The experiment id of one camera. Clones share it: its command port sets it, and whoever writes something about the
/// camera's frames reads it.
#[derive(Clone, Debug, Default)]
pub struct ExperimentId(Arc<ExperimentInner>);

#[derive(Debug, Default)]
struct ExperimentInner {
    /// Counts the changes, so that a reader takes the lock only after one.
    changes: AtomicU64,
    id: Mutex<Option<Label>>,
}

impl ExperimentId {
    /// Most bytes of an id.
    pub const MAX_BYTES: usize = 128;

    /// Sets the id from now on; white space around it is removed, and an empty one means none. Errors: the text is too
    /// long or holds control characters; then the former id stays.
    pub fn set(&self, id: &str) -> Result<(), ExperimentError> {
        let id = id.trim();
        if id.len() > ExperimentId::MAX_BYTES {
            return Err(ExperimentError::Long);
        }
        if id.chars().any(char::is_control) {
            return Err(ExperimentError::Control);
        }
        self.replace((!id.is_empty()).then(|| id.into()));
        Ok(())
    }

    /// Ends the experiment: from now on there is none.
    pub fn clear(&self) {
        self.replace(None);
    }

    fn replace(&self, id: Option<Label>) {
        let mut current = self.0.id.lock();
        *current = id;
        self.0.changes.fetch_add(1, Ordering::Release);
    }

    /// The id that is set; `None` where there is none.
    pub fn get(&self) -> Option<Label> {
        self.0.id.lock().clone()
    }

    /// A reader for the path of frames.
    pub fn reader(&self) -> ExperimentReader {
        ExperimentReader { experiment: self.clone(), seen: None, id: None }
    }
}

/// Reads the id for one frame after another: one atomic load for each, and a lock only after a change.
#[derive(Debug)]
pub struct ExperimentReader {
    experiment: ExperimentId,
    /// The count of changes when `id` was read.
    seen: Option<u64>,
    id: Option<Label>,
}

impl ExperimentReader {
    /// The id that is set now; `None` where there is none.
    pub fn get(&mut self) -> Option<&Label> {
        let changes = self.experiment.0.changes.load(Ordering::Acquire);
        if self.seen != Some(changes) {
            (self.seen, self.id) = (Some(changes), self.experiment.get());
        }
        self.id.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shared_replaced_and_taken_back_and_one_that_cannot_be_leaves_the_former() {
        let (id, reader) = (ExperimentId::default(), ExperimentId::default());
        assert_eq!(reader.get(), None);
        let reader = id.clone();
        id.set(" run 7/β \r").unwrap();
        assert_eq!(reader.get().as_deref(), Some("run 7/β"));
        assert_eq!(id.set("a\tb"), Err(ExperimentError::Control));
        assert_eq!(id.set(&"x".repeat(129)), Err(ExperimentError::Long));
        assert_eq!(reader.get().as_deref(), Some("run 7/β"));
        id.set("").unwrap();
        assert_eq!(reader.get(), None);
    }

    #[test]
    fn the_reader_of_frames_follows_each_change() {
        let id = ExperimentId::default();
        let mut reader = id.reader();
        assert_eq!(reader.get(), None);
        for run in ["run 1", "run 2"] {
            id.set(run).unwrap();
            assert_eq!(reader.get().map(|id| &**id), Some(run));
            assert_eq!(reader.get().map(|id| &**id), Some(run));
        }
        id.clear();
        assert_eq!((reader.get(), id.get()), (None, None));
    }
}

//! The experiment that a camera's frames belong to.

use std::sync::Arc;

use parking_lot::Mutex;

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
pub struct ExperimentId(Arc<Mutex<Option<Arc<str>>>>);

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
        *self.0.lock() = (!id.is_empty()).then(|| id.into());
        Ok(())
    }

    /// The id that is set; `None` where there is none.
    pub fn get(&self) -> Option<Arc<str>> {
        self.0.lock().clone()
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
}

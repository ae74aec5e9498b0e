//! Why a frame, or what was found on it, could not be worked on.

use crate::engine::RunError;
use crate::image::ImageError;

/// A stage could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The frame could not be put into the tensor.
    #[error("preprocessing: {0}")]
    Image(#[from] ImageError),
    /// The model did not run.
    #[error(transparent)]
    Run(#[from] RunError),
}

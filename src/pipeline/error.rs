//! Errors of processing a frame or its findings.

use crate::engine::RunError;
use crate::image::ImageError;

/// A stage could not process its item.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The frame could not be converted into the tensor.
    #[error("preprocessing: {0}")]
    Image(#[from] ImageError),
    /// The model did not run.
    #[error(transparent)]
    Run(#[from] RunError),
}

//! Pictures into tensors and files: one [`Preprocessor`] from mapped planes to a tensor's bytes
//! (crop, letterbox, resample, colour, normalise), and the snapshot encoder [`jpeg`].
//!
//! Assumed where the planes do not say: limited-range chroma is co-sited with the left luma sample (MPEG-2, H.264),
//! full-range chroma is centred (JPEG); GRAY8 is full range. Within 1 count of the same arithmetic in f64.

pub mod barcode;
mod colour;
mod error;
mod fit;
pub mod jpeg;
mod patch;
mod plan;
mod planes;
mod preprocess;
mod simd;
mod store;
mod taps;
mod target;

pub use error::ImageError;
pub use patch::Patch;
pub use preprocess::Preprocessor;
pub use target::{Channels, Target};

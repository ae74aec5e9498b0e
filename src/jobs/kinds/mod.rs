//! The kinds of jobs whose work is pictures: a file for each.

mod files;
mod lazy;
mod upscale;
mod variations;

pub use lazy::LazyModel;
pub use upscale::{UpscaleAround, UpscaleKind};
pub use variations::{VariationsAround, VariationsKind};

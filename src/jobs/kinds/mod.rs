//! The kinds of jobs whose work is pictures: a file for each.

mod files;
mod upscale;

pub use upscale::{UpscaleAround, UpscaleKind};

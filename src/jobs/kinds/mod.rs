//! The kinds of jobs whose work is pictures and tables about them: a file for each.

mod files;
mod lazy;
mod report;
mod sheet;
mod upscale;
mod variations;

pub use lazy::LazyModel;
pub use report::ReportKind;
pub use upscale::{UpscaleAround, UpscaleKind};
pub use variations::{VariationsAround, VariationsKind};

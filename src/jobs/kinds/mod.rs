//! The kinds of jobs whose work is pictures and tables about them: a file for each.

mod files;
mod lazy;
mod pattern;
mod pictures;
mod probe;
mod report;
mod sheet;
mod upscale;
mod variations;

pub use lazy::LazyModel;
pub use pictures::PictureSettings;
pub use report::ReportKind;
pub use upscale::UpscaleKind;
pub use variations::VariationsKind;

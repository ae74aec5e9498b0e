//! The kinds of jobs whose work is pictures, tables about them, and their way from and to other servers: a file for each.

mod arriving;
mod clip;
mod fetch;
mod files;
mod generate;
mod lazy;
mod pattern;
mod pictures;
mod pointer;
mod probe;
mod report;
mod sheet;
mod template;
mod upload;
mod upscale;
mod variations;

pub use clip::ClipKind;
pub use fetch::FetchKind;
pub use generate::GenerateKind;
pub use lazy::LazyModel;
pub use pictures::{PictureFolders, PictureSettings};
pub use report::ReportKind;
pub use upload::UploadKind;
pub use upscale::UpscaleKind;
pub use variations::VariationsKind;

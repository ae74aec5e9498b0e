//! Pictures for people: the live picture of a camera, and pictures of judged parts.

pub mod command;
mod hub;
mod live;
mod picture;
mod service;

pub use hub::{PreviewCounters, PreviewHub};
pub use live::{PartPictures, Preview, PreviewFeed, PreviewSettings};
pub use picture::PictureItem;
pub use service::{CameraPreview, Previews};

//! Pictures for people: what is seen of a camera and of a judged part.

pub mod annotate;
mod hub;
mod live;
mod picture;

pub use hub::{PreviewCounters, PreviewHub};
pub use live::{PartPictures, Preview, PreviewFeed, PreviewSettings};
pub use picture::PictureItem;

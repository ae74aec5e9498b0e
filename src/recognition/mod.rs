//! Recognition finds out whose face it is. A detected face is aligned by its eyes, checked (large, frontal
//! and sharp enough), embedded, and compared with the [`GalleryIndex`].
//!
//! `study` does the same for pictures of people who are to be enrolled.

mod embed;
mod gallery;
mod index;
mod lane;
pub mod people;
mod recogniser;
mod service;
mod study;

pub use crate::image::face::{FaceFlaw, FacePose, FaceQuality};
pub use gallery::Gallery;
pub use index::{Enrolled, GalleryIndex, IndexError, Match};
pub use lane::{FaceCounters, FaceFeed, FaceFollower, FaceItem, FaceLane, FaceLaneSettings};
pub use people::command;
pub use recogniser::{FaceAnswer, Recognise, Recogniser};
pub use service::{CameraFaces, Recognition, RecognitionError};
pub use study::{FaceFault, Studied, Study};

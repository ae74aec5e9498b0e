//! Recognition: whose face is it? A face that detection found is aligned by its eyes, judged (is it large, frontal and
//! sharp enough?), embedded, and held against the [`GalleryIndex`].
//!
//! `study` does the same for pictures of people who are to be enrolled.

mod embed;
mod gallery;
mod index;
pub mod people;
mod settings;
mod station;
mod study;

pub use crate::image::face::{FaceFlaw, FacePose, FaceQuality};
pub use gallery::Gallery;
pub use index::{Enrolled, GalleryIndex, IndexError, Match};
pub use settings::Settings;
pub use station::{Answer, Recognise, Recogniser};
pub use study::{FaceFault, Studied, Study};

#![doc = include_str!("../README.md")]
//!
//! ```text
//! file ──read──▶ Picture ──Segmenter──▶ Foreground ──cutout──▶ Picture with alpha ──compose──▶ rows ──▶ PictureWriter
//!                   └──────────────────────upscale──────────────────────────────────────────▶ rows ──▶ PictureWriter
//! ```

mod aside;
mod bands;
mod compose;
mod cutout;
mod error;
mod files;
mod light;
mod picture;
mod resample;
mod rows;
mod slides;
mod together;
mod upscale;
mod watch;

pub use aside::{AsideFile, FileWriter, WrittenFile, plain_stem, remove_older, remove_partial, write_file};
pub use compose::{Background, ComposeOptions, Shadow, SolidColour, compose};
pub use cutout::{CutoutOptions, Foreground, Segmenter, Subject, cutout};
pub use error::StudioError;
pub use files::{FileFormat, PictureWriter, SavedPicture, Target, save};
pub use light::Light;
pub use picture::{LIMITS, Picture};
pub use resample::Resampler;
pub use rows::{Collected, RowSink};
pub use slides::SlideShow;
pub use together::together;
pub use upscale::{Fallback, Method, UpscaleOptions, Upscaled, Upscaler, upscale, upscale_to_file};
pub use watch::Watch;

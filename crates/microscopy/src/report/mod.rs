//! What a person looks at: pictures of frames with the cells outlined, and plots. Data come in, RGB and SVG go out;
//! files and pages are made of them elsewhere.

mod digits;
mod overlay;

pub use overlay::{JpegError, Outline, Rgb, overlay};

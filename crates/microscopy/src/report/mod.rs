//! What a person looks at: pictures of frames with the cells outlined, and plots. Data come in, RGB and SVG go out;
//! files and pages are made of them elsewhere.

mod digits;
mod histogram;
mod overlay;
mod plot;
mod sample;

pub use histogram::Histogram;
pub use overlay::{JpegError, Outline, Rgb, overlay};
pub use plot::{Axis, Dot, PlotError, fit, histogram, quality, scatter, traces};
pub use sample::{Line, every, median, thinned};

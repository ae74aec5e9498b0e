//! Pictures into tensors and files: one [`Preprocessor`] from mapped planes to a tensor's bytes
//! (crop, letterbox, resample, colour, normalise); into a [`Canvas`] in memory ([`Copier`]), which may be drawn into
//! ([`draw`]) and becomes a file ([`jpeg`]). Files into pictures ([`picture`]). Regions of a part into patches ([`Cutter`]), where the part lies ([`Aligner`]), and what can be measured on a patch without a model.
//!
//! Assumed where the planes do not say: limited-range chroma is co-sited with the left luma sample (MPEG-2, H.264),
//! full-range chroma is centred (JPEG); GRAY8 is full range. Within 1 count of the same arithmetic in f64.

mod align;
pub mod barcode;
mod caliper;
mod canvas;
mod colour;
pub mod compare;
mod copier;
mod correlate;
mod dots;
pub mod draw;
mod error;
pub mod face;
mod fit;
mod geometry;
pub mod jpeg;
mod lab;
mod mask;
mod matcher;
mod patch;
pub mod picture;
mod plan;
mod planes;
mod polish;
mod preprocess;
mod presence;
mod rotated;
mod sampler;
mod simd;
mod store;
mod target;
mod template;
mod tensor;
mod warp;
mod weights;

pub use align::{AlignError, Aligner, FoundPart, Reach, rigid};
pub use caliper::{Caliper, CaliperEdge, CaliperError, Distance, EdgePolarity};
pub use canvas::{Canvas, Sampling};
pub use copier::{Copier, size_within};
pub use dots::Dots;
pub use error::ImageError;
pub use geometry::{Point, Pose, Rect};
pub use lab::Lab;
pub use mask::Mask;
pub use matcher::TemplateMatcher;
pub use patch::{Channels, Patch};
pub use planes::{Colour, Matrix, PixelFormat, Planes, Range};
pub use preprocess::Preprocessor;
pub use presence::GreyLevels;
pub use rotated::RotatedRect;
pub use target::Target;
pub use template::{Template, TemplateError, TemplateMatch};
pub use tensor::{Dtype, Fit, Placement, Resize};
pub use warp::Cutter;

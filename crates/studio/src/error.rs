//! Why a picture of a job could not be made, with what to do next.

use std::path::PathBuf;

use ocellus_engine::{EngineError, RunError};
use ocellus_image::ImageError;
use ocellus_image::picture::PictureError;
use ocellus_text::Explanation;

/// A step of a studio job failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum StudioError {
    /// The input is not a picture that can be read.
    Picture(#[from] PictureError),
    /// The model could not be made ready.
    Engine(#[from] EngineError),
    /// The model's runtime failed while it ran.
    Run(#[from] RunError),
    /// A picture could not be put into a tensor or a file.
    Image(#[from] ImageError),
    /// The PNG encoder refused the picture.
    Png(#[from] png::EncodingError),
    /// There is no model for the step.
    NoModel,
    /// The model has another task, or tensors that this step cannot use.
    Model {
        /// The model's name in the configuration.
        model: String,
        /// What is not as it should be.
        fault: String,
        /// What would be right.
        needed: &'static str,
    },
    /// A file or folder could not be written.
    Write {
        /// The path that failed.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The name of an output contains what a file's name must not.
    Name {
        /// The name that was asked for.
        name: String,
    },
    /// A colour that is not written as `#rrggbb`.
    Colour {
        /// The text that was given.
        text: String,
    },
    /// An option outside its range.
    Option {
        /// Name of the option as its struct has it.
        option: &'static str,
        /// The value that was given.
        value: f64,
        /// The values that are allowed.
        allowed: &'static str,
    },
    /// The result would have more pixels than allowed.
    TooLarge {
        /// Width of the result, px.
        width: usize,
        /// Height of the result, px.
        height: usize,
        /// The most pixels that a result may have.
        max_px: u64,
    },
    /// A picture with alpha was to become a JPEG.
    AlphaInJpeg,
    /// Rows were given that do not fit the picture under way.
    Rows {
        /// What does not fit.
        fault: String,
    },
    /// The segmentation found nothing to cut out.
    NothingFound,
    /// The step was cancelled.
    Cancelled,
}

impl StudioError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            StudioError::Picture(error) => error.explanation(),
            StudioError::Engine(error) => error.explanation(),
            StudioError::Run(error) => Explanation::new(
                error.to_string(),
                "try again; if it stays, check the model with `ocellus models`",
            ),
            StudioError::Image(error) => Explanation::new(error.to_string(), ""),
            StudioError::Png(error) => {
                Explanation::new(format!("the PNG cannot be written: {error}"), "check the disk's free space")
            }
            StudioError::NoModel => Explanation::new(
                "there is no model for this step",
                "add a model of task `segment` for cutting out, or `upscale` for enlarging, to the configuration",
            ),
            StudioError::Model { model, fault, needed } => {
                Explanation::new(format!("model {model}: {fault}"), format!("name a model {needed}"))
            }
            StudioError::Write { path, source } => Explanation::new(
                format!("cannot write {}: {source}", path.display()),
                "check that the folder exists, may be written, and has free space",
            ),
            StudioError::Name { name } => Explanation::new(
                format!("{name:?} cannot be the name of a file"),
                "use letters, digits, `-`, `_` and `.`, not first a `.`, at most 120 bytes",
            ),
            StudioError::Colour { text } => Explanation::new(
                format!("{text:?} is no colour"),
                "write it as #rrggbb, for instance #e8e8e8",
            ),
            StudioError::Option { option, value, allowed } => {
                Explanation::new(format!("{option} cannot be {value}"), format!("use {allowed}"))
            }
            StudioError::TooLarge { width, height, max_px } => Explanation::new(
                format!("the result would have {width} x {height} px"),
                format!("enlarge it less, or raise the limit of {} MP", max_px / 1_000_000),
            ),
            StudioError::AlphaInJpeg => Explanation::new(
                "a JPEG cannot hold the picture's transparency",
                "write a PNG, or put the picture on a background first",
            ),
            StudioError::Rows { fault } => Explanation::new(fault.clone(), ""),
            StudioError::NothingFound => Explanation::new(
                "the model finds nothing in the foreground of the picture",
                "check what the model was trained for, or lower `min_share`",
            ),
            StudioError::Cancelled => Explanation::new("cancelled", ""),
        }
    }
}

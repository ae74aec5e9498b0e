//! The trait that every kind of check implements, with its input and its result.

use crate::engine::RunError;
use crate::image::{CaliperError, Cutter, ImageError, Mask, Patch, RotatedRect};
use crate::image::{barcode, compare};
use crate::types::{Channels, Defect, Planes, Pose};

use super::models::ModelTools;

/// Why a region could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The region could not be cut out.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The model did not run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The comparison with the golden pictures failed.
    #[error(transparent)]
    Compare(#[from] compare::CompareError),
    /// Nothing could be measured.
    #[error(transparent)]
    Caliper(#[from] CaliperError),
    /// The reader of barcodes failed.
    #[error(transparent)]
    BarcodeCheck(#[from] barcode::BarcodeError),
    /// The recipe asks for the text of the trigger, and none came with it.
    #[error(
        "expect = \"trigger\", but no text came with the trigger; send it: TRIG TEXT, or {{\"text\": …}}"
    )]
    NoText,
}

/// The result of a check.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub good: bool,
    pub score: f32,
    pub threshold: f32,
    pub unit: &'static str,
    pub text: Option<String>,
    /// Defects with bounds in recipe px.
    pub defects: Vec<Defect>,
}

/// One region of one part, and the worker's tools.
pub(super) struct View<'a> {
    pub planes: &'a Planes<'a>,
    pub region: &'a RotatedRect,
    pub mask: Option<&'a Mask>,
    pub pose: &'a Pose,
    /// The text that came with the trigger.
    pub text: Option<&'a str>,
    pub cutter: &'a mut Cutter,
    pub patch: &'a mut Patch,
    pub models: &'a mut [ModelTools],
}

impl View<'_> {
    /// The region as a patch in recipe px.
    pub fn cut(&mut self, channels: Channels) -> Result<&Patch, ImageError> {
        self.cutter.cut(self.planes, self.region, self.pose, channels, self.patch)?;
        Ok(self.patch)
    }
}

/// A kind of check, prepared for one region; each worker forks its own copy from the prepared one.
pub(super) trait Check: Send + Sync {
    /// Judges the region of this view; fails where it cannot be cut out or its model does not run.
    fn run(&mut self, view: &mut View<'_>) -> Result<Found, CheckError>;
    /// A picture of the region with its defects marked; `None` where the kind has nothing to show.
    fn picture(&mut self, _view: &mut View<'_>) -> Result<Option<Patch>, CheckError> {
        Ok(None)
    }
    /// A copy for another worker, which shares what was learned but not the scratch memory.
    fn fork(&self) -> Box<dyn Check>;
}

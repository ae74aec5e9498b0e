//! Judges a whole part on one thread, without a lane; replay and qualification use this.

use std::sync::Arc;

use super::inspector::Inspector;
use super::program::Program;
use crate::types::{Frame, Outcome, Pose, RoiResult};

/// The result for one part.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// How it ended: `ok`, `ng` or `error`.
    pub outcome: Outcome,
    /// Why the part was not judged, where no region gives the reason.
    pub cause: Option<Arc<str>>,
    /// The pose of the part; `None` where it was not searched for or not found.
    pub pose: Option<Pose>,
    /// The regions in the recipe's order.
    pub rois: Vec<RoiResult>,
}

/// Judges the part on `frame` as production does: finds it, then judges every region of `program`.
/// `inspector` must come from the same program; `text` came with the trigger.
pub fn judge(program: &Program, inspector: &mut Inspector, frame: &Frame, text: Option<&str>) -> Judged {
    let found = inspector.find(frame);
    let (pose, cause) = match found {
        Ok(pose) => (pose, None),
        Err(fault) => (None, Some(fault.cause)),
    };
    let regions = program.regions.iter().enumerate();
    let rois: Vec<RoiResult> = regions
        .map(|(index, region)| match &cause {
            None => inspector.roi(frame, pose.as_ref(), index, text),
            Some(cause) => RoiResult::failed(&region.name, region.kind, cause),
        })
        .collect();
    Judged { outcome: Outcome::of(&rois, cause.is_some()), cause, pose, rois }
}

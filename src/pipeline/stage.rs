//! What is done to a frame. Every stage has the same small face; none knows another.

use std::sync::Arc;

use crate::engine::{EngineError, RunError};
use crate::image::ImageError;
use crate::types::{Class, Frame, Patch, Pose, Rect, Report, RoiResult, RunState};

/// A stage could not do its work on a frame.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The frame could not be put into the tensor.
    #[error("preprocessing: {0}")]
    Image(#[from] ImageError),
    /// The model did not run.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// A kind of work on frames: makes [`Station`]s, one a worker.
pub trait Stage: Send + Sync {
    /// Its name in counters and messages.
    fn name(&self) -> &str;
    /// Its class of work.
    fn class(&self) -> Class;
    /// A station for one worker, warmed up.
    fn station(&self) -> Result<Box<dyn Station>, EngineError>;
}

/// One worker's tools for one stage.
pub trait Station: Send {
    /// Works on `frame`, or on `region` of it (frame px), and adds what it finds to `report`; regions that
    /// another stage shall look at go to `fan_out`. Allocates nothing once warm.
    fn process(
        &mut self,
        frame: &Frame,
        region: Option<Rect>,
        report: &mut Report,
        fan_out: &mut dyn FanOut,
    ) -> Result<(), StageError>;

    /// How many frames it takes at once, 1 to [`MAX_BATCH`](crate::types::MAX_BATCH).
    fn batch(&self) -> usize {
        1
    }

    /// Works on several frames, or regions of some, at once; at most [`Station::batch`]. Where it fails no report has
    /// been touched. Allocates nothing once warm.
    fn process_many(&mut self, work: &mut [Work<'_>]) -> Result<(), StageError> {
        work.iter_mut().try_for_each(|work| self.process(work.frame, work.region, work.report, &mut Alone))
    }

    /// What the last runs of its models say about them.
    fn run_state(&self) -> RunState {
        RunState::Unsure
    }
}

/// One of several frames that a station works on at once.
pub struct Work<'a> {
    /// The frame.
    pub frame: &'a Frame,
    /// The part of it that is meant, frame px.
    pub region: Option<Rect>,
    /// Where to put what is found.
    pub report: &'a mut Report,
}

/// Nobody to send regions to: frames that are worked on together are worked on whole.
struct Alone;

impl FanOut for Alone {
    fn emit(&mut self, _: &str, _: Rect) -> bool {
        false
    }
}

/// Where a station sends regions of its frame. The frame's report is complete when all of them are done.
pub trait FanOut {
    /// Sends `region` (frame px) to the stage called `stage`; false where there is no such stage.
    fn emit(&mut self, stage: &str, region: Rect) -> bool;
}

/// A part could not be found on its frame, so that none of its regions can be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct PartFault {
    /// What was wrong, where, and what to do.
    pub cause: Arc<str>,
}

impl PartFault {
    /// With this cause.
    pub fn new(cause: impl Into<Arc<str>>) -> PartFault {
        PartFault { cause: cause.into() }
    }
}

/// One worker's tools for the inspection of one product.
pub trait PartStation: Send {
    /// Where the part lies on `frame`; `None` where the recipe does not look for it.
    fn find(&mut self, frame: &Frame) -> Result<Option<Pose>, PartFault>;

    /// Judges region `index` of the recipe on a part that lies at `pose`. `text` came with the trigger. What cannot be
    /// judged is a verdict too: `error`, with its cause.
    fn roi(&mut self, frame: &Frame, pose: Option<&Pose>, index: usize, text: Option<&str>) -> RoiResult;

    /// The region with what is wrong marked in it, for people; `None` where the kind has nothing to show.
    fn picture(&mut self, frame: &Frame, pose: Option<&Pose>, index: usize) -> Option<Patch> {
        let _ = (frame, pose, index);
        None
    }

    /// What the last runs of its models say about them.
    fn run_state(&self) -> RunState {
        RunState::Unsure
    }
}

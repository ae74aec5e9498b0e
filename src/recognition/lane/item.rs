//! One face as a work item of recognition. Dropping it frees its place in the order, with or without an
//! answer.

use std::sync::Arc;

use super::FaceLane;
use crate::recognition::{FaceAnswer, Recogniser};
use crate::ring::Lease;
use crate::scheduler::{Cause, Executor, WorkItem};
use crate::types::{Frame, Label, Point, Rect, RunState, Stamp, ZoneSet};

/// A tracked face in one frame.
#[derive(Clone, Debug)]
pub(super) struct SeenFace {
    pub track: u64,
    pub rect: Rect,
    /// The zones of the camera that the face is in.
    pub zones: ZoneSet,
    pub frame_seq: u64,
    pub captured: Stamp,
    pub experiment: Option<Label>,
    /// Time on the lane's clock, nanoseconds.
    pub now_ns: u64,
}

/// A face that recognition should look at.
#[derive(Clone, Debug)]
pub(super) struct Face {
    pub seen: SeenFace,
    pub points: [Point; 6],
}

/// A face with the frame that shows it.
pub struct FaceItem {
    lane: Arc<FaceLane>,
    ticket: u64,
    frame: Lease<Frame>,
    face: Face,
    answer: Option<FaceAnswer>,
}

impl FaceItem {
    pub(super) fn new(lane: Arc<FaceLane>, ticket: u64, frame: Lease<Frame>, face: Face) -> FaceItem {
        FaceItem { lane, ticket, frame, face, answer: None }
    }
}

impl WorkItem for FaceItem {
    fn fail(&mut self, stage: &str, cause: &str) {
        let (camera, frame, track) = (&self.lane.settings.camera, self.frame.seq, self.face.seen.track);
        tracing::warn!(%camera, frame, track, stage, "a face failed: {cause}");
        self.lane.counters.failed.add(1);
        self.answer = None;
    }
}

impl Drop for FaceItem {
    fn drop(&mut self) {
        self.lane.arrived(self.ticket, self.face.seen.clone(), self.answer.take());
    }
}

/// Runs recognition for faces on one worker.
impl Executor<FaceItem> for Recogniser {
    fn run(&mut self, item: &mut FaceItem) -> Result<(), Cause> {
        let (planes, settings) = (item.frame.planes(), &item.lane.settings.recognition);
        item.answer = Some(self.look(&planes, &item.face.points, settings)?);
        Ok(())
    }

    fn run_state(&self) -> RunState {
        Recogniser::run_state(self)
    }
}

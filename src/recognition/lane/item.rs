//! One face on its way through recognition. When it is dropped its place in the order is free, answered or not.

use std::sync::Arc;

use super::FaceLane;
use crate::recognition::{Answer, Recogniser};
use crate::ring::Lease;
use crate::scheduler::{Cause, Executor, WorkItem};
use crate::types::{Frame, Point, Rect, RunState, Stamp, ZoneSet};

/// A tracked face in one frame.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub track: u64,
    pub rect: Rect,
    /// The camera's zones that it is in.
    pub zones: ZoneSet,
    pub frame_seq: u64,
    pub captured: Stamp,
    /// On the lane's clock.
    pub now_ns: u64,
}

/// A face that is worth a look.
#[derive(Clone, Debug)]
pub(super) struct Face {
    pub seen: Seen,
    pub points: [Point; 6],
}

/// A face, and the frame that it is in.
pub struct FaceItem {
    lane: Arc<FaceLane>,
    ticket: u64,
    frame: Lease<Frame>,
    face: Face,
    answer: Option<Answer>,
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

/// Recognition at work on one worker.
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

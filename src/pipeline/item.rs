//! What the workers work on; a frame on its way through a stage, alone or in regions.

use std::sync::Arc;

use super::{FaceItem, Lane, PartItem, PictureItem};
use crate::pipeline::stage::{FanOut, Station, Work};
use crate::ring::Lease;
use crate::scheduler::{Fan, Join};
use crate::types::{Fault, Frame, MAX_BATCH, Rect, Report, RunState};

/// Which frame of which lane an item belongs to.
#[derive(Clone)]
struct Origin {
    lane: Arc<Lane>,
    ticket: u64,
    frame: Lease<Frame>,
}

/// What the workers work on. When one is dropped its outcome is handed on: an item cannot get lost.
#[allow(clippy::large_enum_variant, reason = "a box would be an allocation for every face")]
pub enum Item {
    /// A frame of a stream, or a region of one.
    Frame(FrameItem),
    /// A part that a trigger picked, or a region of it.
    Part(PartItem),
    /// A tracked face.
    Face(FaceItem),
    /// A picture for people.
    Picture(PictureItem),
}

impl crate::scheduler::Item for Item {
    fn fail(&mut self, stage: &str, cause: &str) {
        match self {
            Item::Frame(frame) => frame.fail(stage, cause),
            Item::Part(part) => part.fail(stage, cause),
            Item::Face(face) => face.fail(stage, cause),
            Item::Picture(picture) => picture.fail(stage, cause),
        }
    }

    fn finish(self) {}
}

/// A frame, or a region of one, on its way through a stage.
pub struct FrameItem {
    origin: Origin,
    region: Option<Rect>,
    /// `None` only while it is being dropped.
    report: Option<Arc<Report>>,
    /// Set once the frame has been fanned out.
    join: Option<Arc<Join<Arc<Report>>>>,
}

impl FrameItem {
    /// A whole frame, with the report that it is to fill.
    pub(super) fn new(lane: Arc<Lane>, ticket: u64, frame: Lease<Frame>, report: Arc<Report>) -> FrameItem {
        let origin = Origin { lane, ticket, frame };
        FrameItem { origin, region: None, report: Some(report), join: None }
    }

    fn fail(&mut self, stage: &str, cause: &str) {
        let Origin { lane, frame, .. } = &self.origin;
        tracing::warn!(camera = %lane.camera, frame = frame.seq, stage, "the frame failed: {cause}");
        if let Some(report) = self.report.as_mut().and_then(Arc::get_mut) {
            report.fault = Some(Fault { stage: stage.into(), cause: cause.into() });
        }
    }
}

impl Drop for FrameItem {
    fn drop(&mut self) {
        let Some(part) = self.report.take() else { return };
        let Origin { lane, ticket, frame } = &self.origin;
        let whole = match &self.join {
            Some(join) => join.done(part, |into, part| {
                merge(into, &part);
                lane.pool.give_back(part);
            }),
            None => Some(part),
        };
        if let Some(report) = whole {
            lane.arrived(*ticket, report, frame);
        }
    }
}

/// Adds what one item found to the report of its frame.
fn merge(into: &mut Arc<Report>, part: &Report) {
    let Some(into) = Arc::get_mut(into) else { return };
    let (whole, own) = (&mut into.latency, part.latency);
    whole.wait_us = whole.wait_us.max(own.wait_us);
    whole.preprocess_us += own.preprocess_us;
    whole.infer_us += own.infer_us;
    whole.decode_us += own.decode_us;
    part.findings.iter().for_each(|finding| into.push(finding.clone()));
    into.overflow += part.overflow;
    into.fault = into.fault.take().or_else(|| part.fault.clone());
    if into.embedding.is_empty() {
        into.embedding.clone_from(&part.embedding);
    }
}

/// Step 2: a stage at work on one worker. Joins the stages' small face to the scheduler's.
pub struct StageStation(pub Box<dyn Station>);

impl crate::scheduler::Station<Item> for StageStation {
    fn work(&mut self, item: &mut Item, fan: &mut Fan<'_, Item>) -> Result<(), String> {
        let Item::Frame(item) = item else {
            return Err("something else than a frame came to a stage of frames".into());
        };
        let FrameItem { origin, region, report, join } = item;
        // Nobody else holds an item's report before the item is done.
        let Some(report) = report.as_mut().and_then(Arc::get_mut) else { return Ok(()) };
        let mut regions = Regions { origin, join, fan };
        self.0.process(&origin.frame, *region, report, &mut regions).map_err(|error| error.to_string())
    }

    fn batch(&self) -> usize {
        self.0.batch()
    }

    fn work_many(&mut self, items: &mut [Item], _: &mut Fan<'_, Item>) -> Result<(), String> {
        let mut work: heapless::Vec<Work<'_>, MAX_BATCH> = heapless::Vec::new();
        for item in items {
            let Item::Frame(item) = item else {
                return Err("something else than a frame came to a stage of frames".into());
            };
            let FrameItem { origin, region, report, .. } = item;
            let Some(report) = report.as_mut().and_then(Arc::get_mut) else { continue };
            let one = Work { frame: &origin.frame, region: *region, report };
            work.push(one).map_err(|_| "more frames than a model takes at once")?;
        }
        self.0.process_many(&mut work).map_err(|error| error.to_string())
    }

    fn run_state(&self) -> RunState {
        self.0.run_state()
    }
}

/// Sends regions of an item's frame to other stages; their findings join the item's report.
struct Regions<'a, 'b> {
    origin: &'a Origin,
    join: &'a mut Option<Arc<Join<Arc<Report>>>>,
    fan: &'a mut Fan<'b, Item>,
}

impl FanOut for Regions<'_, '_> {
    fn emit(&mut self, stage: &str, region: Rect) -> bool {
        let join = self.join.get_or_insert_with(|| Arc::new(Join::new(1))).clone();
        join.add();
        let report = Some(self.origin.lane.pool.blank(&self.origin.frame));
        let part = FrameItem { origin: self.origin.clone(), region: Some(region), report, join: Some(join) };
        self.fan.emit(stage, Item::Frame(part)).is_ok()
    }
}

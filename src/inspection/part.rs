//! Work items of one acquisition: the whole part first, then its regions in parallel. No item can get lost:
//! work that is not done when its item is dropped becomes an `error`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use super::acquire::{PartLane, Regions};
use super::inspector::PartFault;
use crate::ring::Lease;
use crate::scheduler::WorkItem;
use crate::types::{
    AcquisitionId, Clock, Frame, Inspection, InspectionLatency, Label, OnComplete, Outcome, Point, Pose,
    RoiResult, Stamp, SystemClock, Trigger,
};

/// The product that a lane inspects, with what its results need of the prepared recipe.
#[derive(Debug)]
pub struct Product {
    /// The name of the product.
    pub name: Label,
    /// The revision of the recipe.
    pub recipe_revision: u32,
    /// The revision of the golden pictures; 0 where it has none.
    pub golden_revision: u64,
    /// Name and kind of each ROI, in the recipe's order.
    pub rois: Vec<(Label, &'static str)>,
    /// The corners of each ROI, recipe px.
    pub outlines: Arc<[Vec<Point>]>,
    /// The scheduler's stage whose executors know this recipe.
    pub stage: Arc<str>,
}

impl Product {
    /// A placeholder for lanes that have no product selected.
    pub(super) fn none() -> Product {
        Product {
            name: "".into(),
            recipe_revision: 0,
            golden_revision: 0,
            rois: Vec::new(),
            outlines: Arc::default(),
            stage: "".into(),
        }
    }

    /// Whether no acquisition of this product is under way, so that its stage may be removed. Only the last
    /// owner may ask, once the lane has another product, because every acquisition under way holds a
    /// reference.
    pub fn is_done(self: &Arc<Product>) -> bool {
        Arc::strong_count(self) == 1
    }
}

/// A trigger that was given its number.
pub(super) struct PulledTrigger {
    pub(super) id: AcquisitionId,
    /// The acquisition's place in the order of ends.
    pub(super) ticket: u64,
    pub(super) trigger: Trigger,
    /// The moment that the frame must show: the trigger's time plus its delay.
    pub(super) moment: Stamp,
    pub(super) product: Arc<Product>,
    pub(super) on_complete: Option<Arc<dyn OnComplete>>,
}

impl PulledTrigger {
    /// The record of an acquisition that ended without a frame being judged, `total_us` after its trigger.
    pub(super) fn without_frame(
        &self,
        camera: &Label,
        outcome: Outcome,
        cause: Arc<str>,
        total_us: u32,
    ) -> Inspection {
        Inspection {
            recording: None,
            experiment: None,
            id: self.id,
            camera: camera.clone(),
            trigger: self.trigger.clone(),
            product: self.product.name.clone(),
            recipe_revision: self.product.recipe_revision,
            golden_revision: self.product.golden_revision,
            frame: None,
            outcome,
            cause: Some(cause),
            pose: None,
            rois: Vec::new(),
            latency: InspectionLatency { total_us, ..InspectionLatency::default() },
        }
    }
}

/// An acquisition that has its frame.
pub(super) struct Acquisition {
    pub(super) lane: Arc<PartLane>,
    pub(super) pulled: Arc<PulledTrigger>,
    pub(super) frame: Lease<Frame>,
    /// When the frame was chosen.
    pub(super) chosen: Stamp,
    begun: OnceLock<Stamp>,
    aligned: OnceLock<(Stamp, Result<Option<Pose>, PartFault>)>,
    // A panic under the lock leaves them consistent, because each is stored in one step.
    results: Mutex<Vec<Option<RoiResult>>>,
    /// Items under way: one for the part, and one for each ROI once the part is found.
    pending: AtomicUsize,
}

impl Acquisition {
    pub(super) fn new(
        lane: Arc<PartLane>,
        pulled: Arc<PulledTrigger>,
        frame: Lease<Frame>,
        now: Stamp,
    ) -> Acquisition {
        let results = Mutex::new(pulled.product.rois.iter().map(|_| None).collect());
        Acquisition {
            lane,
            pulled,
            frame,
            chosen: now,
            begun: OnceLock::new(),
            aligned: OnceLock::new(),
            results,
            pending: AtomicUsize::new(1),
        }
    }

    fn pose(&self) -> Option<Pose> {
        self.aligned.get().and_then(|(_, pose)| pose.as_ref().ok().copied().flatten())
    }

    fn keep(&self, index: usize, result: RoiResult) {
        self.results.lock()[index] = Some(result);
    }

    /// Counts one item as done; the last one reports the verdict.
    fn one_done(&self) {
        if self.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.lane.judged(self.pulled.id, self.record(), &self.frame, self.pulled.on_complete.as_ref());
        }
    }

    fn record(&self) -> Inspection {
        let fault = match self.aligned.get() {
            Some((_, Err(fault))) => Some(fault.cause.clone()),
            Some((_, Ok(_))) => None,
            None => Some("the work on this part was given up".into()),
        };
        let undone: Arc<str> = fault.clone().unwrap_or_else(|| "the work on this region was given up".into());
        let results = std::mem::take(&mut *self.results.lock());
        let named = self.pulled.product.rois.iter().zip(results);
        let rois: Vec<RoiResult> = named
            .map(|((name, kind), result)| result.unwrap_or_else(|| RoiResult::failed(name, kind, &undone)))
            .collect();
        let PulledTrigger { id, trigger, product, .. } = &*self.pulled;
        Inspection {
            recording: None,
            experiment: self.frame.experiment.clone(),
            id: *id,
            camera: self.lane.camera().clone(),
            trigger: trigger.clone(),
            product: product.name.clone(),
            recipe_revision: product.recipe_revision,
            golden_revision: product.golden_revision,
            frame: Some((self.frame.seq, self.frame.captured)),
            outcome: Outcome::of(&rois, fault.is_some()),
            cause: fault,
            pose: self.pose(),
            rois,
            latency: self.latency(),
        }
    }

    fn latency(&self) -> InspectionLatency {
        let now = SystemClock.now();
        let begun = self.begun.get().copied().unwrap_or(now);
        let aligned = self.aligned.get().map_or(now, |(at, _)| *at);
        InspectionLatency {
            frame_us: self.chosen.latency_since(self.pulled.trigger.at),
            wait_us: begun.latency_since(self.chosen),
            align_us: aligned.latency_since(begun),
            rois_us: now.latency_since(aligned),
            total_us: now.latency_since(self.pulled.trigger.at),
        }
    }
}

/// A part on its way through the inspection stage, or one region of it.
pub struct PartItem {
    acquisition: Arc<Acquisition>,
    /// `None`: the part as a whole, to be found first.
    roi: Option<usize>,
    /// The queue of the part's regions; it ends with its product.
    regions: Weak<Regions>,
}

impl PartItem {
    pub(super) fn new(acquisition: Acquisition, regions: Weak<Regions>) -> PartItem {
        PartItem { acquisition: Arc::new(acquisition), roi: None, regions }
    }

    /// The region that is to be judged; `None` where the part is to be found first.
    pub fn roi(&self) -> Option<usize> {
        self.roi
    }

    /// Calls `find` to locate the part on its frame, then sends its regions to all free workers.
    pub fn find(&self, find: impl FnOnce(&Frame) -> Result<Option<Pose>, PartFault>) {
        let acquisition = &self.acquisition;
        let _ = acquisition.begun.set(SystemClock.now());
        let found = find(&acquisition.frame);
        let is_found = found.is_ok();
        let _ = acquisition.aligned.set((SystemClock.now(), found));
        if !is_found {
            return;
        }
        let count = acquisition.pulled.product.rois.len();
        acquisition.pending.fetch_add(count, Ordering::Relaxed);
        let regions = (0..count).map(|index| PartItem {
            acquisition: acquisition.clone(),
            roi: Some(index),
            regions: self.regions.clone(),
        });
        match self.regions.upgrade() {
            Some(waiting) => waiting.send(regions),
            // Where the product's stage is gone, each region ends as an error when it is dropped.
            None => regions.for_each(drop),
        }
    }

    /// Calls `judge` for the item's region with its frame, the part's pose, and the text that came with the
    /// trigger.
    pub fn judge(&self, judge: impl FnOnce(&Frame, Option<&Pose>, Option<&str>) -> RoiResult) {
        let acquisition = &self.acquisition;
        let Some(index) = self.roi else { return };
        let text = acquisition.pulled.trigger.text.as_deref();
        acquisition.keep(index, judge(&acquisition.frame, acquisition.pose().as_ref(), text));
    }
}

impl WorkItem for PartItem {
    fn fail(&mut self, stage: &str, cause: &str) {
        let Acquisition { lane, pulled, aligned, .. } = &*self.acquisition;
        tracing::warn!(camera = %lane.camera(), acquisition = pulled.id, stage, roi = self.roi, "failed: {cause}");
        match self.roi {
            Some(index) => {
                let (name, kind) = &pulled.product.rois[index];
                self.acquisition.keep(index, RoiResult::failed(name, kind, cause));
            }
            None => {
                let _ = aligned.set((SystemClock.now(), Err(PartFault::new(cause))));
            }
        }
    }
}

impl Drop for PartItem {
    fn drop(&mut self) {
        self.acquisition.one_done();
    }
}

//! A camera that inspects: its lane of parts, and the product that is selected on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::acquire::PartLane;
use super::choice::{PartLaneSettings, RecordingsOfParts};
use super::command::TriggerRequest;
use super::part::{PartItem, Product};
use crate::config::Inspect;
use crate::pipeline::Sink;
use crate::ring::{Bell, Ring};
use crate::scheduler::{Attachment, Scheduler};
use crate::supervisor::{Beat, Stop};
use crate::types::{Frame, Numbering, OnComplete, Origin, RecordingRequests, Stamp, Trigger, TriggerKind};

/// How often the loop beats, and looks for products to retire, while no trigger is due.
const PATIENCE: Duration = Duration::from_millis(200);
/// During the drain, all acquisitions are given up when none has ended for this long: less than half of the
/// usual drain time.
const DRAIN: Duration = Duration::from_secs(2);
const DRAIN_LOOK: Duration = Duration::from_millis(2);

/// A camera that inspects.
pub struct InspectionCamera {
    /// The name of the camera.
    pub name: String,
    /// The acquisitions of the camera, from trigger to report.
    pub lane: Arc<PartLane>,
    /// The `inspect` section of the camera.
    pub settings: Inspect,
    pub(super) ring: Ring<Frame>,
    pub(super) state: Mutex<CameraProducts>,
    scheduler: Arc<Scheduler>,
}

/// The products of a camera.
#[derive(Default)]
pub(super) struct CameraProducts {
    pub(super) selected: Option<SelectedProduct>,
    /// Former products whose last parts are still in flight.
    pub(super) former: Vec<SelectedProduct>,
    /// Why the requested product is not ready.
    pub(super) fault: Option<String>,
    /// The requested product, if it is not the selected one: it could not be loaded, or was selected before
    /// the camera was changed.
    pub(super) wanted: Option<String>,
}

/// A product that is ready on the workers.
pub(super) struct SelectedProduct {
    pub(super) product: Arc<Product>,
    pub(super) queue: Attachment<PartItem>,
}

/// What the parts of a camera are built from.
pub(super) struct LaneAround {
    /// The source of acquisition numbers.
    pub(super) numbers: Numbering,
    pub(super) sinks: Arc<[Arc<dyn Sink>]>,
    pub(super) bell: Arc<Bell>,
    pub(super) scheduler: Arc<Scheduler>,
    /// Records the camera around its triggers.
    pub(super) recordings: Arc<dyn RecordingRequests>,
}

impl InspectionCamera {
    /// The camera `name`, whose frames are in `ring`; it has no product yet.
    pub(super) fn new(
        name: &str,
        settings: &Inspect,
        ring: &Ring<Frame>,
        around: LaneAround,
    ) -> InspectionCamera {
        let lane = PartLaneSettings {
            camera: name.into(),
            pick: settings.pick,
            queue: settings.queue,
            max_wait: settings.max_wait,
            tolerance: settings.tolerance,
            numbers: around.numbers,
            recordings: Some(RecordingsOfParts(around.recordings)),
        };
        InspectionCamera {
            name: name.to_owned(),
            lane: PartLane::new(lane, ring.clone(), around.sinks, around.bell),
            settings: settings.clone(),
            ring: ring.clone(),
            state: Mutex::default(),
            scheduler: around.scheduler,
        }
    }

    /// The command `trigger`, which came from `origin` at `at` from the requester `name`. `on_complete` gets the
    /// record at the end of the acquisition.
    pub fn trigger(
        &self,
        asked: TriggerRequest,
        (origin, at, name): (Origin, Stamp, &str),
        on_complete: Arc<dyn OnComplete>,
    ) {
        let kind = match origin {
            Origin::Mqtt => TriggerKind::Mqtt,
            Origin::Cli { .. } => TriggerKind::Cli,
            Origin::Serial => TriggerKind::Serial,
            Origin::Web => TriggerKind::Http,
        };
        let trigger = Trigger { kind, name: name.into(), at, text: asked.text.map(Into::into) };
        self.lane.pull(trigger, at, Some(on_complete));
    }

    /// Why the requested product is not ready, if so.
    pub fn fault(&self) -> Option<String> {
        self.state.lock().fault.clone()
    }

    /// The product in force, with what was learned for it.
    pub fn product(&self) -> Option<Arc<Product>> {
        self.lane.product()
    }

    /// The product that triggers mean: the one in force, or the requested one if none is in force or it is
    /// blocked.
    pub fn meant(&self) -> String {
        let selected =
            self.product().filter(|_| !self.lane.is_blocked()).map(|product| product.name.to_string());
        let wanted = || self.state.lock().wanted.clone();
        let last = || self.product().map(|product| product.name.to_string());
        selected.or_else(wanted).or_else(last).unwrap_or_else(|| self.settings.product.clone())
    }

    /// Takes over the product that was selected while the camera had other settings, unless the new ones name
    /// another.
    pub fn follow(&self, former: &InspectionCamera) {
        if former.settings.product == self.settings.product {
            self.state.lock().wanted = Some(former.meant());
        }
    }

    /// Ends triggers that get no frame, and retires old products, until `stop`; then lets what is in flight
    /// finish.
    pub fn run(&self, stop: &Stop, beat: &Beat) {
        while !stop.is_stopped() {
            self.lane.expire(PATIENCE);
            self.retire();
            beat.beat();
        }
        self.drain(beat);
    }

    /// Lets acquisitions that have their frame finish as long as they make progress, and ends the rest.
    fn drain(&self, beat: &Beat) {
        self.lane.close();
        let (mut left, mut since) = (self.lane.counts().in_flight, Instant::now());
        while left > 0 && since.elapsed() < DRAIN {
            std::thread::sleep(DRAIN_LOOK);
            let now = self.lane.counts().in_flight;
            if now == left {
                beat.waiting();
            } else {
                beat.beat();
                (left, since) = (now, Instant::now());
            }
        }
        self.lane.abandon("the service or the camera ended before the inspection did");
    }

    /// Removes the stages of former products whose last parts are through.
    fn retire(&self) {
        let former: Vec<SelectedProduct> = {
            let mut state = self.state.lock();
            let (done, kept) =
                std::mem::take(&mut state.former).into_iter().partition(|one| one.product.is_done());
            state.former = kept;
            done
        };
        former.iter().for_each(|one| one.retire(&self.scheduler));
    }

    /// Removes every inspection stage of the camera.
    pub fn detach(&self) {
        let mut state = self.state.lock();
        let all = std::mem::take(&mut state.former).into_iter().chain(state.selected.take());
        all.for_each(|one| one.retire(&self.scheduler));
    }
}

impl SelectedProduct {
    fn retire(&self, scheduler: &Scheduler) {
        self.queue.detach();
        scheduler.remove(&self.product.stage);
    }
}

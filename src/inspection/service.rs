//! Inspection as a whole: the cameras that inspect, which of them a trigger or a request means, and the command
//! `product`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;

use super::camera::{InspectionCamera, LaneAround};
use super::command::{ProductOut, ProductRequest};
use super::evidence::Evidence;
use crate::config::recipe::{self, Recipe};
use crate::config::{Faults, InForce, Inspect, ModelConfig};
use crate::engine::Model;
use crate::pipeline::{SharedRuntime, Sink};
use crate::ring::{Bell, Ring};
use crate::scheduler::Scheduler;
use crate::store::{Numbers, Store};
use crate::types::{
    Alarms, Explanation, Frame, Inspection, InspectionLatency, NotSelected, OnComplete, Outcome, PortState,
    Pulled, RecordingRequests, Refusal, Rejected, Stamp, TargetState, Trigger, TriggerTarget,
};

/// Publishes the handshake of a camera; called after each change of its product.
pub type HandshakeSink = Arc<dyn Fn(&InspectionCamera) + Send + Sync>;

/// What inspection is built from.
pub struct InspectionAround {
    /// The configuration in force, which names the models of recipes and the workers.
    pub config: InForce,
    /// The runtime that loads the models of recipes.
    pub runtime: Arc<SharedRuntime>,
    /// The workers that judge parts.
    pub scheduler: Arc<Scheduler>,
    /// Wakes the workers that are idle.
    pub bell: Arc<Bell>,
    /// The sinks that receive each inspection.
    pub sinks: Arc<[Arc<dyn Sink>]>,
    /// Stores inspections with their frames.
    pub evidence: Evidence,
    /// The store that holds the golden pictures.
    pub store: Store,
    /// The numbers of acquisitions.
    pub numbers: Numbers,
    /// Records the camera around its triggers.
    pub recordings: Arc<dyn RecordingRequests>,
    /// Raises the alarm of a product that is not ready.
    pub alarms: Arc<dyn Alarms>,
    /// Publishes the handshake of a camera.
    pub handshake: HandshakeSink,
}

/// Models of recipes, with the settings that each was loaded from: by name, and whether the output is taken as a
/// vector.
pub(super) type RecipeModels = HashMap<(String, bool), (ModelConfig, Arc<Model>)>;

/// Inspection of all cameras.
pub struct InspectionService {
    pub(super) around: InspectionAround,
    /// The cameras that inspect, in the order in which they were added.
    cameras: Mutex<Vec<Arc<InspectionCamera>>>,
    /// The models of recipes that are loaded.
    pub(super) models: Mutex<RecipeModels>,
    /// Makes stage names unique while an old and a new stage of a product exist side by side.
    pub(super) generation: AtomicU64,
}

impl InspectionService {
    /// Inspection without a camera.
    pub fn new(around: InspectionAround) -> InspectionService {
        InspectionService {
            around,
            cameras: Mutex::default(),
            models: Mutex::default(),
            generation: AtomicU64::new(0),
        }
    }

    /// Builds the inspection of camera `name`, whose frames are in `ring`. It receives no request before it
    /// was given to [`InspectionService::put`].
    pub fn camera(&self, name: &str, settings: &Inspect, ring: &Ring<Frame>) -> Arc<InspectionCamera> {
        let around = LaneAround {
            numbers: self.around.numbers.of("acquisition", name),
            sinks: self.around.sinks.clone(),
            bell: self.around.bell.clone(),
            scheduler: self.around.scheduler.clone(),
            recordings: self.around.recordings.clone(),
        };
        Arc::new(InspectionCamera::new(name, settings, ring, around))
    }

    /// Adds a camera, or replaces the one with its name.
    pub fn put(&self, camera: Arc<InspectionCamera>) {
        let mut cameras = self.cameras.lock();
        match cameras.iter_mut().find(|known| known.name == camera.name) {
            Some(known) => *known = camera,
            None => cameras.push(camera),
        }
    }

    /// Removes the camera `name`, if it is known.
    pub fn remove(&self, name: &str) {
        self.cameras.lock().retain(|known| known.name != name);
    }

    /// The camera `name`, if it inspects.
    pub fn find(&self, name: &str) -> Option<Arc<InspectionCamera>> {
        self.cameras.lock().iter().find(|camera| camera.name == name).cloned()
    }

    /// The cameras that inspect.
    pub fn cameras(&self) -> Vec<Arc<InspectionCamera>> {
        self.cameras.lock().clone()
    }

    /// All models of recipes that are loaded.
    pub fn models(&self) -> Vec<Arc<Model>> {
        self.models.lock().values().map(|(_, model)| model.clone()).collect()
    }

    /// The camera of this name among those that inspect; the only one, if none is named.
    ///
    /// # Errors
    /// A refusal that names the cameras that inspect.
    pub fn meant(&self, named: Option<&str>) -> Result<Arc<InspectionCamera>, Refusal> {
        let cameras = self.cameras();
        let known = || cameras.iter().map(|camera| camera.name.as_str()).collect::<Vec<_>>().join(", ");
        match (named, &cameras[..]) {
            (_, []) => Err("no camera inspects; give one an `inspect` section".into()),
            (None, [one]) => Ok(one.clone()),
            (None, _) => Err(Refusal::which_camera(&known())),
            (Some(name), _) => cameras.iter().find(|camera| camera.name == name).cloned().ok_or_else(|| {
                let message = format!("there is no camera {name:?} that inspects; there are: {}", known());
                Refusal::new("unknown_camera", message, "")
            }),
        }
    }

    /// The command `product`: shows or selects the product of a camera.
    ///
    /// # Errors
    /// A refusal, with the reason why the product is not ready.
    pub fn product(&self, asked: &ProductRequest) -> Result<ProductOut, Refusal> {
        let camera = self.meant(asked.camera.as_deref())?;
        if let Some(product) = &asked.product {
            // A product without a recipe is a mistake in the request: it is refused, and nothing changes.
            recipe::find(&camera.settings.recipes, product)
                .map_err(|faults| Refusal::new("unknown_product", faults.to_string(), ""))?;
            self.select(&camera, product).map_err(|error| Refusal::from(error.to_string()))?;
        }
        let product = camera
            .product()
            .ok_or_else(|| Refusal::from("no product is ready; the alarm product-CAMERA gives the reason"))?;
        Ok(ProductOut {
            camera: camera.name.clone(),
            product: product.name.to_string(),
            recipe_revision: product.recipe_revision,
            golden_revision: product.golden_revision,
        })
    }
}

/// Passes the selection of a product on a camera (first the camera, then the product) to the thread that
/// executes commands, and reports its outcome once. False if too many requests wait.
pub type SelectLater = Arc<dyn Fn(&str, &str, SelectReport) -> bool + Send + Sync>;
/// Receives the outcome of a selection.
pub type SelectReport = Box<dyn FnOnce(Result<(), Refusal>) + Send>;

/// A camera, looked up for each trigger, because a reload may have replaced it.
pub struct CameraTarget {
    inspection: Arc<InspectionService>,
    camera: String,
    select_later: SelectLater,
}

impl CameraTarget {
    /// The target that gives its triggers to `camera`.
    pub fn new(inspection: Arc<InspectionService>, camera: &str, select_later: SelectLater) -> CameraTarget {
        CameraTarget { inspection, camera: camera.to_owned(), select_later }
    }

    fn camera(&self) -> Option<Arc<InspectionCamera>> {
        self.inspection.find(&self.camera)
    }

    /// The end of a trigger that no camera took.
    fn missed(&self, trigger: Trigger) -> Inspection {
        Inspection {
            recording: None,
            experiment: None,
            id: 0,
            camera: self.camera.as_str().into(),
            trigger,
            product: "".into(),
            recipe_revision: 0,
            golden_revision: 0,
            frame: None,
            outcome: Outcome::Missed,
            cause: Some("the camera is being reconfigured".into()),
            pose: None,
            rois: Vec::new(),
            latency: InspectionLatency::default(),
        }
    }
}

impl TriggerTarget for CameraTarget {
    fn pull(&self, trigger: Trigger, moment: Stamp, on_complete: Option<Arc<dyn OnComplete>>) -> Pulled {
        match self.camera() {
            Some(camera) => camera.lane.pull(trigger, moment, on_complete),
            None => {
                // No camera: a reload is between the end of the camera and that of its trigger.
                if let Some(on_complete) = on_complete {
                    on_complete.completed(&Arc::new(self.missed(trigger)));
                }
                Pulled { id: 0, taken: false }
            }
        }
    }

    fn select(&self, product: &str) -> Result<(), NotSelected> {
        let camera = self.camera().ok_or(NotSelected::NotInspecting)?;
        let lane = camera.lane.clone();
        if lane.product().is_some_and(|known| &*known.name == product) && !lane.is_blocked() {
            return Ok(());
        }
        // Faults that can be seen at once are answered at once; learning takes longer than a serial port may
        // be blocked.
        let path = recipe::find(&camera.settings.recipes, product).map_err(|faults| first(&faults))?;
        Recipe::load(&path, &self.inspection.around.config.get().models).map_err(|faults| first(&faults))?;
        lane.promise(&format!("product {product} is being made ready"));
        let wanted = product.to_owned();
        let report: SelectReport = Box::new(move |outcome| {
            let fault = outcome.err().map(|fault| format!("product {wanted} is not ready: {fault}"));
            lane.settle(fault.as_deref());
        });
        match (self.select_later)(&self.camera, product, report) {
            true => Ok(()),
            false => Err(NotSelected::Busy),
        }
    }

    fn state(&self) -> TargetState {
        self.camera().map_or_else(TargetState::default, |camera| camera.lane.target())
    }

    fn rejected(&self, _: &str, rejected: &Rejected) {
        if let Some(camera) = self.camera() {
            camera.lane.add_rejected(rejected);
        }
    }

    fn port(&self, name: &str, state: PortState) {
        let (alarms, alarm) = (&self.inspection.around.alarms, format!("trigger-{name}"));
        match state {
            PortState::Open => alarms.clear(&alarm),
            PortState::Away { cause, .. } => alarms.raise(&alarm, &cause),
        }
    }
}

/// The first of several faults.
fn first(faults: &Faults) -> NotSelected {
    let first = faults.0.first();
    NotSelected::Recipe(first.map_or_else(Explanation::default, |fault| {
        Explanation::new(fault.reason.as_str(), fault.remedy.as_str())
    }))
}

//! A camera as the target of a `[[trigger]]`: it finds the camera that is meant and gives it each trigger.

use std::sync::Arc;

use super::camera::InspectionCamera;
use super::service::InspectionService;
use crate::config::Faults;
use crate::config::recipe::{self, Recipe};
use crate::types::{
    Inspection, InspectionLatency, OnComplete, Outcome, PortState, Pulled, Refusal, Rejected, Stamp,
    TargetState, Trigger, TriggerTarget,
};

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

    fn select(&self, product: &str) -> Result<(), String> {
        let camera = self.camera().ok_or("the camera does not inspect")?;
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
            false => Err("too many requests wait; try again later".to_owned()),
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

/// The first of several faults, as one line.
fn first(faults: &Faults) -> String {
    faults.0.first().map_or_else(String::new, |fault| format!("{}; {}", fault.reason, fault.remedy))
}

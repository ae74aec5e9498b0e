//! The domains of the service, each built once: their models, their stages and their answers to commands.

use std::sync::Arc;

use super::intake;
use super::publisher::StatusPublisher;
use super::{camera_report, outputs};
use crate::attendance::Attendance;
use crate::config::{Config, InForce};
use crate::engine::Model;
use crate::inspection::evidence::Evidence;
use crate::inspection::{InspectionAround, InspectionService};
use crate::intake::IntakeService;
use crate::outputs::{Outputs, OutputsHost};
use crate::pipeline::{Detection, SharedRuntime, Sink};
use crate::preview::Previews;
use crate::recognition::Recognition;
use crate::recorder::Recorders;
use crate::ring::Bell;
use crate::scheduler::{ExecutorError, Scheduler};
use crate::store::{Numbers, Store};
use crate::types::{Alarms, Degradation, Readings, priority};
use crate::zmq::Zmq;

/// The domains, and the workers that they share.
pub(super) struct Domains {
    /// The inference runtime of all models.
    pub(super) runtime: Arc<SharedRuntime>,
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) detection: Detection,
    pub(super) recognition: Recognition,
    pub(super) attendance: Attendance,
    pub(super) inspection: Arc<InspectionService>,
    pub(super) evidence: Evidence,
    pub(super) previews: Arc<Previews>,
    /// What is done without at present; the ladder sets it.
    pub(super) degradation: Degradation,
    /// Commands to instruments, and their outputs.
    pub(super) outputs: Outputs,
    /// Telemetry from files and topics; it answers [`crate::types::Readings`].
    pub(super) intake: Arc<IntakeService>,
    pub(super) recorders: Arc<Recorders>,
}

/// What the domains are built from, besides the configuration.
pub(super) struct DomainsAround {
    pub(super) store: Store,
    pub(super) numbers: Numbers,
    pub(super) sinks: Arc<[Arc<dyn Sink>]>,
    pub(super) evidence: Evidence,
    pub(super) recorders: Arc<Recorders>,
    pub(super) bell: Arc<Bell>,
    pub(super) publisher: StatusPublisher,
    pub(super) outputs: Arc<dyn OutputsHost>,
    pub(super) zmq: Zmq,
}

impl Domains {
    /// The domains, without a camera and without a model.
    pub(super) fn new(in_force: &InForce, around: DomainsAround) -> Result<Domains, ExecutorError> {
        let DomainsAround { store, numbers, sinks, evidence, recorders, bell, publisher, outputs: host, zmq } =
            around;
        let config = in_force.get();
        let scheduler = Arc::new(Scheduler::new(&config.workers.cores, bell.clone()));
        let (runtime, degradation) = (Arc::new(SharedRuntime::default()), recorders.degradation());
        let alarms: Arc<dyn Alarms> = Arc::new(publisher.clone());
        let intake = intake::new(&config, &store, &publisher, &zmq);
        let readings: Arc<dyn Readings> = intake.clone();
        let inspection = InspectionAround {
            config: in_force.clone(),
            runtime: runtime.clone(),
            scheduler: scheduler.clone(),
            bell: bell.clone(),
            sinks,
            evidence: evidence.clone(),
            recordings: recorders.clone(),
            store: store.clone(),
            numbers,
            alarms: alarms.clone(),
            handshake: Arc::new(move |camera| camera_report::publish_handshake(&publisher, camera)),
        };
        let outputs = outputs::build(&config, host, readings, store.clone());
        Ok(Domains {
            previews: Previews::new(&scheduler, &config, bell.clone(), degradation.clone())?,
            detection: Detection::new(runtime.clone(), scheduler.clone()),
            recognition: Recognition::new(runtime.clone(), scheduler.clone(), bell, store, alarms),
            attendance: Attendance::new(&config.attendance, &config.cameras),
            inspection: Arc::new(InspectionService::new(inspection)),
            evidence,
            degradation,
            outputs,
            intake,
            recorders,
            runtime,
            scheduler,
        })
    }

    /// All models that are loaded: of cameras, of recipes, and the one that embeds faces.
    pub(super) fn models(&self) -> Vec<Arc<Model>> {
        let known = self.detection.models().into_iter().chain(self.inspection.models());
        known.chain(self.recognition.model()).collect()
    }

    /// Drops the stages whose models are not in `config` any more. Call it when no camera feeds them.
    pub(super) fn drop_unused_models(&self, config: &Config) {
        self.recognition.drop_unused(config);
        self.detection.drop_unused(config);
        // The stages of inspection belong to their cameras, and that of annotation to all of them.
        let foreign = [priority::INSPECT, priority::ANNOTATE];
        for stage in self.scheduler.stages().iter() {
            let spec = stage.spec();
            let is_used = self.detection.runs(&spec.name) || self.recognition.runs(&spec.name);
            if !foreign.contains(&spec.priority) && !is_used {
                self.scheduler.remove(&spec.name);
            }
        }
    }
}

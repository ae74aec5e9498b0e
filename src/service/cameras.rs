//! The cameras of the service: adds, changes and removes them while the others run, and finds one by its
//! name.

use std::sync::Arc;

use parking_lot::Mutex;

use super::ServiceError;
use super::camera::{Camera, unit_name};
use super::camera_report::publish_handshake;
use super::command_port::{command_port_unit, command_port_unit_name};
use super::domains::Domains;
use super::gate::StartGate;
use super::publisher::StatusPublisher;
use super::units::{camera_recorder_unit, recorder_unit_name};
use crate::audit::Audit;
use crate::camera::Health;
use crate::config::{CameraConfig, Config};
use crate::pipeline::Sink;
use crate::ring::{Bell, Lease};
use crate::store::Numbers;
use crate::supervisor::{Supervisor, SupervisorError, Unit};
use crate::types::{Frame, Refusal};

/// The cameras, in the order in which they were added.
pub(super) struct Cameras {
    list: Mutex<Vec<Arc<Camera>>>,
    pub(super) around: CameraAround,
}

/// What each camera is built from and reports to.
pub(super) struct CameraAround {
    pub(super) supervisor: Supervisor,
    pub(super) domains: Arc<Domains>,
    /// The numbers of tracked objects.
    pub(super) numbers: Numbers,
    pub(super) sinks: Arc<[Arc<dyn Sink>]>,
    pub(super) bell: Arc<Bell>,
    /// Holds the first frames until the models are warm.
    pub(super) gate: StartGate,
    pub(super) publisher: StatusPublisher,
    pub(super) audit: Arc<Audit>,
}

impl Cameras {
    pub(super) fn new(around: CameraAround) -> Cameras {
        Cameras { list: Mutex::default(), around }
    }

    /// All cameras as they are now.
    pub(super) fn all(&self) -> Vec<Arc<Camera>> {
        self.list.lock().clone()
    }

    /// The camera `name`, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Camera>> {
        self.list.lock().iter().find(|camera| camera.settings.name == name).cloned()
    }

    /// The names of all cameras, for messages.
    fn names(&self) -> String {
        let cameras = self.list.lock();
        cameras.iter().map(|camera| camera.settings.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The camera `named`; the only one, if none is named.
    pub(super) fn meant(&self, named: Option<&str>) -> Result<Arc<Camera>, Refusal> {
        let unknown =
            |name: &str| Refusal::from(format!("there is no camera {name:?}; there are: {}", self.names()));
        match (named, &self.all()[..]) {
            (Some(name), _) => self.find(name).ok_or_else(|| unknown(name)),
            (None, [one]) => Ok(one.clone()),
            (None, _) => Err(Refusal::which_camera(&self.names())),
        }
    }

    /// The newest frame of the camera `named`, and where it is from in words, to enrol a person.
    pub(super) fn frame(&self, named: Option<&str>) -> Result<(Lease<Frame>, String), Refusal> {
        let Some(camera) = named.and_then(|name| self.find(name)) else {
            let message = match named {
                Some(name) => format!("there is no camera {name:?}"),
                None => "neither pictures nor a camera is given".into(),
            };
            let remedy = format!("send pictures, or name a camera; there are: {}", self.names());
            return Err(Refusal::new("unknown_camera", message, remedy));
        };
        let name = &camera.settings.name;
        let frame = camera.ring.newest().ok_or_else(|| {
            let message = format!("camera {name} has not given a frame yet");
            Refusal::new("no_frame", message, "wait until it is online")
        })?;
        let source = format!("camera {name}, frame {}", frame.seq);
        Ok((frame, source))
    }

    /// Whether a camera delivers frames. A camera that was removed or has ended counts as looking, because it
    /// can never see anybody again.
    pub(super) fn looks(&self, name: &str) -> bool {
        self.find(name)
            .is_none_or(|camera| matches!(&*camera.health.lock(), Health::Online { .. } | Health::Ended))
    }

    /// Builds the camera and starts its capture. Its frames wait at the start gate, or for a stage. On an
    /// error everything that was built is removed again.
    pub(super) fn add(
        self: &Arc<Cameras>,
        settings: &CameraConfig,
        config: &Config,
    ) -> Result<(), ServiceError> {
        let around = &self.around;
        let camera = Arc::new(Camera::new(settings, around, None));
        self.list.lock().push(camera.clone());
        let begun = self.begin_inspection(&camera, config);
        let begun = begun.and_then(|()| self.begin_command_port(&camera));
        let begun = begun.and_then(|()| self.begin_recording(&camera));
        let begun = begun.and_then(|()| Ok(around.supervisor.add(self.unit(&camera, config))?));
        if begun.is_err() {
            self.list.lock().retain(|known| !Arc::ptr_eq(known, &camera));
            let ended = [
                self.end_inspection(&settings.name),
                self.remove_command_port(&settings.name),
                self.end_recording(&settings.name),
            ];
            for error in ended.into_iter().filter_map(Result::err) {
                tracing::error!(camera = settings.name, "{error}");
            }
            around.domains.recorders.remove(&settings.name);
            camera.detach();
            around.domains.previews.remove(&settings.name);
        }
        begun
    }

    /// Replaces a camera with a new one, once the last frames of the old one are through. After an error the
    /// camera may be without capture or inspection; another call continues from there.
    pub(super) fn change(
        self: &Arc<Cameras>,
        settings: &CameraConfig,
        config: &Config,
    ) -> Result<(), ServiceError> {
        let former = self.find(&settings.name);
        let camera = Arc::new(Camera::new(settings, &self.around, former.as_deref()));
        let former = former.as_ref().and_then(|camera| camera.inspection.as_ref());
        if let (Some(inspection), Some(former)) = (&camera.inspection, former) {
            inspection.follow(former);
        }
        self.around.supervisor.replace(self.unit(&camera, config))?;
        let old = {
            let mut cameras = self.list.lock();
            let old = cameras.iter_mut().find(|known| known.settings.name == settings.name);
            old.map(|old| std::mem::replace(old, camera.clone()))
        };
        // Triggers and requests mean the new camera from here on.
        let inspections = &self.around.domains.inspection;
        match &camera.inspection {
            Some(inspection) => inspections.put(inspection.clone()),
            None => inspections.remove(&settings.name),
        }
        let removed = self.remove_inspection_unit(&settings.name);
        if let Some(old) = old {
            old.detach();
        }
        // The recorder of the former ring has nothing more to do.
        let removed = removed.and(self.end_recording(&settings.name));
        removed?;
        self.begin_recording(&camera)?;
        self.begin_inspection(&camera, config)?;
        self.remove_command_port(&settings.name)?;
        self.begin_command_port(&camera)
    }

    /// Stops the camera's capture, drains its last frames and removes it. After an error, another call
    /// continues.
    pub(super) fn remove(&self, name: &str) -> Result<(), ServiceError> {
        match self.around.supervisor.remove(&unit_name(name)) {
            Ok(()) | Err(SupervisorError::Unknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.remove_inspection_unit(name)?;
        self.remove_command_port(name)?;
        self.end_recording(name)?;
        self.around.domains.recorders.remove(name);
        self.around.domains.inspection.remove(name);
        let old = {
            let mut cameras = self.list.lock();
            let at = cameras.iter().position(|camera| camera.settings.name == name);
            at.map(|at| cameras.remove(at))
        };
        if let Some(old) = old {
            old.detach();
        }
        self.around.domains.previews.remove(name);
        Ok(())
    }

    /// Joins every camera to the stage of its model. Call it after every change of models or cameras.
    pub(super) fn attach_all(&self) {
        let domains = &self.around.domains;
        for camera in &self.all() {
            camera.attach(domains);
        }
        self.around.bell.ring_all();
    }

    fn unit(self: &Arc<Cameras>, camera: &Arc<Camera>, config: &Config) -> Unit {
        let (cameras, camera) = (self.clone(), camera.clone());
        let state_dir = config.device.state_dir.clone();
        let name = unit_name(&camera.settings.name);
        let essential = config.supervisor.essential.contains(&name);
        let unit = Unit::new(name, move |context| camera.capture(&cameras.around, &state_dir, context));
        let unit = unit.essential(essential).together("camera");
        // If all sources are finite, the service ends with the last of them; live sources never end.
        let ends =
            config.cameras.iter().all(|camera| camera.source.ends() && !camera.repeat && !camera.watch);
        if ends { unit.work() } else { unit }
    }

    /// Gives triggers and requests the camera, and starts the loop behind its trigger target, if it inspects.
    fn begin_inspection(
        self: &Arc<Cameras>,
        camera: &Arc<Camera>,
        config: &Config,
    ) -> Result<(), ServiceError> {
        let Some(inspection) = &camera.inspection else { return Ok(()) };
        self.around.domains.inspection.put(inspection.clone());
        let name = inspection_unit_name(&camera.settings.name);
        let essential = config.supervisor.essential.contains(&name);
        let (cameras, inspection) = (self.clone(), inspection.clone());
        let unit = Unit::new(name, move |context| {
            inspection.run(&context.stop, &context.beat);
            // Retained, so a stopped service must not stay "ready". The camera may have been replaced by now.
            let known = cameras.around.domains.inspection.find(&inspection.name);
            if known.is_some_and(|known| Arc::ptr_eq(&known, &inspection)) {
                publish_handshake(&cameras.around.publisher, &inspection);
            }
            Ok(())
        });
        self.around.supervisor.add(unit.essential(essential))?;
        Ok(())
    }

    /// Starts the thread that records the camera, if it is recorded.
    fn begin_recording(&self, camera: &Camera) -> Result<(), ServiceError> {
        if let Some(recorder) = &camera.recorder {
            self.around.supervisor.add(camera_recorder_unit(recorder, &self.around.publisher))?;
        }
        Ok(())
    }

    fn end_recording(&self, name: &str) -> Result<(), ServiceError> {
        self.remove_unit(&recorder_unit_name(name))
    }

    fn end_inspection(&self, name: &str) -> Result<(), ServiceError> {
        self.around.domains.inspection.remove(name);
        self.remove_inspection_unit(name)
    }

    fn remove_inspection_unit(&self, name: &str) -> Result<(), ServiceError> {
        self.remove_unit(&inspection_unit_name(name))
    }

    /// Takes commands for the camera from now on, where its settings name an address for them.
    fn begin_command_port(&self, camera: &Camera) -> Result<(), ServiceError> {
        let CameraAround { supervisor, publisher, audit, .. } = &self.around;
        match command_port_unit(camera, publisher, audit) {
            Some(unit) => supervisor.add(unit)?,
            // Nobody could send START or another EXP_ID any more: both end with the former port.
            None => {
                camera.senders.set_stopped(false);
                camera.experiment.clear();
            }
        }
        Ok(())
    }

    fn remove_command_port(&self, name: &str) -> Result<(), ServiceError> {
        self.remove_unit(&command_port_unit_name(name))
    }

    fn remove_unit(&self, name: &str) -> Result<(), ServiceError> {
        if self.around.supervisor.status().iter().any(|unit| *unit.name == *name) {
            self.around.supervisor.remove(name)?;
        }
        Ok(())
    }
}

/// Name of the unit behind the trigger target of camera `name`.
fn inspection_unit_name(name: &str) -> String {
    format!("inspect/{name}")
}

//! The recorders of all cameras, and their common library.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::camera::{CameraRecorder, RecorderParts};
use super::counters::RecorderCounters;
use super::library::Library;
use super::tidy::{self, Time};
use crate::annotate::Place;
use crate::config::{CameraConfig, RecorderConfig};
use crate::pipeline::{Offer, Sink};
use crate::ring::Ring;
use crate::store::{Recordings, StoreError};
use crate::supervisor::{Beat, Stop};
use crate::types::{
    Attendance, Degradation, Doubt, Event, ExperimentId, Frame, Inspection, Numbering, RecordedEvent,
    RecordingId, RecordingRequests, Report, Stamp,
};

/// All recorders, by the cameras' names.
pub struct Recorders {
    library: Library,
    cameras: RwLock<Vec<Arc<CameraRecorder>>>,
    doubt: Mutex<Option<Doubt>>,
    degradation: Degradation,
}

impl Recorders {
    /// No recorders yet. Recordings are kept in `settings.dir`, or by default in `recordings` in `state_dir`.
    pub fn new(
        settings: &RecorderConfig,
        state_dir: &Path,
        table: Recordings,
        numbers: Numbering,
        degradation: Degradation,
    ) -> Arc<Recorders> {
        let root = settings.root(state_dir);
        let library = Library::new(root, table, numbers, settings.clone());
        Arc::new(Recorders { library, cameras: RwLock::default(), doubt: Mutex::default(), degradation })
    }

    /// The recorder of a camera, replacing an earlier one of the same name; `None` where it records nothing. The
    /// caller runs it.
    pub fn camera(
        &self,
        camera: &CameraConfig,
        ring: &Ring<Frame>,
        experiment: ExperimentId,
    ) -> Option<Arc<CameraRecorder>> {
        let recorder = camera.record.as_ref().map(|settings| {
            let parts = RecorderParts {
                ring: ring.clone(),
                library: self.library.clone(),
                experiment,
                degradation: self.degradation.clone(),
                places: Place::of(camera),
            };
            CameraRecorder::new(camera, settings, parts)
        });
        self.remove(&camera.name);
        self.cameras.write().extend(recorder.clone());
        recorder
    }

    /// Forgets the recorder of a camera that was removed.
    pub fn remove(&self, camera: &str) {
        self.cameras.write().retain(|known| *known.camera != *camera);
    }

    /// The recordings of all cameras.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The steps of degradation that are in force.
    pub fn degradation(&self) -> Degradation {
        self.degradation.clone()
    }

    /// Counts of all cameras together.
    pub fn counters(&self) -> &RecorderCounters {
        self.library.counters()
    }

    /// Why recordings that are older than `max_days` are not deleted now; `None` where they are.
    pub fn age_doubt(&self) -> Option<Doubt> {
        self.doubt.lock().clone()
    }

    /// Looks after the recordings until `stop`. Nothing is recorded before it has put the files of an earlier
    /// process in order.
    ///
    /// # Errors
    /// Those of the store.
    pub fn run(&self, time: &Time<'_>, stop: &Stop, beat: &Beat) -> Result<(), StoreError> {
        tidy::run(&self.library, time, &self.doubt, stop, beat)
    }

    fn find(&self, camera: &str) -> Option<Arc<CameraRecorder>> {
        self.cameras.read().iter().find(|known| *known.camera == *camera).cloned()
    }
}

impl RecordingRequests for Recorders {
    fn request(
        &self,
        camera: &str,
        event: RecordedEvent,
        at: Stamp,
        cause: &dyn fmt::Display,
    ) -> Option<RecordingId> {
        self.find(camera)?.request(event, at, cause)
    }
}

/// A recorder needs only the reports that sinks are offered; events ask through [`RecordingRequests`].
impl Sink for Recorders {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn offer_report(&self, report: &Arc<Report>) -> Offer {
        let cameras = self.cameras.read();
        if let Some(recorder) = cameras.iter().find(|known| *known.camera == *report.camera) {
            recorder.offer_report(report);
        }
        Offer::Taken
    }

    fn offer_event(&self, _: &Event) -> Offer {
        Offer::Taken
    }

    fn offer_inspection(&self, _: &Arc<Inspection>, _: Option<&Frame>) -> Offer {
        Offer::Taken
    }

    fn offer_attendance(&self, _: &Arc<Attendance>) -> Offer {
        Offer::Taken
    }
}

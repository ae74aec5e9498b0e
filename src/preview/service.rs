//! The live pictures of all cameras: one hub for each camera, which survives reloads, and the stage that
//! draws.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{PartPictures, PictureItem, Preview, PreviewFeed, PreviewHub, PreviewSettings};
use crate::annotate::{Annotate, Look, Place};
use crate::config::{CameraConfig, Config, PreviewConfig};
use crate::ring::{Bell, Ring};
use crate::scheduler::{Attachment, ExecutorError, Factory, Scheduler, Stage, StageSpec};
use crate::types::{Degradation, Frame, LiveView, LiveViews, PartPictureStore, priority};

/// Slots that inspection needs beyond the frames in flight; the rest of a ring may wait to be drawn.
const OTHER_SLOTS: usize = 4;
/// Judged parts of a camera that wait to be drawn, at most.
const MOST_PARTS: usize = 4;

/// The live pictures of all cameras, by the cameras' names.
pub struct Previews {
    hubs: Mutex<BTreeMap<String, Arc<PreviewHub>>>,
    part_pictures: PartPictures,
    /// The stage that draws.
    stage: Arc<Stage<PictureItem>>,
    bell: Arc<Bell>,
    /// What is done without at present.
    degradation: Degradation,
}

/// The live picture of one camera.
pub struct CameraPreview {
    /// What waits to be drawn.
    pub preview: Arc<Preview>,
    queue: Attachment<PictureItem>,
}

impl Previews {
    /// Live pictures without a camera; adds the drawing stage to `scheduler`.
    ///
    /// # Errors
    /// The workers cannot draw.
    pub fn new(
        scheduler: &Scheduler,
        config: &Config,
        bell: Arc<Bell>,
        degradation: Degradation,
    ) -> Result<Arc<Previews>, ExecutorError> {
        let annotate = Annotate::default();
        let spec = StageSpec {
            name: "annotate".into(),
            priority: priority::ANNOTATE,
            min: config.annotate.min_workers,
            max: config.annotate.max_workers,
        };
        let factory: Arc<Factory<PictureItem>> = Arc::new(move || Ok(Box::new(annotate.annotator()?)));
        let stage = scheduler.add(spec, factory)?;
        let (hubs, part_pictures) = (Mutex::default(), PartPictures::default());
        Ok(Arc::new(Previews { hubs, part_pictures, stage, bell, degradation }))
    }

    /// Sends pictures of judged parts to `part_pictures` from now on; only the first call has an effect.
    pub fn keep_parts(&self, part_pictures: Arc<dyn PartPictureStore>) {
        let _ = self.part_pictures.set(part_pictures);
    }

    /// Attaches the camera behind `ring` to its hub.
    pub fn camera(&self, camera: &CameraConfig, ring: &Ring<Frame>) -> CameraPreview {
        let PreviewConfig { fps, width, quality, hold } = camera.preview;
        let busy = camera.inspect.as_ref().map_or(0, |inspect| inspect.queue);
        let settings = PreviewSettings {
            camera: camera.name.as_str().into(),
            fps,
            look: Look { width, quality },
            hold,
            // Inspection leaves some slots: one for the live frame and one for the picture being drawn.
            parts: (camera.ring_slots + 1).saturating_sub(busy + OTHER_SLOTS).clamp(1, MOST_PARTS),
            places: Place::of(camera),
            follows: camera.detect.is_some(),
            part_pictures: self.part_pictures.clone(),
            degradation: self.degradation.clone(),
        };
        let preview = Preview::new(settings, self.hub(&camera.name), ring.clone(), self.bell.clone());
        let queue = Attachment::new(Arc::new(PreviewFeed(preview.clone())));
        queue.attach(&self.stage);
        CameraPreview { preview, queue }
    }

    /// Ends the hub of a removed camera, with its streams.
    pub fn remove(&self, camera: &str) {
        self.hubs.lock().remove(camera);
    }

    fn hub(&self, camera: &str) -> Arc<PreviewHub> {
        let mut hubs = self.hubs.lock();
        hubs.entry(camera.to_owned()).or_insert_with(|| PreviewHub::new(self.bell.clone())).clone()
    }
}

impl LiveViews for Previews {
    fn find(&self, camera: &str) -> Option<Arc<dyn LiveView>> {
        self.hubs.lock().get(camera).map(|hub| hub.clone() as Arc<dyn LiveView>)
    }
}

impl CameraPreview {
    /// The figures of the live picture by name.
    pub fn figures(&self) -> [(&'static str, u64); 5] {
        let counters = self.preview.counters();
        [
            ("pictures", counters.encoded.get()),
            ("pictures_replaced", counters.replaced.get()),
            ("pictures_failed", counters.failed.get()),
            ("part_pictures", counters.parts.get()),
            ("part_pictures_missed", counters.parts_missed.get()),
        ]
    }

    /// Detaches the camera from the drawing stage.
    pub fn detach(&self) {
        self.queue.detach();
    }
}

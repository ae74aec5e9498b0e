//! The previews of the cameras: one view for each camera, which survives reloads, and the stage that draws.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{App, AppError, lock};
use crate::config::{self, Config};
use crate::preview::annotate::{Annotate, Look, Place};
use crate::preview::{PartPictures, PictureItem, Preview, PreviewFeed, PreviewHub, PreviewSettings};
use crate::ring::{Bell, Ring};
use crate::scheduler::{Attachment, Factory, Scheduler, Stage, StageSpec};
use crate::types::{Frame, LiveView, LiveViews, PartPictureStore, priority};

/// Slots that inspection needs beyond the frames in flight; the rest of a ring may wait to be drawn.
const OTHER_SLOTS: usize = 4;
/// Judged parts of a camera that wait to be drawn, at most.
const MOST_PARTS: usize = 4;

/// The views of all cameras, by name.
pub(super) struct Views {
    outlets: Mutex<BTreeMap<String, Arc<PreviewHub>>>,
    part_pictures: PartPictures,
    /// The stage that draws.
    stage: Arc<Stage<PictureItem>>,
    bell: Arc<Bell>,
}

/// A camera's slot in its view.
pub(super) struct Shown {
    pub(super) preview: Arc<Preview>,
    queue: Attachment<PictureItem>,
}

impl Views {
    /// Creates the views without a camera; adds the drawing stage to `scheduler`.
    pub(super) fn new(
        scheduler: &Scheduler,
        config: &Config,
        bell: Arc<Bell>,
    ) -> Result<Arc<Views>, AppError> {
        let annotate = Annotate::default();
        let spec = StageSpec {
            name: "annotate".into(),
            priority: priority::ANNOTATE,
            min: config.annotate.min_workers,
            max: config.annotate.max_workers,
        };
        let factory: Arc<Factory<PictureItem>> = Arc::new(move || Ok(Box::new(annotate.annotator()?)));
        let stage = scheduler.add(spec, factory)?;
        Ok(Arc::new(Views { outlets: Mutex::default(), part_pictures: PartPictures::default(), stage, bell }))
    }

    /// Sends pictures of judged parts to `part_pictures` from now on; only the first call has an effect.
    pub(super) fn keep_parts(&self, part_pictures: Arc<dyn PartPictureStore>) {
        let _ = self.part_pictures.set(part_pictures);
    }

    /// Ends the view of a removed camera, with its streams.
    pub(super) fn forget(&self, camera: &str) {
        lock(&self.outlets).remove(camera);
    }

    fn hub(&self, camera: &str) -> Arc<PreviewHub> {
        let mut outlets = lock(&self.outlets);
        outlets.entry(camera.to_owned()).or_insert_with(|| PreviewHub::new(self.bell.clone())).clone()
    }
}

impl LiveViews for Views {
    fn find(&self, camera: &str) -> Option<Arc<dyn LiveView>> {
        lock(&self.outlets).get(camera).map(|hub| hub.clone() as Arc<dyn LiveView>)
    }
}

impl Shown {
    /// The figures of the view by name.
    pub(super) fn figures(&self) -> [(&'static str, u64); 5] {
        let counters = self.preview.counters();
        [
            ("pictures", counters.encoded.get()),
            ("pictures_replaced", counters.replaced.get()),
            ("pictures_failed", counters.failed.get()),
            ("part_pictures", counters.parts.get()),
            ("part_pictures_missed", counters.parts_missed.get()),
        ]
    }

    /// Detaches the camera from its view.
    pub(super) fn detach(&self) {
        self.queue.detach();
    }
}

impl App {
    /// Attaches the camera behind `ring` to its view.
    pub(super) fn show(&self, camera: &config::CameraConfig, ring: &Ring<Frame>) -> Shown {
        let config::PreviewConfig { fps, width, quality, hold } = camera.preview;
        let busy = camera.inspect.as_ref().map_or(0, |inspect| inspect.queue);
        let settings = PreviewSettings {
            fps,
            look: Look { width, quality },
            hold,
            // Inspection leaves some slots: one for the live frame and one for the picture being drawn.
            parts: (camera.ring_slots + 1).saturating_sub(busy + OTHER_SLOTS).clamp(1, MOST_PARTS),
            places: places(camera),
            follows: camera.detect.is_some(),
            part_pictures: self.views.part_pictures.clone(),
        };
        let hub = self.views.hub(&camera.name);
        let preview = Preview::new(settings, hub, ring.clone(), self.bell.clone());
        let queue = Attachment::new(Arc::new(PreviewFeed(preview.clone())));
        queue.attach(&self.views.stage);
        Shown { preview, queue }
    }
}

/// A camera's zones and lines, as its picture shows them.
fn places(camera: &config::CameraConfig) -> Vec<Place> {
    let zones = camera
        .zones
        .iter()
        .map(|zone| Place { name: zone.name.as_str().into(), points: zone.points.clone() });
    let lines = camera
        .lines
        .iter()
        .map(|line| Place { name: line.name.as_str().into(), points: vec![line.from, line.to] });
    zones.chain(lines).collect()
}

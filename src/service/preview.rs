//! What people see of the cameras: one view a camera that lives on through reloads, and the stage that draws.

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

/// Slots that inspection needs beyond the frames under way; the rest of a ring may wait to be drawn.
const OTHER_SLOTS: usize = 4;
/// Most judged parts of a camera that wait to be drawn.
const MOST_PARTS: usize = 4;

/// The views of all cameras, by name.
pub(super) struct Views {
    outlets: Mutex<BTreeMap<String, Arc<PreviewHub>>>,
    part_pictures: PartPictures,
    /// The stage that draws.
    stage: Arc<Stage<PictureItem>>,
    bell: Arc<Bell>,
}

/// A camera's place in its view.
pub(super) struct Shown {
    pub(super) preview: Arc<Preview>,
    queue: Attachment<PictureItem>,
}

impl Views {
    /// No camera yet; the stage that draws is added to `scheduler`.
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

    /// Pictures of judged parts go to `part_pictures` from now on; only the first that is named gets any.
    pub(super) fn keep_parts(&self, part_pictures: Arc<dyn PartPictureStore>) {
        let _ = self.part_pictures.set(part_pictures);
    }

    /// The camera is gone for good: its viewers are told.
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
    /// Its figures by name.
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

    /// The camera goes away.
    pub(super) fn detach(&self) {
        self.queue.detach();
    }
}

impl App {
    /// Gives the camera behind `ring` its place in its view.
    pub(super) fn show(&self, camera: &config::CameraConfig, ring: &Ring<Frame>) -> Shown {
        let config::PreviewConfig { fps, width, quality, hold } = camera.preview;
        let busy = camera.inspect.as_ref().map_or(0, |inspect| inspect.queue);
        let settings = PreviewSettings {
            fps,
            look: Look { width, quality },
            hold,
            // Of the slots that inspection leaves, one is the live frame's and one that of the picture under way.
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

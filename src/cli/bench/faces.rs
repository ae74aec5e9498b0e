//! Recognition in the benchmark: the real stage, and a gallery of random people.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::config::{self, Config};
use crate::engine::{Model, Runtime};
use crate::image::face::{FaceCutter, FaceQuality};
use crate::pipeline::Follower;
use crate::recognition::{
    Enrolled, FaceFeed, FaceFollower, FaceItem, FaceLane, FaceLaneSettings, Gallery, GalleryIndex, Recognise,
};
use crate::ring::Bell;
use crate::scheduler::{Attachment, Factory, Scheduler, Stage, StageSpec};
use crate::tracking::Tracker;
use crate::types::{Frame, Patch, PersonId, Point, Sighting, SightingSink, priority};

/// People in the gallery: as many as a large site has.
const PEOPLE: u64 = 10_000;
/// Distance of the eyes, px, at which bare alignment is timed: that of the crop.
const EYE_PX: f32 = FaceQuality::FULL_EYE_PX;

/// The recognition stage, and what a camera's faces need.
pub(super) struct FaceStage {
    pub(super) model: Arc<Model>,
    stage: Arc<Stage<FaceItem>>,
    gallery: Arc<Gallery>,
    recognition: config::RecognitionConfig,
    track: config::TrackConfig,
}

impl FaceStage {
    /// The recognition of `camera`, if it has any.
    pub(super) fn build(
        config: &Config,
        camera: &config::CameraConfig,
        runtime: &Runtime,
        scheduler: &Scheduler,
    ) -> anyhow::Result<Option<FaceStage>> {
        let (Some(recognition), Some(track)) = (camera.recognise.clone(), camera.track.clone()) else {
            return Ok(None);
        };
        let name = config.faces.model.as_deref().unwrap_or_default();
        let settings = config.models.iter().find(|model| model.name == name).context("no model for faces")?;
        let model = runtime.load(settings)?;
        let length = model.outputs().first().and_then(|output| output.shape.last()).copied().unwrap_or(0);
        let gallery = Arc::new(Gallery::new(Arc::new(GalleryIndex::new(strangers(length))?)));
        let recognise = Recognise::new(model.clone(), gallery.clone())?;
        let spec = StageSpec {
            name: format!("recognise/{name}").into(),
            priority: priority::RECOGNISE,
            min: config.faces.min_workers,
            max: config.faces.max_workers,
        };
        let factory: Arc<Factory<FaceItem>> = Arc::new(move || Ok(Box::new(recognise.recogniser()?)));
        let stage = scheduler.add(spec, factory)?;
        Ok(Some(FaceStage { model, stage, gallery, recognition, track }))
    }

    pub(super) fn tracker(&self) -> Tracker {
        Tracker::new(self.track.clone(), 1)
    }

    /// Prepares the faces of one measurement; dropping it detaches its queue.
    pub(super) fn open(&self, bell: &Arc<Bell>) -> FaceLoad {
        let settings = FaceLaneSettings {
            camera: "bench".into(),
            recognition: self.recognition.clone(),
            in_step: false,
        };
        let lane = FaceLane::new(settings, self.gallery.clone(), Arc::new(Nobody), bell.clone());
        let queue = Attachment::new(Arc::new(FaceFeed(lane.clone())));
        queue.attach(&self.stage);
        lane.set_attached(true);
        FaceLoad { lane, queue }
    }
}

/// The faces that one measurement embeds.
pub(super) struct FaceLoad {
    lane: Arc<FaceLane>,
    queue: Attachment<FaceItem>,
}

impl FaceLoad {
    pub(super) fn follower(&self) -> Arc<dyn Follower> {
        Arc::new(FaceFollower(self.lane.clone()))
    }

    /// Number of faces that were embedded so far.
    pub(super) fn looks(&self) -> u64 {
        self.lane.counters.answered.get()
    }

    /// Faces that found the queue full, or failed.
    pub(super) fn drops(&self) -> u64 {
        self.lane.counters.dropped.get() + self.lane.counters.failed.get()
    }
}

impl Drop for FaceLoad {
    fn drop(&mut self) {
        self.queue.detach();
        self.lane.set_attached(false);
    }
}

/// CPU time of one bare alignment with the face's quality, on one core, milliseconds.
pub(super) fn align_ms(frame: &Frame, span: Duration) -> anyhow::Result<f64> {
    let (x, y) = (frame.width as f32 / 2.0, frame.height as f32 / 2.0);
    let at = |dx: f32, dy: f32| Point { x: x + dx * EYE_PX, y: y + dy * EYE_PX };
    let points = [at(-0.5, 0.0), at(0.5, 0.05), at(0.0, 0.5), at(0.0, 1.1), at(-1.1, 0.1), at(1.1, 0.1)];
    let (mut cutter, mut crop) = (FaceCutter::new(), Patch::default());
    let (began, mut count) = (Instant::now(), 0u32);
    while began.elapsed() < span {
        cutter.crop(&frame.planes(), [points[0], points[1]], &mut crop)?;
        std::hint::black_box(FaceQuality::of(&points).with_crop(&crop));
        count += 1;
    }
    Ok(began.elapsed().as_secs_f64() * 1_000.0 / f64::from(count.max(1)))
}

/// A gallery of random directions, none of which resembles another.
fn strangers(length: usize) -> impl Iterator<Item = Enrolled> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (1..=PEOPLE).map(move |id| Enrolled {
        person: PersonId(id),
        name: "nobody".into(),
        embeddings: vec![(0..length).map(|_| next()).collect()],
    })
}

struct Nobody;

impl SightingSink for Nobody {
    fn push(&self, _: &Sighting) {}
}

//! Recognition on one worker: from a frame and a face's key points to an answer.

use std::sync::Arc;

use super::embed::Embedder;
use super::{Gallery, Match};
use crate::config::RecognitionConfig;
use crate::config::Task;
use crate::engine::{EngineError, Model};
use crate::image::face::{FaceCutter, FaceFlaw, FaceQuality};
use crate::pipeline::StageError;
use crate::types::{Clock, Identity, Patch, Planes, Point, RunState, SystemClock};

/// Recognition with one embedding model: makes a [`Recogniser`] for each worker.
pub struct Recognise {
    model: Arc<Model>,
    gallery: Arc<Gallery>,
}

/// The answer of recognition about one face.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceAnswer {
    /// How good the face is.
    pub quality: FaceQuality,
    /// Why the face was not compared with the gallery; `None` where it was.
    pub flaw: Option<FaceFlaw>,
    /// The most similar person, whatever the similarity; `None` where no comparison was made or the gallery
    /// is empty.
    pub found: Option<Match>,
    /// The person, where similarity and margin are good enough.
    pub identity: Option<Identity>,
    /// The version of the gallery that answered.
    pub version: u64,
    /// Time from planes to crop and quality, microseconds.
    pub align_us: u32,
    /// Time from crop to embedding, microseconds.
    pub embed_us: u32,
    /// Time from embedding to match, microseconds.
    pub match_us: u32,
}

impl FaceAnswer {
    /// Cosine similarity to the most similar face of the gallery; 0 where there is none.
    pub fn similarity(&self) -> f32 {
        self.found.as_ref().map_or(0.0, |found| found.similarity)
    }
}

impl Recognise {
    /// Recognition that embeds with `model` and searches in `gallery`.
    ///
    /// # Errors
    /// [`EngineError::WrongTask`] where the model is not one for embeddings.
    pub fn new(model: Arc<Model>, gallery: Arc<Gallery>) -> Result<Recognise, EngineError> {
        model.expect_task(Task::Embed)?;
        Ok(Recognise { model, gallery })
    }

    /// Makes the recogniser of one worker, warmed up.
    ///
    /// # Errors
    /// The runtime refuses the model.
    pub fn recogniser(&self) -> Result<Recogniser, EngineError> {
        Ok(Recogniser {
            embedder: Embedder::new(&self.model)?,
            gallery: self.gallery.clone(),
            cutter: FaceCutter::new(),
            crop: Patch::default(),
        })
    }
}

/// Recognises faces on one worker.
pub struct Recogniser {
    embedder: Embedder,
    gallery: Arc<Gallery>,
    cutter: FaceCutter,
    crop: Patch,
}

impl Recogniser {
    /// Whether the model works, judged by its last runs.
    pub fn run_state(&self) -> RunState {
        self.embedder.run_state()
    }

    /// Recognises the face with the given six key points (frame px; BlazeFace's order); `limits` are its
    /// camera's. Allocates nothing once warm.
    ///
    /// # Errors
    /// The key points cannot belong to a face, or the model does not run.
    pub fn look(
        &mut self,
        planes: &Planes<'_>,
        points: &[Point; 6],
        limits: &RecognitionConfig,
    ) -> Result<FaceAnswer, StageError> {
        let began = SystemClock.now();
        let (gallery, version) = self.gallery.get();
        self.cutter.crop(planes, [points[0], points[1]], &mut self.crop)?;
        let quality = FaceQuality::of(points).with_crop(&self.crop);
        let aligned = SystemClock.now();
        let align_us = aligned.latency_since(began);
        let flaw = limits.gate.flaw(&quality);
        let mut answer = FaceAnswer {
            quality,
            flaw,
            found: None,
            identity: None,
            version,
            align_us,
            embed_us: 0,
            match_us: 0,
        };
        if flaw.is_some() {
            return Ok(answer);
        }
        let embedding = self.embedder.run(&self.crop)?;
        let embedded = SystemClock.now();
        answer.found = gallery.best(embedding);
        answer.identity = answer.found.as_ref().and_then(|found| found.proven(limits)).cloned();
        answer.embed_us = embedded.latency_since(aligned);
        answer.match_us = SystemClock.now().latency_since(embedded);
        Ok(answer)
    }
}

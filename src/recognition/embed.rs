//! Computes the embedding of a face from its crop.

use crate::engine::{Decode, EngineError, Model, Session};
use crate::image::Preprocessor;
use crate::pipeline::StageError;
use crate::types::{Patch, Placement, Predictions, RunState};

/// The embedding model on one worker.
pub(super) struct Embedder {
    session: Box<dyn Session>,
    preprocessor: Preprocessor,
    decoder: Box<dyn Decode>,
    predictions: Box<Predictions>,
}

impl Embedder {
    /// Makes a session of `model`, warmed up.
    pub fn new(model: &Model) -> Result<Embedder, EngineError> {
        Ok(Embedder {
            session: model.session()?,
            preprocessor: Preprocessor::new(model.input()),
            decoder: model.decoder(None),
            predictions: Box::default(),
        })
    }

    /// Whether the model works, judged by its last runs.
    pub fn run_state(&self) -> RunState {
        self.session.run_state()
    }

    /// The embedding of a crop, scaled to length one; empty where the model gave none. The crop is resized
    /// where the model's input has another size.
    pub fn run(&mut self, crop: &Patch) -> Result<&[f32], StageError> {
        let placement: Placement = self.preprocessor.run(&crop.planes(), None, self.session.input_mut(0))?;
        self.session.run()?;
        self.predictions.clear();
        self.decoder.decode(&*self.session, &placement, &mut *self.predictions);
        let embedding = &mut self.predictions.embedding;
        let length = embedding.iter().map(|v| v * v).sum::<f32>().sqrt();
        if !length.is_normal() {
            embedding.clear();
        }
        // Scaled whatever the model's card says, because comparison by cosine needs length one.
        embedding.iter_mut().for_each(|v| *v /= length);
        Ok(embedding)
    }
}

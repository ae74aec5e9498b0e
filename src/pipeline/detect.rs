//! Runs a model over the whole frame: planes → tensor → model → findings. Takes several frames at once where
//! the model has a batch.

use std::sync::Arc;

use super::{FrameItem, StageError};
use crate::engine::{Batched, Decode, EngineError, Model, Session};
use crate::image::Preprocessor;
use crate::scheduler::{Cause, Executor};
use crate::types::{Clock, Frame, MAX_BATCH, Placement, Report, RunState, Stamp, SystemClock};

/// Inference with one model, for whatever task the model has; makes a [`Detector`] for each worker.
pub struct Detect {
    model: Arc<Model>,
    min_score: Option<f32>,
}

impl Detect {
    /// Runs `model`; findings under `min_score` (the card's when `None`) are dropped.
    pub fn new(model: Arc<Model>, min_score: Option<f32>) -> Detect {
        Detect { model, min_score }
    }

    /// Makes the detector of one worker, warmed up.
    ///
    /// # Errors
    /// What the runtime reports of the model.
    pub fn detector(&self) -> Result<Detector, EngineError> {
        Ok(Detector {
            session: self.model.batched()?,
            preprocessor: Preprocessor::new(self.model.input()),
            decoder: self.model.decoder(self.min_score),
            clock: SystemClock,
        })
    }
}

/// One worker's tools for one model.
pub struct Detector {
    session: Batched,
    preprocessor: Preprocessor,
    decoder: Box<dyn Decode>,
    clock: SystemClock,
}

/// A frame, and the report that gets its findings.
type Work<'a> = (&'a Frame, &'a mut Report);

impl Detector {
    /// Adds the findings on `frame` to `report`. Allocates nothing once warm.
    ///
    /// # Errors
    /// A frame that cannot be converted into the tensor, or a model that does not run.
    pub fn detect(&mut self, frame: &Frame, report: &mut Report) -> Result<(), StageError> {
        self.detect_all(&mut [(frame, report)])
    }

    /// Does the same with several frames, at most as many as the model takes at once. Where it fails, no
    /// finding was added.
    fn detect_all(&mut self, work: &mut [Work<'_>]) -> Result<(), StageError> {
        let mut placements: heapless::Vec<Placement, MAX_BATCH> = heapless::Vec::new();
        for (slot, work) in work.iter_mut().enumerate() {
            // There are never more frames than slots, because `select` limits them.
            let _ = placements.push(self.put(slot, work)?);
        }
        let ready = self.clock.now();
        self.session.run()?;
        let ran = (ready, self.clock.now());
        for (slot, (work, placement)) in work.iter_mut().zip(&placements).enumerate() {
            self.read(slot, placement, work, ran);
        }
        Ok(())
    }

    /// Converts a frame into slot `slot` of the model.
    fn put(&mut self, slot: usize, (frame, report): &mut Work<'_>) -> Result<Placement, StageError> {
        let began = self.clock.now();
        self.session.select(slot);
        let input = self.session.input_mut(0);
        let placement = self.preprocessor.run(&frame.planes(), None, input)?;
        report.latency.preprocess_us = self.clock.now().latency_since(began);
        Ok(placement)
    }

    /// Reads slot `slot` of the model, which ran from `ready` to `inferred`.
    fn read(&mut self, slot: usize, placement: &Placement, (_, report): &mut Work<'_>, ran: (Stamp, Stamp)) {
        let (ready, inferred) = ran;
        let began = self.clock.now();
        self.session.select(slot);
        self.decoder.decode(&self.session, placement, *report);
        report.latency.infer_us = inferred.latency_since(ready);
        report.latency.decode_us = self.clock.now().latency_since(began);
    }
}

/// Step 2: runs the model on the frames of one batch.
impl Executor<FrameItem> for Detector {
    fn run(&mut self, item: &mut FrameItem) -> Result<(), Cause> {
        self.run_many(std::slice::from_mut(item))
    }

    fn batch(&self) -> usize {
        self.session.batch()
    }

    fn run_many(&mut self, items: &mut [FrameItem]) -> Result<(), Cause> {
        let mut work: heapless::Vec<Work<'_>, MAX_BATCH> = heapless::Vec::new();
        for open in items.iter_mut().filter_map(FrameItem::open) {
            work.push(open).map_err(|_| "more frames than a model takes at once")?;
        }
        Ok(self.detect_all(&mut work)?)
    }

    fn run_state(&self) -> RunState {
        self.session.run_state()
    }
}

//! A model over the whole frame (or a region): planes → tensor → model → findings. Several frames at once where the
//! model takes a batch.

use std::sync::Arc;

use super::stage::{FanOut, Stage, StageError, Station, Work};
use crate::engine::{Batched, Decode, EngineError, Model, Session};
use crate::image::Preprocessor;
use crate::types::{Class, Clock, Frame, MAX_BATCH, Placement, Rect, Report, RunState, Stamp, SystemClock};

/// Detection (or classification, …: whatever the model's task is) with one model.
pub struct Detect {
    name: String,
    model: Arc<Model>,
    min_score: Option<f32>,
}

impl Detect {
    /// The stage `name` runs `model`; findings under `min_score` (the card's when `None`) are dropped.
    pub fn new(name: &str, model: Arc<Model>, min_score: Option<f32>) -> Detect {
        Detect { name: name.into(), model, min_score }
    }
}

impl Stage for Detect {
    fn name(&self) -> &str {
        &self.name
    }

    fn class(&self) -> Class {
        Class::Detect
    }

    fn station(&self) -> Result<Box<dyn Station>, EngineError> {
        Ok(Box::new(Tools {
            session: self.model.batched()?,
            preprocessor: Preprocessor::new(self.model.input()),
            decoder: self.model.decoder(self.min_score),
            clock: SystemClock,
        }))
    }
}

struct Tools {
    session: Batched,
    preprocessor: Preprocessor,
    decoder: Box<dyn Decode>,
    clock: SystemClock,
}

impl Tools {
    /// Puts a frame into slot `slot` of the model.
    fn put(&mut self, slot: usize, work: &mut Work<'_>) -> Result<Placement, StageError> {
        let began = self.clock.now();
        self.session.select(slot);
        let input = self.session.input_mut(0);
        let placement = self.preprocessor.run(&work.frame.planes(), work.region, input)?;
        work.report.latency.preprocess_us = self.clock.now().latency_since(began);
        Ok(placement)
    }

    /// Reads slot `slot` of the model, which ran from `ready` to `inferred`.
    fn read(&mut self, slot: usize, placement: &Placement, work: &mut Work<'_>, ran: (Stamp, Stamp)) {
        let (ready, inferred) = ran;
        let began = self.clock.now();
        self.session.select(slot);
        self.decoder.decode(&self.session, placement, work.report);
        work.report.latency.infer_us = inferred.latency_since(ready);
        work.report.latency.decode_us = self.clock.now().latency_since(began);
    }
}

impl Station for Tools {
    fn process(
        &mut self,
        frame: &Frame,
        region: Option<Rect>,
        report: &mut Report,
        _fan_out: &mut dyn FanOut,
    ) -> Result<(), StageError> {
        self.process_many(&mut [Work { frame, region, report }])
    }

    fn batch(&self) -> usize {
        self.session.batch()
    }

    fn process_many(&mut self, work: &mut [Work<'_>]) -> Result<(), StageError> {
        let mut placements: heapless::Vec<Placement, MAX_BATCH> = heapless::Vec::new();
        for (slot, work) in work.iter_mut().enumerate() {
            // As many as there are slots, which `select` has made sure of.
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

    fn run_state(&self) -> RunState {
        self.session.run_state()
    }
}

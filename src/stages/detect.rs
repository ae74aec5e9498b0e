//! A model over the whole frame (or a region): planes → tensor → model → findings.

use std::sync::Arc;

use super::{FanOut, Stage, StageError, Station};
use crate::engine::{Decode, EngineError, Model, Session};
use crate::image::Preprocessor;
use crate::types::{Class, Clock, Frame, Rect, Report, SystemClock};

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
            session: self.model.session()?,
            preprocessor: Preprocessor::new(self.model.input()),
            decoder: self.model.decoder(self.min_score),
            clock: SystemClock,
        }))
    }
}

struct Tools {
    session: Box<dyn Session>,
    preprocessor: Preprocessor,
    decoder: Box<dyn Decode>,
    clock: SystemClock,
}

impl Station for Tools {
    fn process(
        &mut self,
        frame: &Frame,
        region: Option<Rect>,
        report: &mut Report,
        _fan_out: &mut dyn FanOut,
    ) -> Result<(), StageError> {
        let began = self.clock.now();
        let placement = self.preprocessor.run(&frame.planes(), region, self.session.input_mut(0))?;
        let ready = self.clock.now();
        self.session.run()?;
        let inferred = self.clock.now();
        self.decoder.decode(&*self.session, &placement, report);
        report.latency.preprocess_us = ready.latency_since(began);
        report.latency.infer_us = inferred.latency_since(ready);
        report.latency.decode_us = self.clock.now().latency_since(inferred);
        Ok(())
    }
}

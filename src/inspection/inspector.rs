//! One worker's tools for one recipe: finds the part, and judges one region at a time.

use std::sync::Arc;
use std::time::Instant;

use super::check::{Check, CheckError, Found, View};
use super::models::ModelTools;
use super::part::PartItem;
use super::program::{Program, Region};
use crate::engine::EngineError;
use crate::image::{Aligner, Cutter};
use crate::scheduler::{Cause, Executor};
use crate::types::{Frame, Patch, Pose, RoiResult, RunState, Verdict};

/// A part could not be found on its frame, so that none of its regions can be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct PartFault {
    /// What is wrong, where, and what to do.
    pub cause: Arc<str>,
}

impl PartFault {
    /// A fault with this cause.
    pub fn new(cause: impl Into<Arc<str>>) -> PartFault {
        PartFault { cause: cause.into() }
    }
}

/// One worker's tools for the inspection of one product.
pub struct Inspector {
    program: Arc<Program>,
    aligner: Option<Aligner>,
    checks: Vec<Box<dyn Check>>,
    models: Vec<ModelTools>,
    cutter: Cutter,
    patch: Patch,
}

impl Inspector {
    pub(super) fn new(program: Arc<Program>) -> Result<Inspector, EngineError> {
        Ok(Inspector {
            aligner: program.aligner.clone(),
            checks: program.regions.iter().map(|region| region.check.fork()).collect(),
            models: program.models.iter().map(ModelTools::new).collect::<Result<_, _>>()?,
            cutter: Cutter::new(),
            patch: Patch::default(),
            program,
        })
    }

    /// Runs `look` with the check and the view of region `index` of a part at `pose`.
    fn show<T>(
        &mut self,
        frame: &Frame,
        (pose, index): (&Pose, usize),
        text: Option<&str>,
        look: impl FnOnce(&mut dyn Check, &mut View<'_>) -> T,
    ) -> T {
        let Region { outline, mask, .. } = &self.program.regions[index];
        let mut view = View {
            planes: &frame.planes(),
            region: outline,
            mask: mask.as_ref(),
            pose,
            text,
            cutter: &mut self.cutter,
            patch: &mut self.patch,
            models: &mut self.models,
        };
        look(&mut *self.checks[index], &mut view)
    }
}

impl Inspector {
    /// Where the part lies on `frame`; `None` where the recipe does not look for it.
    ///
    /// # Errors
    /// [`PartFault`] where the frame has another size than the recipe, or the part is not found.
    pub fn find(&mut self, frame: &Frame) -> Result<Option<Pose>, PartFault> {
        let [width, height] = self.program.recipe.size;
        if [frame.width, frame.height] != [width as usize, height as usize] {
            return Err(PartFault::new(format!(
                "the frame has {}×{} px, but the recipe {} is for {width}×{height}; set the camera to that size, or \
                 redraw the recipe",
                frame.width, frame.height, self.program.recipe.product
            )));
        }
        let Some(aligner) = &mut self.aligner else { return Ok(None) };
        let found = aligner.find(&frame.planes());
        found.map(|found| Some(found.pose)).map_err(|error| PartFault::new(error.to_string()))
    }

    /// Judges region `index` of the recipe on a part that lies at `pose`. `text` came with the trigger. A
    /// region that cannot be judged gets the verdict `error` with its cause.
    pub fn roi(&mut self, frame: &Frame, pose: Option<&Pose>, index: usize, text: Option<&str>) -> RoiResult {
        let began = Instant::now();
        let upright = Pose::default();
        let at = (pose.unwrap_or(&upright), index);
        let outcome: Result<Found, CheckError> = self.show(frame, at, text, |check, view| check.run(view));
        let Region { name, kind, .. } = &self.program.regions[index];
        let mut result = match outcome {
            Err(error) => RoiResult::failed(name, kind, error.to_string()),
            Ok(found) => RoiResult {
                name: name.clone(),
                kind,
                verdict: if found.good { Verdict::Ok } else { Verdict::Ng },
                score: found.score,
                threshold: found.threshold,
                unit: found.unit,
                text: found.text.map(Into::into),
                defects: found.defects,
                error: None,
                duration_us: 0,
            },
        };
        result.duration_us = began.elapsed().as_micros().min(u128::from(u32::MAX)) as u32;
        result
    }

    /// A picture of the region with its defects marked, for people; `None` where the kind has nothing to
    /// show.
    pub fn picture(&mut self, frame: &Frame, pose: Option<&Pose>, index: usize) -> Option<Patch> {
        let upright = Pose::default();
        let at = (pose.unwrap_or(&upright), index);
        // An error is dropped here, because `roi` reports the same one.
        self.show(frame, at, None, |check, view| check.picture(view)).ok().flatten()
    }
}

impl Executor<PartItem> for Inspector {
    fn run(&mut self, part: &mut PartItem) -> Result<(), Cause> {
        match part.roi() {
            None => part.find(|frame| self.find(frame)),
            Some(index) => part.judge(|frame, pose, text| self.roi(frame, pose, index, text)),
        }
        Ok(())
    }

    fn run_state(&self) -> RunState {
        RunState::of_all(self.models.iter().map(ModelTools::run_state))
    }
}

//! Runs the models of a recipe on one worker, and puts regions into their tensors.

use std::sync::Arc;

use crate::engine::{Decode, EngineError, Model, Session};
use crate::image::{ImageError, Preprocessor};
use crate::types::{Channels, Placement, Point, Pose, Predictions, Rect, RunState};

use super::check::{CheckError, View};

/// Up to this rotation a region is taken upright from the frame: at the edge of a region of 200 px it moves
/// one pixel.
const UPRIGHT_DEG: f32 = 0.5;

/// One model: session, decoder, and the predictions that it fills.
pub(super) struct ModelTools {
    session: Box<dyn Session>,
    decoder: Box<dyn Decode>,
    pub predictions: Box<Predictions>,
}

impl ModelTools {
    pub fn new(model: &Arc<Model>) -> Result<ModelTools, EngineError> {
        Ok(ModelTools {
            session: model.session()?,
            decoder: model.decoder(Some(0.0)),
            predictions: Box::default(),
        })
    }

    pub fn run_state(&self) -> RunState {
        self.session.run_state()
    }

    fn run(&mut self, placement: Placement) -> Result<(), CheckError> {
        self.session.run()?;
        self.predictions.clear();
        self.decoder.decode(&*self.session, &placement, &mut *self.predictions);
        Ok(())
    }
}

/// Puts one region into one model. Each region has its own preprocessor, because that remembers the geometry.
pub(super) struct ModelPath {
    model: usize,
    input: crate::image::Target,
    preprocessor: Preprocessor,
}

impl ModelPath {
    /// `model` is the index among the program's models.
    pub fn new(model: usize, input: crate::image::Target) -> ModelPath {
        ModelPath { model, input, preprocessor: Preprocessor::new(input) }
    }

    pub fn fork(&self) -> ModelPath {
        ModelPath::new(self.model, self.input)
    }

    /// Runs the model over the region. Findings are in px of the frame, or of the patch where one was cut;
    /// [`ModelSight::to_recipe`] converts both.
    pub fn run<'a>(&mut self, view: &'a mut View<'_>) -> Result<ModelSight<'a>, CheckError> {
        let upright = view.region.turn_deg(view.pose).abs() <= UPRIGHT_DEG;
        let tools = &mut view.models[self.model];
        let input = tools.session.input_mut(0);
        let placement = if upright {
            self.preprocessor.run(view.planes, Some(view.region.bounds(view.pose)), input)?
        } else {
            self.cut(view.cutter, view.planes, (view.region, view.pose), view.patch, input)?
        };
        tools.run(placement)?;
        Ok(ModelSight { predictions: &tools.predictions, region: view.region, pose: view.pose, upright })
    }

    fn cut(
        &mut self,
        cutter: &mut crate::image::Cutter,
        planes: &crate::types::Planes<'_>,
        (region, pose): (&crate::image::RotatedRect, &Pose),
        patch: &mut crate::types::Patch,
        input: &mut [u8],
    ) -> Result<Placement, ImageError> {
        cutter.cut(planes, region, pose, Channels::Rgb, patch)?;
        self.preprocessor.run(&patch.planes(), None, input)
    }
}

/// The output of a model for a region.
pub(super) struct ModelSight<'a> {
    pub predictions: &'a Predictions,
    region: &'a crate::image::RotatedRect,
    pose: &'a Pose,
    upright: bool,
}

impl ModelSight<'_> {
    /// A finding's rectangle in recipe px.
    pub fn to_recipe(&self, rect: Rect) -> Rect {
        if !self.upright {
            return self.region.rect_to_recipe(rect);
        }
        let centre = Point { x: rect.x + rect.w / 2.0, y: rect.y + rect.h / 2.0 };
        let at = self.pose.to_recipe(centre);
        Rect { x: at.x - rect.w / 2.0, y: at.y - rect.h / 2.0, ..rect }
    }
}

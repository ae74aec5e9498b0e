//! Prepares a recipe: loads its models, cuts its fiducials, and learns its golden pictures.

use std::sync::Arc;

use super::check::{Check, CheckError, View};
use super::inspector::Inspector;
use super::kinds::{
    self, BarcodeCheck, ClassifyCheck, ColourCheck, DetectCheck, GoldenCheck, MeasureCheck, PixelsCheck,
    PresenceCheck,
};
use super::models::{ModelPath, ModelTools};
use crate::config::recipe::{self, LengthUnit, Outline, Recipe, Roi};
use crate::engine::{EngineError, Model};
use crate::image::compare::{CompareError, Learned};
use crate::image::{AlignError, Aligner, Cutter, Lab, Mask, RotatedRect};
use crate::types::{Channels, Explanation, Label, Patch, Point, Pose};

/// Why a recipe cannot be prepared.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum ProgramError {
    /// The recipe compares with golden pictures, and there are none.
    NoGoldens {
        /// The name of the product.
        product: String,
        /// The region that lacks one, where the others have one.
        roi: Option<String>,
    },
    /// A golden picture has another size than the recipe.
    GoldenSize {
        /// The name of the product.
        product: String,
        /// The name of the golden picture.
        picture: String,
        /// Its width and height, px.
        size: [usize; 2],
        /// The width and height of the recipe, px.
        wanted: [u32; 2],
    },
    /// The fiducials cannot be used, or are not found on a golden picture.
    Align {
        /// The name of the golden picture.
        picture: String,
        /// Why the fiducials cannot be used.
        cause: AlignError,
    },
    /// A region cannot be prepared.
    Roi {
        /// The region's name in the recipe.
        roi: String,
        /// Why its check cannot be prepared.
        cause: CheckError,
    },
    /// A model of the recipe cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl ProgramError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            ProgramError::NoGoldens { product, roi } => Explanation::new(
                format!(
                    "product {product} has no golden picture{}",
                    roi.as_ref().map_or(String::new(), |roi| format!(" for roi {roi}"))
                ),
                format!("teach one of a good part: ocellus golden add {product} FILE"),
            ),
            ProgramError::GoldenSize { product, picture, size, wanted } => Explanation::new(
                format!(
                    "golden picture {picture} has {}×{} px, but the recipe of {product} is for {}×{}",
                    size[0], size[1], wanted[0], wanted[1]
                ),
                format!(
                    "take it out (ocellus golden remove {product} {picture}), or correct the recipe's size"
                ),
            ),
            ProgramError::Align { picture, cause } => {
                Explanation::new(format!("golden picture {picture}: {cause}"), "")
            }
            ProgramError::Roi { roi, cause } => Explanation::new(format!("roi {roi}: {cause}"), ""),
            ProgramError::Engine(error) => error.explanation(),
        }
    }
}

/// Gives a model by its name; the second argument asks for its output as a vector.
pub type Lender<'a> = dyn Fn(&str, bool) -> Result<Arc<Model>, EngineError> + 'a;

/// A picture of a good part.
#[derive(Clone, Debug)]
pub struct GoldenPicture {
    /// The first digits of its SHA-256, for messages.
    pub name: String,
    /// The picture; shared, because several regions learn from it.
    pub picture: Arc<Patch>,
    /// Only these ROIs learn from it; `None`: all.
    pub rois: Option<Vec<String>>,
}

/// A region of the recipe with its mask and prepared check.
pub(super) struct Region {
    pub name: Label,
    pub kind: &'static str,
    pub outline: RotatedRect,
    pub mask: Option<Mask>,
    pub check: Box<dyn Check>,
}

/// A prepared recipe. The workers share it; each takes an [`Program::inspector`].
pub struct Program {
    pub(super) recipe: Recipe,
    pub(super) aligner: Option<Aligner>,
    pub(super) regions: Vec<Region>,
    pub(super) models: Vec<Arc<Model>>,
}

impl Program {
    /// Learns `goldens`, the master first, for `recipe`. `model` gives a model of the configuration by its name; its
    /// second argument asks for the model's output as a vector, whatever task its card names.
    ///
    /// # Errors
    /// [`ProgramError`] where golden pictures are missing, have another size or lack the fiducials, or where
    /// a model cannot be used.
    pub fn new(
        recipe: Recipe,
        goldens: &[GoldenPicture],
        model: &Lender<'_>,
    ) -> Result<Program, ProgramError> {
        let mut builder = RecipeBuilder::open(&recipe, goldens, model)?;
        let mut regions = Vec::with_capacity(recipe.rois.len());
        for roi in &recipe.rois {
            regions.push(builder.prepare(&recipe, roi)?);
        }
        let RecipeBuilder { aligner, models, .. } = builder;
        let models = models.into_iter().map(|(_, model)| model).collect();
        Ok(Program { recipe, aligner, regions, models })
    }

    /// The recipe that the program was built from.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The models that it runs.
    pub fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    /// Name and kind of each region, in the recipe's order.
    pub fn rois(&self) -> Vec<(Label, &'static str)> {
        self.regions.iter().map(|region| (region.name.clone(), region.kind)).collect()
    }

    /// The corners of each region, recipe px, in the recipe's order.
    pub fn outlines(&self) -> Vec<Vec<Point>> {
        let corners = |outline: &Outline| {
            let turned = RotatedRect { rect: outline.rect, angle_deg: outline.angle_deg };
            let (w, h) = (outline.rect.w, outline.rect.h);
            [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)].map(|(x, y)| turned.to_recipe(Point { x, y })).to_vec()
        };
        let outlines = self.recipe.rois.iter().map(|roi| &roi.outline);
        outlines
            .map(
                |outline| if outline.polygon.is_empty() { corners(outline) } else { outline.polygon.clone() },
            )
            .collect()
    }

    /// The tools of one worker, its models warmed up.
    ///
    /// # Errors
    /// What the runtime reports of a model.
    pub fn inspector(self: &Arc<Program>) -> Result<Inspector, EngineError> {
        Inspector::new(self.clone())
    }
}

/// A golden picture and the pose of the part on it.
struct Lesson<'a> {
    golden: &'a GoldenPicture,
    pose: Pose,
}

/// Prepares the regions of one recipe.
struct RecipeBuilder<'a> {
    product: &'a str,
    lessons: Vec<Lesson<'a>>,
    aligner: Option<Aligner>,
    /// Each model with the request that it was opened for.
    models: Vec<(ModelRequest<'a>, Arc<Model>)>,
    tools: Vec<ModelTools>,
    cutter: Cutter,
    patch: Patch,
}

impl<'a> RecipeBuilder<'a> {
    fn open(
        recipe: &'a Recipe,
        goldens: &'a [GoldenPicture],
        model: &Lender<'_>,
    ) -> Result<RecipeBuilder<'a>, ProgramError> {
        check_sizes(recipe, goldens)?;
        let mut aligner = aligner(recipe, goldens)?;
        let mut lessons = Vec::with_capacity(goldens.len());
        for (at, golden) in goldens.iter().enumerate() {
            // The recipe was drawn on the master, so the part on it has the neutral pose by definition.
            let pose = match aligner.as_mut().filter(|_| at > 0) {
                Some(aligner) => aligner.find(&golden.picture.planes()).map(|found| found.pose),
                None => Ok(Pose::default()),
            };
            let pose = pose.map_err(|cause| ProgramError::Align { picture: golden.name.clone(), cause })?;
            lessons.push(Lesson { golden, pose });
        }
        let mut models: Vec<(ModelRequest<'a>, Arc<Model>)> = Vec::new();
        for model_request in recipe.rois.iter().filter_map(model_request) {
            if !models.iter().any(|(known, _)| *known == model_request) {
                models.push((model_request, model(model_request.0, model_request.1)?));
            }
        }
        let tools = models.iter().map(|(_, model)| ModelTools::new(model)).collect::<Result<_, _>>()?;
        let (cutter, patch) = (Cutter::new(), Patch::default());
        Ok(RecipeBuilder { product: &recipe.product, lessons, aligner, models, tools, cutter, patch })
    }

    fn prepare(&mut self, recipe: &Recipe, roi: &Roi) -> Result<Region, ProgramError> {
        let fault = |cause: CheckError| ProgramError::Roi { roi: roi.name.clone(), cause };
        let outline = RotatedRect { rect: roi.outline.rect, angle_deg: roi.outline.angle_deg };
        let mask = match &roi.outline.polygon[..] {
            [] => None,
            polygon => Some(Mask::polygon(&outline, polygon).map_err(|error| fault(error.into()))?),
        };
        let check = self.check(recipe, roi, &outline, mask.as_ref())?;
        Ok(Region { name: roi.name.as_str().into(), kind: roi.check.kind(), outline, mask, check })
    }

    fn check(
        &mut self,
        recipe: &Recipe,
        roi: &Roi,
        outline: &RotatedRect,
        mask: Option<&Mask>,
    ) -> Result<Box<dyn Check>, ProgramError> {
        let fault = |cause: CheckError| ProgramError::Roi { roi: roi.name.clone(), cause };
        Ok(match &roi.check {
            recipe::Check::Golden { min_similarity, .. } => {
                let mut road = self.road(roi);
                let goldens = self.learn(roi, outline, mask, |view| GoldenCheck::vector(&mut road, view))?;
                Box::new(GoldenCheck::new(road, goldens.into(), *min_similarity))
            }
            recipe::Check::Pixels(wanted) => {
                let cut = |view: &mut View<'_>| Ok(view.cut(Channels::Gray)?.clone());
                let patches = self.learn(roi, outline, mask, cut)?;
                let mask = mask.map(|mask| &mask.data[..]);
                let learned = Learned::from(&patches, mask, wanted);
                Box::new(PixelsCheck::new(Arc::new(learned.map_err(|e: CompareError| fault(e.into()))?)))
            }
            recipe::Check::Classify { expect, min_score, .. } => {
                Box::new(ClassifyCheck::new(self.road(roi), expect.clone(), *min_score))
            }
            recipe::Check::Detect { classes, min_score, min_count, max_count, .. } => {
                let wanted = kinds::Wanted {
                    classes: classes.clone(),
                    min_score: *min_score,
                    min_count: *min_count,
                    max_count: *max_count,
                };
                Box::new(DetectCheck::new(self.road(roi), wanted))
            }
            recipe::Check::Barcode { formats, expect } => {
                Box::new(BarcodeCheck::new(formats.clone(), expect.clone()))
            }
            recipe::Check::Colour { lab, max_delta_e } => {
                let right = match lab {
                    Some([l, a, b]) => Lab { l: *l, a: *a, b: *b },
                    None => self.learn(roi, outline, mask, ColourCheck::mean)?.swap_remove(0),
                };
                Box::new(ColourCheck::new(right, *max_delta_e))
            }
            recipe::Check::Presence { low, high, min_share, max_share } => {
                Box::new(PresenceCheck::new(*low..=*high, *min_share, *max_share))
            }
            recipe::Check::Measure { from, to, min_contrast, min, max, unit } => {
                let (unit, per_px) = match unit {
                    LengthUnit::Px => ("px", 1.0),
                    LengthUnit::Mm => ("mm", recipe.mm_per_px.unwrap_or(1.0)),
                };
                let edges = (*from, *to);
                let (min_contrast, min, max) = (*min_contrast, *min, *max);
                Box::new(MeasureCheck::new(kinds::Span { edges, min_contrast, min, max, unit, per_px }))
            }
        })
    }

    /// Calls `look` with the region on each golden picture that it learns from, the master first.
    fn learn<T>(
        &mut self,
        roi: &Roi,
        outline: &RotatedRect,
        mask: Option<&Mask>,
        mut look: impl FnMut(&mut View<'_>) -> Result<T, CheckError>,
    ) -> Result<Vec<T>, ProgramError> {
        let mut learned = Vec::new();
        for Lesson { golden, pose } in &self.lessons {
            if golden.rois.as_ref().is_some_and(|rois| !rois.contains(&roi.name)) {
                continue;
            }
            let mut view = View {
                planes: &golden.picture.planes(),
                region: outline,
                mask,
                pose,
                text: None,
                cutter: &mut self.cutter,
                patch: &mut self.patch,
                models: &mut self.tools,
            };
            let lesson = look(&mut view);
            learned.push(lesson.map_err(|cause| ProgramError::Roi { roi: roi.name.clone(), cause })?);
        }
        if learned.is_empty() {
            return Err(ProgramError::NoGoldens {
                product: self.product.into(),
                roi: Some(roi.name.clone()),
            });
        }
        Ok(learned)
    }

    /// The path of the region into its model.
    fn road(&self, roi: &Roi) -> ModelPath {
        let model_request = model_request(roi);
        let at = self.models.iter().position(|(known, _)| Some(*known) == model_request);
        let at = at.unwrap_or_else(|| unreachable!("every model of the recipe was opened"));
        ModelPath::new(at, self.models[at].1.input())
    }
}

/// The name of a model, and whether its output is wanted as a vector.
type ModelRequest<'a> = (&'a str, bool);

fn model_request(roi: &Roi) -> Option<ModelRequest<'_>> {
    Some((roi.check.model()?, matches!(roi.check, recipe::Check::Golden { .. })))
}

fn check_sizes(recipe: &Recipe, goldens: &[GoldenPicture]) -> Result<(), ProgramError> {
    if goldens.is_empty() && recipe.needs_goldens() {
        return Err(ProgramError::NoGoldens { product: recipe.product.clone(), roi: None });
    }
    let wanted = recipe.size;
    for GoldenPicture { name, picture, .. } in goldens {
        let size = [picture.width, picture.height];
        if size != wanted.map(|side| side as usize) {
            let (product, picture) = (recipe.product.clone(), name.clone());
            return Err(ProgramError::GoldenSize { product, picture, size, wanted });
        }
    }
    Ok(())
}

/// Cuts the fiducials from the master; `None` where the recipe does not align.
fn aligner(recipe: &Recipe, goldens: &[GoldenPicture]) -> Result<Option<Aligner>, ProgramError> {
    let (Some(align), Some(master)) = (&recipe.align, goldens.first()) else { return Ok(None) };
    let aligner = Aligner::new(&master.picture.planes(), &align.fiducials, align.reach);
    aligner.map(Some).map_err(|cause| ProgramError::Align { picture: master.name.clone(), cause })
}

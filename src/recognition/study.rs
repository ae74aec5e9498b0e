//! Reads pictures for enrolment, each of which must show exactly one good face.

use super::embed::Embedder;
use crate::config::Task;
use crate::engine::{Decode, EngineError, Model, RunError, Session};
use crate::image::face::{FACE_SIDE, FaceCutter, FaceFlaw, FaceGate, FaceQuality, KEEPSAKE_SIDE, inner};
use crate::image::{ImageError, Preprocessor};
use crate::pipeline::StageError;
use crate::types::{Explanation, Patch, Planes, Point, Prediction, Predictions, Rect, Value};

/// A further face counts where its eyes are at least this fraction of the largest face's distance apart, so
/// that people in the background of a portrait do not count.
const COUNTS_FROM: f32 = 0.5;
/// Where no face is found, the picture is searched again with this fraction of its size added on each side,
/// because detectors were not trained on faces that fill a picture.
const STEP_BACK: f32 = 0.5;
/// In the second search only faces of at least this fraction of the picture's shorter side count. Smaller
/// ones come from the edge px that are repeated around the picture.
const FILLS_FROM: f32 = 0.5;

/// Why a picture cannot be used for enrolment: what is wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum FaceFault {
    /// No face was found in the picture.
    NoFace,
    /// The picture shows more than one person.
    SeveralFaces {
        /// Number of faces that are large enough to count.
        n: usize,
    },
    /// The face has too few pixels.
    TooSmall {
        /// Distance of the eyes, px.
        px: f32,
        /// Least distance that is accepted, px.
        least: f32,
    },
    /// The face is not sharp.
    Blurred {
        /// As measured; see [`crate::image::face::sharpness`].
        sharpness: f32,
        /// Least sharpness that is accepted.
        least: f32,
    },
    /// The face does not look at the camera.
    Turned {
        /// Degrees to the left or right.
        yaw_deg: f32,
        /// Up (negative) or down, degrees.
        pitch_deg: f32,
        /// Most degrees that are accepted in either direction.
        most: f32,
    },
    /// A kept crop that should be embedded again has the wrong size.
    NoCrop {
        /// Width of the crop, px.
        width: usize,
        /// Height of the crop, px.
        height: usize,
    },
    /// The embedding model gave no vector that can be compared.
    NoEmbedding,
    /// The picture could not be read.
    Image(#[from] ImageError),
    /// A model did not run.
    Run(#[from] RunError),
}

impl FaceFault {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            FaceFault::NoFace => Explanation::new(
                "no face was found in the picture",
                "take one in which the face is seen from the front, not hidden and well lit",
            ),
            FaceFault::SeveralFaces { n } => Explanation::new(
                format!("{n} faces are in the picture"),
                "take one of this person alone, or cut the others off",
            ),
            FaceFault::TooSmall { px, least } => Explanation::new(
                format!(
                    "the face is too small: its eyes are {px:.0} px apart, at least {least:.0} are needed"
                ),
                "take the picture from nearer by, or with more pixels",
            ),
            FaceFault::Blurred { sharpness, least } => Explanation::new(
                format!(
                    "the face is blurred: its sharpness is {sharpness:.3}, at least {least:.3} is needed"
                ),
                "hold still, focus, and use more light",
            ),
            FaceFault::Turned { yaw_deg, pitch_deg, most } => Explanation::new(
                format!(
                    "the face is turned away: {yaw_deg:.0} degrees aside and {pitch_deg:.0} up or down, at most \
                     {most:.0} are allowed"
                ),
                "look into the camera",
            ),
            FaceFault::NoCrop { width, height } => Explanation::new(
                format!(
                    "the kept crop has {width}×{height} px where {KEEPSAKE_SIDE}×{KEEPSAKE_SIDE} in colour are needed"
                ),
                "remove it and enrol the person again",
            ),
            FaceFault::NoEmbedding => Explanation::new(
                "the model gave no valid embedding for this face",
                "check its file with `ocellus check`",
            ),
            // These say themselves what to do, where anything can be done.
            FaceFault::Image(error) => Explanation::new(format!("the picture cannot be used: {error}"), ""),
            FaceFault::Run(error) => Explanation::new(
                error.to_string(),
                "check the model's file and its delegate with `ocellus check`",
            ),
        }
    }
}

impl FaceFault {
    /// The code of the fault, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            FaceFault::NoFace => "no_face",
            FaceFault::SeveralFaces { .. } => "several_faces",
            FaceFault::TooSmall { .. } => "face_too_small",
            FaceFault::Blurred { .. } => "face_blurred",
            FaceFault::Turned { .. } => "face_turned",
            FaceFault::NoCrop { .. } | FaceFault::Image(_) => "picture_unreadable",
            FaceFault::NoEmbedding | FaceFault::Run(_) => "model_failed",
        }
    }

    fn of(flaw: FaceFlaw, quality: &FaceQuality, gate: &FaceGate) -> FaceFault {
        match flaw {
            // Where only the score is too low, the text names a good value and not a limit that the face
            // meets.
            FaceFlaw::TooSmall => {
                let least =
                    if quality.eye_px < gate.min_eye_px { gate.min_eye_px } else { FaceQuality::FULL_EYE_PX };
                FaceFault::TooSmall { px: quality.eye_px, least }
            }
            FaceFlaw::Blurred => {
                let sharp = quality.sharpness >= gate.min_sharpness;
                let least = if sharp { FaceQuality::FULL_SHARPNESS } else { gate.min_sharpness };
                FaceFault::Blurred { sharpness: quality.sharpness, least }
            }
            FaceFlaw::Turned => {
                let (yaw_deg, pitch_deg) = (quality.pose.yaw_deg, quality.pose.pitch_deg);
                FaceFault::Turned { yaw_deg, pitch_deg, most: gate.max_turn_deg }
            }
        }
    }
}

impl From<StageError> for FaceFault {
    fn from(error: StageError) -> FaceFault {
        match error {
            StageError::Image(error) => FaceFault::Image(error),
            StageError::Run(error) => FaceFault::Run(error),
        }
    }
}

/// The result of a picture, as the gallery keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Studied {
    /// RGB crop of [`KEEPSAKE_SIDE`] px, which [`Study::crop`] can embed again with another model.
    pub crop: Patch,
    /// The embedding, scaled to length one.
    pub embedding: Vec<f32>,
    /// How good the face is.
    pub quality: FaceQuality,
    /// Where it lies in the picture, px.
    pub rect: Rect,
}

/// Detector and embedding model for pictures. It may allocate, because it is not part of the pipeline.
pub struct Study {
    session: Box<dyn Session>,
    preprocessor: Preprocessor,
    decoder: Box<dyn Decode>,
    predictions: Box<Predictions>,
    embedder: Embedder,
    cutter: FaceCutter,
    gate: FaceGate,
}

impl Study {
    /// Makes sessions of both models, warmed up.
    ///
    /// # Errors
    /// [`EngineError::WrongTask`] where the detector gives no eyes (only BlazeFace does) or the embedder has
    /// another task; other variants where the runtime refuses a model.
    pub fn new(detector: &Model, embedder: &Model, gate: FaceGate) -> Result<Study, EngineError> {
        detector.expect_task(Task::BlazeFace)?;
        embedder.expect_task(Task::Embed)?;
        Ok(Study {
            session: detector.session()?,
            preprocessor: Preprocessor::new(detector.input()),
            decoder: detector.decoder(None),
            predictions: Box::default(),
            embedder: Embedder::new(embedder)?,
            cutter: FaceCutter::new(),
            gate,
        })
    }

    /// Finds, checks and embeds the only face of a picture.
    ///
    /// # Errors
    /// [`FaceFault`]: why the picture cannot be used for enrolment.
    pub fn picture(&mut self, planes: &Planes<'_>) -> Result<Studied, FaceFault> {
        let (rect, points) = self.only_face(planes)?;
        let mut crop = Patch::default();
        self.cutter.keepsake(planes, [points[0], points[1]], &mut crop)?;
        let mut face = Patch::default();
        inner(&crop, &mut face);
        let quality = FaceQuality::of(&points).with_crop(&face);
        if let Some(flaw) = self.gate.flaw(&quality) {
            return Err(FaceFault::of(flaw, &quality, &self.gate));
        }
        Ok(Studied { embedding: self.embed(&face)?, crop, quality, rect })
    }

    /// Embeds a kept crop, which another model may have embedded before.
    ///
    /// # Errors
    /// The crop does not come from [`Study::picture`], or the model does not run.
    pub fn crop(&mut self, crop: &Patch) -> Result<Vec<f32>, FaceFault> {
        let mut face = Patch::default();
        if !inner(crop, &mut face) {
            return Err(FaceFault::NoCrop { width: crop.width, height: crop.height });
        }
        self.embed(&face)
    }

    fn embed(&mut self, face: &Patch) -> Result<Vec<f32>, FaceFault> {
        debug_assert_eq!(face.width, FACE_SIDE);
        let embedding = self.embedder.run(face)?;
        if embedding.is_empty() { Err(FaceFault::NoEmbedding) } else { Ok(embedding.to_vec()) }
    }

    /// The only face of the picture that counts. Errors: there is none, or there are several.
    fn only_face(&mut self, planes: &Planes<'_>) -> Result<(Rect, [Point; 6]), FaceFault> {
        self.detect(planes, None)?;
        if self.predictions.items.is_empty() {
            let [w, h] = [planes.width as f32, planes.height as f32];
            let (x, y) = (w * STEP_BACK, h * STEP_BACK);
            self.detect(planes, Some(Rect { x: -x, y: -y, w: w + 2.0 * x, h: h + 2.0 * y }))?;
            let fills = |rect: Rect| rect.clipped(w, h).area() >= (FILLS_FROM * w.min(h)).powi(2);
            self.predictions.items.retain(|prediction| prediction.rect().is_some_and(fills));
        }
        let mut faces: Vec<(f32, Rect, [Point; 6])> = Vec::new();
        for face in self.predictions.items.iter().filter_map(face_of) {
            // The best come first, so a box whose middle lies in a better one is a duplicate of it.
            if !faces.iter().any(|known| holds_middle(known.1, face.1) || holds_middle(face.1, known.1)) {
                faces.push(face);
            }
        }
        let largest = faces.iter().map(|face| face.0).fold(0.0, f32::max);
        let mut counting = faces.into_iter().filter(|face| face.0 >= COUNTS_FROM * largest);
        let Some((_, rect, points)) = counting.next() else { return Err(FaceFault::NoFace) };
        match counting.count() {
            0 => Ok((rect, points)),
            more => Err(FaceFault::SeveralFaces { n: more + 1 }),
        }
    }

    fn detect(&mut self, planes: &Planes<'_>, region: Option<Rect>) -> Result<(), FaceFault> {
        let placement = self.preprocessor.run(planes, region, self.session.input_mut(0))?;
        self.session.run()?;
        self.predictions.clear();
        self.decoder.decode(&*self.session, &placement, &mut *self.predictions);
        Ok(())
    }
}

/// Whether the centre of `inner` lies in `outer`.
fn holds_middle(outer: Rect, inner: Rect) -> bool {
    let (x, y) = (inner.x + inner.w / 2.0 - outer.x, inner.y + inner.h / 2.0 - outer.y);
    (0.0..outer.w).contains(&x) && (0.0..outer.h).contains(&y)
}

/// Distance of the eyes (px), rectangle and key points of a finding; `None` where it has no six points.
fn face_of(prediction: &Prediction) -> Option<(f32, Rect, [Point; 6])> {
    let Value::Object { rect, points } = &prediction.value else { return None };
    let points: [Point; 6] = points.as_slice().try_into().ok()?;
    Some((FaceQuality::of(&points).eye_px, *rect, points))
}

//! The predictions of a model, and the traits through which decoders write them.

use std::sync::Arc;

use ocellus_image::{Point, Rect};

/// Most predictions that are kept of one picture; a decoder gives the best first, so those beyond scored lowest.
pub const MAX_FINDINGS: usize = 100;
/// Most values of an embedding: the scores of a classifier of a thousand classes may serve as one.
pub const MAX_EMBEDDING: usize = 1024;

/// A label's text; cloning it allocates nothing.
pub type Label = Arc<str>;

/// The value of a prediction besides its class and score.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The whole picture (or region) is of this class.
    Class,
    /// An object, with key points where the model gives them (BlazeFace: 6).
    Object {
        /// Where, in frame px.
        rect: Rect,
        /// Eyes, nose, mouth, …, in the model's order.
        points: heapless::Vec<Point, 6>,
    },
    /// The share of the picture that a segmentation gave to this class.
    Area {
        /// Pixels of this class among all, 0 to 1.
        share: f32,
        /// The smallest rectangle that holds the class, in frame px.
        rect: Rect,
    },
}

impl Value {
    /// Where the object or the area lies, px; `None` for the class of a whole picture.
    pub fn rect(&self) -> Option<Rect> {
        match self {
            Value::Class => None,
            Value::Object { rect, .. } | Value::Area { rect, .. } => Some(*rect),
        }
    }
}

/// One thing that a model found in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The class's index in the model's labels.
    pub class: u16,
    /// The name of the class.
    pub label: Label,
    /// How sure the model is, 0 to 1.
    pub score: f32,
    /// What was found, and where.
    pub value: Value,
}

impl Prediction {
    /// Where it lies, px; `None` for the class of a whole picture.
    pub fn rect(&self) -> Option<Rect> {
        self.value.rect()
    }
}

/// The target of a decoder: plain [`Predictions`], or a caller's record that keeps more with each of them.
pub trait PredictionSink {
    /// Takes one prediction; a decoder gives the best first. What does not fit is counted and dropped.
    fn add(&mut self, prediction: Prediction);

    /// The embedding, for a decoder that writes one.
    fn embedding(&mut self) -> &mut heapless::Vec<f32, MAX_EMBEDDING>;
}

/// The predictions for one picture, in memory that is reused for the next one.
#[derive(Clone, Debug, Default)]
pub struct Predictions {
    /// What was found, best first.
    pub items: heapless::Vec<Prediction, MAX_FINDINGS>,
    /// The embedding; empty where the model gives none.
    pub embedding: heapless::Vec<f32, MAX_EMBEDDING>,
    /// Predictions beyond [`MAX_FINDINGS`], which are not kept.
    pub overflow: u32,
}

impl Predictions {
    /// Empties it for the next picture.
    pub fn clear(&mut self) {
        self.items.clear();
        self.embedding.clear();
        self.overflow = 0;
    }
}

impl PredictionSink for Predictions {
    fn add(&mut self, prediction: Prediction) {
        if self.items.push(prediction).is_err() {
            self.overflow += 1;
        }
    }

    fn embedding(&mut self) -> &mut heapless::Vec<f32, MAX_EMBEDDING> {
        &mut self.embedding
    }
}

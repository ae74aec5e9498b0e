//! What a model found, in frame coordinates, with what tracking and recognition add to it.

use super::{Label, Prediction, Rect, Value, ZoneSet};

/// One object, class or area that a model found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The class's index in the model's labels.
    pub class: u16,
    /// Name of the class.
    pub label: Label,
    /// Confidence of the model, 0 to 1.
    pub score: f32,
    /// The kind of result with its geometry, frame px.
    pub value: Value,
    /// Number of the tracked object, from the frame in which its `new` event was reported.
    pub track: Option<u64>,
    /// The camera's zones that contain the object.
    pub zones: ZoneSet,
    /// Name of the person, once recognition has found it.
    pub name: Option<Label>,
}

impl Finding {
    /// A decoder's result; tracking and recognition fill in the track, the zones and the name.
    pub fn new(class: u16, label: Label, score: f32, value: Value) -> Finding {
        Finding { class, label, score, value, track: None, zones: ZoneSet::default(), name: None }
    }

    /// Bounds in frame px; `None` for a classification of the whole frame.
    pub fn rect(&self) -> Option<Rect> {
        self.value.rect()
    }
}

impl From<Prediction> for Finding {
    fn from(Prediction { class, label, score, value }: Prediction) -> Finding {
        Finding::new(class, label, score, value)
    }
}

//! What a model found, in the frame's own coordinates, and what the product knows of it beyond that.

use super::{Label, Prediction, Rect, Value, ZoneSet};

/// One thing that a model found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The class's index in the model's labels.
    pub class: u16,
    /// The class's name.
    pub label: Label,
    /// 0 to 1.
    pub score: f32,
    /// What was found, and where.
    pub value: Value,
    /// The tracked object that it belongs to, from the frame on in which its `new` was told.
    pub track: Option<u64>,
    /// The zones that the object is in.
    pub zones: ZoneSet,
    /// Who it is, as far as recognition knows by now.
    pub name: Option<Label>,
}

impl Finding {
    /// What a decoder found; whose track it is, and who, is found out later.
    pub fn new(class: u16, label: Label, score: f32, value: Value) -> Finding {
        Finding { class, label, score, value, track: None, zones: ZoneSet::default(), name: None }
    }

    /// Where it is, if it is an object or an area.
    pub fn rect(&self) -> Option<Rect> {
        self.value.rect()
    }
}

impl From<Prediction> for Finding {
    fn from(Prediction { class, label, score, value }: Prediction) -> Finding {
        Finding::new(class, label, score, value)
    }
}

//! What a model found, in the frame's own coordinates.

use std::sync::Arc;

use super::{Point, Rect, ZoneSet};

/// A label's text; cloning it allocates nothing.
pub type Label = Arc<str>;

/// What a finding says beyond its label and score.
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
        /// 0 to 1.
        share: f32,
        /// The smallest rectangle that holds the class, in frame px.
        rect: Rect,
    },
}

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
        match &self.value {
            Value::Class => None,
            Value::Object { rect, .. } | Value::Area { rect, .. } => Some(*rect),
        }
    }
}

//! The bodies of REST requests about people, batches and commands; the path holds the rest of each command.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::commands::faces::MAX_PICTURES;
use crate::contract::CommandValue;
use crate::types::Bounded;

/// Demands one of the two, and not `null`, as the service does.
fn pictures_or_camera(schema: &mut schemars::Schema) {
    let one = |key: &str, kind: &str, other: &str| {
        serde_json::json!({
            "required": [key], "properties": { key: { "type": kind }, other: { "type": "null" } },
        })
    };
    let either = [one("pictures", "array", "camera"), one("camera", "string", "pictures")];
    schema.insert("oneOf".into(), serde_json::json!(either));
}

/// An enrolment, from pictures or from a camera's current view.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = pictures_or_camera)]
pub struct EnrolIn {
    /// The name of the person.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// JPEG or PNG, each in base64.
    #[schemars(length(min = 1, max = 32))]
    pub pictures: Option<Bounded<String, MAX_PICTURES>>,
    /// The name of a camera.
    pub camera: Option<String>,
    /// Enrol the person even if they resemble an enrolled one.
    #[serde(default)]
    pub as_new: bool,
}

/// Pictures to add to a person.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = pictures_or_camera)]
pub struct PicturesIn {
    /// JPEG or PNG, each in base64.
    #[schemars(length(min = 1, max = 32))]
    pub pictures: Option<Bounded<String, MAX_PICTURES>>,
    /// The name of a camera.
    pub camera: Option<String>,
    /// Add the pictures even if they resemble another person.
    #[serde(default)]
    pub as_new: bool,
}

/// A new name for a person.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameIn {
    /// The new name of the person.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
}

/// A merge of two people who are one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeIn {
    /// The person who is kept.
    pub into: u64,
}

/// The mark of a trace.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkIn {
    /// Whether the trace is used.
    pub good: bool,
}

/// The values of a command.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunIn {
    /// A value for each parameter without a default.
    #[serde(default)]
    pub values: BTreeMap<String, CommandValue>,
}

/// The fits that are wanted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FitIn {
    /// The model, such as `maturation`.
    pub model: String,
    /// The name of the feature, such as `intensity_total_ch_1`; the first intensity by default.
    #[serde(default)]
    pub feature: Option<String>,
}

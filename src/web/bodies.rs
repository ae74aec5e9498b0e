//! The bodies of requests about people that REST takes: the rest of a command stands in the path.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::commands::faces::MAX_PICTURES;
use crate::types::Bounded;

/// One of the two, and not `null`, as the service wants it.
fn pictures_or_camera(schema: &mut schemars::Schema) {
    let one = |key: &str, kind: &str, other: &str| {
        serde_json::json!({
            "required": [key], "properties": { key: { "type": kind }, other: { "type": "null" } },
        })
    };
    let either = [one("pictures", "array", "camera"), one("camera", "string", "pictures")];
    schema.insert("oneOf".into(), serde_json::json!(either));
}

/// What an enrolment is made from: pictures, or what a camera sees now.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = pictures_or_camera)]
pub struct EnrolIn {
    /// The person's name.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// JPEG or PNG, each in base64.
    #[schemars(length(min = 1, max = 32))]
    pub pictures: Option<Bounded<String, MAX_PICTURES>>,
    /// A camera's name.
    pub camera: Option<String>,
    /// Enrol also somebody who looks like a known person.
    #[serde(default)]
    pub as_new: bool,
}

/// More pictures of a person.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = pictures_or_camera)]
pub struct PicturesIn {
    /// JPEG or PNG, each in base64.
    #[schemars(length(min = 1, max = 32))]
    pub pictures: Option<Bounded<String, MAX_PICTURES>>,
    /// A camera's name.
    pub camera: Option<String>,
    /// Take them also where they look like somebody else.
    #[serde(default)]
    pub as_new: bool,
}

/// Another name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameIn {
    /// The name from now on.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
}

/// Two that are one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeIn {
    /// The person who stays.
    pub into: u64,
}

//! Why a request was not done: a word for programs, what happened, and what to do next, each in a field of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}{}{remedy}", if .remedy.is_empty() { "" } else { "; " })]
pub struct Refusal {
    /// The word for programs, such as `already_enrolled`.
    pub code: &'static str,
    /// What, where and why.
    pub message: String,
    /// What to do next; empty where the message says it.
    pub remedy: String,
    /// What a program needs to go on.
    pub details: Details,
}

/// What a program needs to go on after a refusal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Details {
    /// Nothing more than the word.
    #[default]
    None,
    /// The person who stands in the way.
    Person {
        /// The person's number.
        person: u64,
        /// The person's name.
        name: String,
    },
    /// The person whose face the pictures show.
    Alike {
        /// The person's number.
        person: u64,
        /// The person's name.
        name: String,
        /// How alike, -1 to 1, to three digits.
        similarity: f64,
    },
    /// The pictures that cannot be used.
    Rejected {
        /// One entry a picture.
        rejected: Vec<RejectedOut>,
    },
    /// What a reload did apply.
    Reloaded(Box<ReloadedOut>),
}

/// A picture that cannot be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RejectedOut {
    /// Its place in the request, from 0.
    pub index: u64,
    /// The word for programs, such as `no_face`.
    pub code: String,
    /// Why.
    pub reason: String,
    /// What to do next.
    pub remedy: String,
}

/// What a reload of the configuration came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadedOut {
    /// SHA-256 of the file, hexadecimal.
    pub config_hash: String,
    /// What became of the cameras; absent where the service starts anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cameras: Option<ReloadedCameras>,
    /// The parts that are not as the file says; absent where all are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedPart>,
    /// No camera ran before: the service starts anew from the file.
    #[serde(default, skip_serializing_if = "is_false")]
    pub starts_anew: bool,
}

/// The names of the cameras by what a reload did to them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadedCameras {
    /// Cameras that are new.
    pub added: Vec<String>,
    /// Cameras that are gone.
    pub removed: Vec<String>,
    /// Cameras that were built again.
    pub changed: Vec<String>,
    /// Cameras that were not touched.
    pub unchanged: Vec<String>,
}

/// A part of the configuration that is not in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailedPart {
    /// Which, such as `camera front` or `[mqtt]`.
    pub part: String,
    /// Why not.
    pub cause: String,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Refusal {
    /// A refusal with a word for programs.
    pub fn new(code: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), remedy: remedy.into(), details: Details::None }
    }

    /// The same, with what a program needs to go on.
    pub fn with(self, details: Details) -> Refusal {
        Refusal { details, ..self }
    }
}

impl From<String> for Refusal {
    fn from(message: String) -> Refusal {
        Refusal::new("refused", message, "")
    }
}

impl From<&str> for Refusal {
    fn from(message: &str) -> Refusal {
        message.to_owned().into()
    }
}

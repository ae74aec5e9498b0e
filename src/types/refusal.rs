//! Refusals of requests: an error code for programs, a message and a remedy, each in a separate field.

use ocellus_text::Explanation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a request was refused or failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}{}{remedy}", if .remedy.is_empty() { "" } else { "; " })]
pub struct Refusal {
    /// Error code for programs, such as `already_enrolled`.
    pub code: &'static str,
    /// What failed, where and why.
    pub message: String,
    /// What to do next; empty where the message already contains it.
    pub remedy: String,
    /// Details that a program needs to continue.
    pub details: Details,
}

/// Details of a refusal that a program needs to continue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Details {
    /// No details besides the error code.
    #[default]
    None,
    /// The person that conflicts with the request.
    Person {
        /// Number of the person in the gallery.
        person: u64,
        /// Current name of the person.
        name: String,
    },
    /// The person whose face the pictures show.
    Alike {
        /// Number of the person in the gallery.
        person: u64,
        /// Current name of the person.
        name: String,
        /// Cosine similarity, -1 to 1, rounded to three digits.
        similarity: f64,
    },
    /// The pictures that were rejected.
    Rejected {
        /// One entry for each rejected picture.
        rejected: Vec<RejectedOut>,
    },
    /// The queue of jobs that has no place left.
    Full {
        /// Jobs that wait now.
        waiting: u64,
        /// How many may wait.
        max: u64,
        /// Seconds after which there will probably be a place.
        retry_after_s: u64,
    },
    /// The changes that a reload has applied.
    Reloaded(Box<ReloadedOut>),
}

/// A picture that was rejected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RejectedOut {
    /// Index of the picture in the request, from 0.
    pub index: u64,
    /// Error code for programs, such as `no_face`.
    pub code: String,
    /// Why the picture was rejected.
    pub reason: String,
    /// What to do next, in one sentence.
    pub remedy: String,
}

/// The result of reloading the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadedOut {
    /// SHA-256 of the file, hexadecimal.
    pub config_hash: String,
    /// How the cameras changed; absent where the service restarts with the new file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cameras: Option<ReloadedCameras>,
    /// The parts of the file that are not in force; absent where all are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedPart>,
    /// Whether the service restarts with the new file, because no camera ran before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub starts_anew: bool,
}

/// The names of the cameras, grouped by how a reload changed them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadedCameras {
    /// Cameras that were added.
    pub added: Vec<String>,
    /// Cameras that were removed.
    pub removed: Vec<String>,
    /// Cameras that were restarted with new settings.
    pub changed: Vec<String>,
    /// Cameras that run on unchanged.
    pub unchanged: Vec<String>,
}

/// A part of the configuration that is not in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailedPart {
    /// Name of the part, such as `camera front` or `[mqtt]`.
    pub part: String,
    /// Why it is not in force.
    pub cause: String,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Refusal {
    /// A refusal with an error code, a message and a remedy, without details.
    pub fn new(code: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), remedy: remedy.into(), details: Details::None }
    }

    /// Why it was refused, and what to do next.
    pub fn explanation(&self) -> Explanation {
        Explanation::new(self.message.as_str(), self.remedy.as_str())
    }

    /// The refusal of a request that could mean several cameras; `known` names them.
    pub fn which_camera(known: &str) -> Refusal {
        let message = format!("several cameras may be meant: {known}");
        Refusal::new("which_camera", message, "say which, as {\"camera\": NAME}")
    }

    /// A refusal with an error code and the explanation of an error, without details.
    pub fn explained(code: &'static str, Explanation { cause, remedy }: Explanation) -> Refusal {
        Refusal::new(code, cause, remedy)
    }

    /// The same refusal with details for programs.
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

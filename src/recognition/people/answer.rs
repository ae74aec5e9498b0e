//! The answers to the command `faces`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::types::{RejectedOut, answers};

answers! {
    /// The answer to a [`GalleryCommand`](super::command::GalleryCommand).
    pub enum GalleryAnswer {
        /// Answers `list` with all people.
        People(PeopleOut),
        /// To `enrol` and `add`.
        Enrolled(EnrolledOut),
        /// Answers `erase` with the numbers of erased items.
        Erased(ErasedOut),
        /// To `rename`, `merge` and `remove`.
        Changed(ChangedOut),
        /// Answers `picture` with a PNG.
        Picture(PictureOut),
        /// Answers `export` with JSON lines.
        Exported(ExportedOut),
        /// Answers `import` with the people that were added.
        Imported(ImportedOut),
        /// Answers `reenrol` with the numbers of samples.
        Reenrolled(ReenrolledOut),
    }
}

/// All people of the gallery.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PeopleOut {
    /// The model that embeds faces; absent where there is none.
    pub model: Option<GalleryModel>,
    /// All people, each with their samples.
    pub people: Vec<PersonOut>,
    /// Samples of another model, to be enrolled again.
    pub stale: u64,
}

/// A model that embeds faces.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GalleryModel {
    /// Its name in the configuration.
    pub name: String,
    /// SHA-256 of its file, hexadecimal.
    pub sha256: String,
}

/// A person of the gallery.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PersonOut {
    /// Unique on this device, and never used again.
    pub id: u64,
    /// The person's name, unique in the gallery.
    pub name: String,
    /// When the person was enrolled, RFC 3339, UTC.
    pub created: String,
    /// The pictures that the person was enrolled with.
    pub samples: Vec<SampleOut>,
}

/// One picture of a person.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SampleOut {
    /// The sample's number, unique for its person.
    pub id: u64,
    /// When it was added, RFC 3339, UTC.
    pub added: String,
    /// Where it came from.
    pub source: String,
    /// How good it is, 0 to 1, to three digits.
    pub quality: f64,
    /// Whether another model embedded it.
    pub stale: bool,
}

/// A person after an enrolment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct EnrolledOut {
    /// The number of the person.
    pub person: u64,
    /// The name of the person.
    pub name: String,
    /// The samples that were taken.
    pub samples: Vec<u64>,
    /// The pictures that were not.
    pub rejected: Vec<RejectedOut>,
}

/// A person after a change.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChangedOut {
    /// The number of the person.
    pub person: u64,
    /// The name of the person.
    pub name: String,
    /// The samples that the person has now.
    pub samples: Vec<u64>,
}

/// The result of an erasure.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ErasedOut {
    /// The number of the erased person.
    pub person: u64,
    /// How much of each kind.
    pub erased: ErasedCounts,
    /// The person had been erased before; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<bool>,
}

/// How much of a person was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErasedCounts {
    /// Embeddings of the gallery.
    pub samples: u64,
    /// Files of cropped faces.
    pub crops: u64,
    /// Events of the attendance log.
    pub events: u64,
    /// Messages that had not been sent.
    pub outbox: u64,
    /// Damaged stores that had been set aside.
    pub set_aside: u64,
    /// Bytes of old files that were overwritten.
    pub rewritten_bytes: u64,
}

/// The kept crop of a face.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PictureOut {
    /// The PNG in base64.
    #[serde(rename = "png_base64", serialize_with = "to_base64", deserialize_with = "from_base64")]
    #[schemars(with = "String")]
    pub png: Vec<u8>,
}

/// A part of the gallery as text.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExportedOut {
    /// JSON lines, one for each person.
    pub lines: String,
    /// The person after whom to continue; absent where that was all.
    pub next: Option<u64>,
}

/// What was taken from an export.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ImportedOut {
    /// People who are new here, with the numbers that they got.
    pub people: Vec<ImportedPerson>,
    /// The number of faces of these people.
    pub samples: u64,
    /// People who were left out.
    pub skipped: Vec<SkippedPerson>,
    /// Samples of the gallery that another model embedded.
    pub stale: u64,
    /// Whether the export names the model that is in use.
    pub same_model: bool,
}

/// A person who is new here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedPerson {
    /// The number in this gallery.
    pub person: u64,
    /// The name of the person.
    pub name: String,
}

/// A person of the export who was left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SkippedPerson {
    /// The name of the person.
    pub name: String,
    /// Why the person was left out.
    pub reason: String,
}

/// The result of embedding samples again with another model.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReenrolledOut {
    /// Samples that were embedded again.
    pub done: u64,
    /// Samples that could not be.
    pub failed: u64,
    /// Samples that are left for the next request.
    pub left: u64,
    /// Why those that failed did.
    pub faults: Vec<SampleFault>,
}

/// A sample that could not be embedded again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SampleFault {
    /// The number of the person.
    pub person: u64,
    /// The number of the sample.
    pub sample: u64,
    /// Why it could not be embedded.
    pub reason: String,
}

fn to_base64<S: Serializer>(png: &[u8], out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&STANDARD.encode(png))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(de::Error::custom)
}

//! The requests and answers of the command `faces`, shared by MQTT, REST and the command line.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

pub use super::answer::{
    ChangedOut, EnrolledOut, ErasedCounts, ErasedOut, ExportedOut, GalleryAnswer, GalleryModel, ImportedOut,
    ImportedPerson, PeopleOut, PersonOut, PictureOut, ReenrolledOut, SampleFault, SampleOut, SkippedPerson,
};

/// Most pictures of one request.
pub const MAX_PICTURES: usize = 32;

/// A request to the gallery. A person and a picture are named by their numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum GalleryCommand {
    /// List all people with their pictures.
    List,
    /// A new person, by `pictures` or by what a `camera` sees now. A face that is known already is refused as
    /// `already_enrolled`, unless `as_new` says that it is somebody else's.
    Enrol {
        /// The person's name: 1 to 64 characters, unique.
        name: String,
        /// Where the faces are.
        #[serde(flatten)]
        from: FaceSource,
    },
    /// Add pictures to a person. A face that is more similar to another person is refused.
    Add {
        /// The number of the person.
        #[serde(deserialize_with = "number")]
        person: u64,
        /// Where the faces are.
        #[serde(flatten)]
        from: FaceSource,
    },
    /// Give a person another name.
    Rename {
        /// The number of the person.
        #[serde(deserialize_with = "number")]
        person: u64,
        /// The new name of the person.
        name: String,
    },
    /// Merge two entries of the same person.
    Merge {
        /// The number of the person whose pictures are moved; this person is removed.
        #[serde(deserialize_with = "number")]
        person: u64,
        /// The number of the person who gets them.
        #[serde(deserialize_with = "number")]
        into: u64,
    },
    /// Remove one picture of a person.
    Remove {
        /// The number of the person.
        #[serde(deserialize_with = "number")]
        person: u64,
        /// The number of the picture.
        #[serde(deserialize_with = "number")]
        sample: u64,
    },
    /// Erase a person and all data about them. Repeating it finishes an erasure that a fault interrupted.
    Erase {
        /// The number of the person.
        #[serde(deserialize_with = "number")]
        person: u64,
    },
    /// The kept crop of a face. Not over MQTT.
    Picture {
        /// The number of the person.
        #[serde(deserialize_with = "number")]
        person: u64,
        /// The number of the picture.
        #[serde(deserialize_with = "number")]
        sample: u64,
    },
    /// The gallery as JSON lines. Not over MQTT.
    Export {
        /// Continue after this person; without it, the lines begin with their header.
        #[serde(default)]
        after: Option<u64>,
        /// Approximate limit in bytes, but at least one person is given; without it, all people.
        #[serde(default)]
        most_bytes: Option<u64>,
    },
    /// Add the people of an export. Not over MQTT.
    Import {
        /// The lines, the header first.
        lines: ExportLines,
    },
    /// Embed the kept crops of another model again, for a minute at most.
    Reenrol,
}

impl GalleryCommand {
    /// The word of the action.
    pub fn action(&self) -> &'static str {
        match self {
            GalleryCommand::List => "list",
            GalleryCommand::Enrol { .. } => "enrol",
            GalleryCommand::Add { .. } => "add",
            GalleryCommand::Rename { .. } => "rename",
            GalleryCommand::Merge { .. } => "merge",
            GalleryCommand::Remove { .. } => "remove",
            GalleryCommand::Erase { .. } => "erase",
            GalleryCommand::Picture { .. } => "picture",
            GalleryCommand::Export { .. } => "export",
            GalleryCommand::Import { .. } => "import",
            GalleryCommand::Reenrol => "reenrol",
        }
    }

    /// The person who is named by number.
    pub fn person(&self) -> Option<u64> {
        match self {
            GalleryCommand::Add { person, .. }
            | GalleryCommand::Rename { person, .. }
            | GalleryCommand::Merge { person, .. }
            | GalleryCommand::Remove { person, .. }
            | GalleryCommand::Erase { person }
            | GalleryCommand::Picture { person, .. } => Some(*person),
            GalleryCommand::List
            | GalleryCommand::Enrol { .. }
            | GalleryCommand::Export { .. }
            | GalleryCommand::Import { .. }
            | GalleryCommand::Reenrol => None,
        }
    }

    /// Whether faces would go over the wire in either direction, or what they are recognised by.
    pub fn carries_faces(&self) -> bool {
        matches!(
            self,
            GalleryCommand::Picture { .. } | GalleryCommand::Export { .. } | GalleryCommand::Import { .. }
        )
    }
}

/// Where the faces of a request are: in pictures, or before a camera.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaceSource {
    /// JPEG or PNG, each in base64; 1 to 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<Vec<SentPicture>>,
    /// A camera's name, whose newest frame is taken where no pictures are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// Take also a face that looks like a known person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_new: Option<bool>,
}

/// One picture of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SentPicture {
    /// The file in base64.
    Bare(String),
    /// The same with a name, by which the list of samples shows it.
    Named {
        /// Such as the file's name.
        #[serde(default)]
        name: Option<String>,
        /// The file in base64.
        base64: String,
    },
}

/// The lines of an export: as one text, or one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ExportLines {
    /// The text of the whole file.
    Text(String),
    /// A list of its lines.
    List(Vec<String>),
}

/// A number, also where it is written as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum WrittenNumber {
        Number(u64),
        Text(String),
    }
    match WrittenNumber::deserialize(deserializer) {
        Ok(WrittenNumber::Number(number)) => Ok(number),
        Ok(WrittenNumber::Text(text)) => {
            text.parse().map_err(|_| de::Error::custom(format_args!("{text:?} is not a whole number")))
        }
        Err(_) => Err(de::Error::custom("a whole number is expected")),
    }
}

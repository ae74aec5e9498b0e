//! Errors of people and their pictures, each with a next step.

use std::path::PathBuf;

use crate::store::StoreError;
use crate::store::png::PngError;
use crate::types::{Channels, Explanation, MAX_EMBEDDING, PersonId};

/// A fault of the gallery.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum GalleryError {
    /// The store below the gallery failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A name that breaks the rules for names.
    Name {
        /// The name as it was given.
        name: String,
        /// The rule that the name breaks.
        cause: &'static str,
    },
    /// Another person has this name.
    Taken {
        /// The person who has the name.
        person: PersonId,
        /// The name that is taken.
        name: String,
    },
    /// The person does not exist.
    NoPerson {
        /// The id that was asked for.
        person: PersonId,
    },
    /// The person has no such picture.
    NoSample {
        /// The person who was named.
        person: PersonId,
        /// The picture that was asked for.
        sample: u64,
    },
    /// A person cannot be merged into themselves.
    Same {
        /// The person who was named twice.
        person: PersonId,
    },
    /// The file of a picture is gone or damaged.
    Crop {
        /// The crop's file on disk.
        path: PathBuf,
        /// Why the file cannot be read or decoded.
        cause: String,
    },
    /// A picture or an embedding that cannot be stored.
    Unfit {
        /// The origin: a file's name, or camera and frame.
        source_name: String,
        /// What makes the picture unusable.
        cause: SampleError,
    },
    /// A record that this program cannot read.
    Record {
        /// The person whose record it is.
        person: PersonId,
        /// The decoding error, or the unknown version.
        cause: String,
    },
    /// A file that cannot be imported.
    Import {
        /// The line's number, from 1.
        line: usize,
        /// What the line lacks or has wrong.
        cause: String,
    },
}

impl GalleryError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            GalleryError::Store(error) => error.explanation(),
            GalleryError::Name { name, cause } => Explanation::new(
                format!("{name:?} cannot be a person's name: {cause}"),
                "use 1 to 64 visible characters",
            ),
            GalleryError::Taken { person, name } => Explanation::new(
                format!("person {person} is called {name:?} already"),
                "add the pictures to that person, or choose a name that tells the two apart",
            ),
            GalleryError::NoPerson { person } => Explanation::new(
                format!("there is no person {person}"),
                "`ocellus faces list` shows the people",
            ),
            GalleryError::NoSample { person, sample } => Explanation::new(
                format!("person {person} has no picture {sample}"),
                "`ocellus faces list` shows its pictures",
            ),
            GalleryError::Same { person } => Explanation::new(
                format!("person {person} cannot be merged into themselves"),
                "name two people",
            ),
            GalleryError::Crop { path, cause } => Explanation::new(
                format!("the picture {} cannot be used ({cause})", path.display()),
                "take it out with `ocellus faces remove` and enrol the person with another",
            ),
            GalleryError::Unfit { source_name, cause } => Explanation::new(
                format!("the picture {source_name:?} cannot be kept: {cause}"),
                "enrol the person with another picture",
            ),
            GalleryError::Record { person, cause } => Explanation::new(
                format!("the record of person {person} cannot be read ({cause})"),
                "install the version that wrote it",
            ),
            GalleryError::Import { line, cause } => Explanation::new(
                format!("line {line} of the file cannot be imported: {cause}"),
                "nothing was imported",
            ),
        }
    }
}

/// Why a face cannot be a sample of the gallery.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The crop cannot be written or read as a file.
    #[error("{0}")]
    Png(#[from] PngError),
    /// The picture is not a crop that this program made.
    #[error("{width} x {height} px of {channels:?} are not a crop")]
    NotCrop {
        /// Width of the picture, px.
        width: usize,
        /// Height of the picture, px.
        height: usize,
        /// The channels of the picture.
        channels: Channels,
    },
    /// The file's picture is larger than any crop.
    #[error("{width} x {height} px are more than the {most} of a crop")]
    LargeCrop {
        /// Width of the picture, px.
        width: u32,
        /// Height of the picture, px.
        height: u32,
        /// Longest side of a crop, px.
        most: usize,
    },
    /// Crops are kept in colour.
    #[error("it is not in colour")]
    Grey,
    /// The embedding is not of length one.
    #[error("its embedding is {length:.3} long, not a unit vector")]
    EmbeddingLength {
        /// The Euclidean length that it has.
        length: f64,
    },
    /// The embedding is empty, or longer than any model's.
    #[error("its embedding has {count} numbers; 1 to {MAX_EMBEDDING} are possible")]
    EmbeddingCount {
        /// How many numbers it has.
        count: usize,
    },
    /// A part of an exported line is not base64.
    #[error("its {part} is not base64 ({source})")]
    Base64 {
        /// Which part: crop or embedding.
        part: &'static str,
        /// The error of the decoder.
        source: base64::DecodeError,
    },
    /// The crop of an exported line cannot be used.
    #[error("its crop: {0}")]
    Crop(Box<SampleError>),
    /// The model of an exported line is not named by its SHA-256.
    #[error("its model is not a SHA-256")]
    Model,
}

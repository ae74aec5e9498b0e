//! Errors of people and their pictures, each with a next step.

use std::path::PathBuf;

use crate::store::StoreError;
use crate::types::PersonId;

/// A fault of the gallery.
#[derive(Debug, thiserror::Error)]
pub enum GalleryError {
    /// The store below the gallery failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A name that breaks the rules for names.
    #[error("{name:?} cannot be a person's name: {cause}; use 1 to 64 visible characters")]
    Name {
        /// The name as it was given.
        name: String,
        /// The rule that the name breaks.
        cause: &'static str,
    },
    /// Another person has this name.
    #[error(
        "person {person} is called {name:?} already; add the pictures to that person, or choose a name that tells \
         the two apart"
    )]
    Taken {
        /// The person who has the name.
        person: PersonId,
        /// The name that is taken.
        name: String,
    },
    /// The person does not exist.
    #[error("there is no person {person}; `ocellus faces list` shows the people")]
    NoPerson {
        /// The id that was asked for.
        person: PersonId,
    },
    /// The person has no such picture.
    #[error("person {person} has no picture {sample}; `ocellus faces list` shows its pictures")]
    NoSample {
        /// The person who was named.
        person: PersonId,
        /// The picture that was asked for.
        sample: u64,
    },
    /// A person cannot be merged into themselves.
    #[error("person {person} cannot be merged into themselves; name two people")]
    Same {
        /// The person who was named twice.
        person: PersonId,
    },
    /// The file of a picture is gone or damaged.
    #[error(
        "the picture {path} cannot be used ({cause}); take it out with `ocellus faces remove` and enrol the person \
         with another"
    )]
    Crop {
        /// The crop's file on disk.
        path: PathBuf,
        /// Why the file cannot be read or decoded.
        cause: String,
    },
    /// A picture or an embedding that cannot be stored.
    #[error("the picture {source_name:?} cannot be kept: {cause}")]
    Unfit {
        /// The origin: a file's name, or camera and frame.
        source_name: String,
        /// What makes the picture unusable.
        cause: String,
    },
    /// A record that this program cannot read.
    #[error("the record of person {person} cannot be read ({cause}); install the version that wrote it")]
    Record {
        /// The person whose record it is.
        person: PersonId,
        /// The decoding error, or the unknown version.
        cause: String,
    },
    /// A file that cannot be imported.
    #[error("line {line} of the file cannot be imported: {cause}; nothing was imported")]
    Import {
        /// The line's number, from 1.
        line: usize,
        /// What the line lacks or has wrong.
        cause: String,
    },
}

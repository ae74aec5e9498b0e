//! A person and their pictures, as types and as bytes.
//!
//! Tree `gallery`: key `p` person → version, JSON; key `s` person sample → version, length of the JSON (4
//! bytes LE), JSON, embedding (f32 LE). Tree `meta`: key `erasing/` person → JSON. Numbers are 8 bytes BE.

use serde::{Deserialize, Serialize};

use super::{GalleryError, SampleError};
use crate::config::text;
use crate::types::{MAX_EMBEDDING, Patch, PersonId};

const VERSION: u8 = 1;
/// Longest name, in characters.
const LONGEST_NAME: usize = 64;
/// Longest note about a picture's origin, in characters.
const LONGEST_SOURCE: usize = 128;
pub(super) const ERASING: &[u8] = b"erasing/";

/// A person who is enrolled.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// The id, which no other person ever gets.
    pub id: PersonId,
    /// Trimmed, 1 to 64 characters; unique, ignoring case.
    pub name: String,
    /// When the person was enrolled, nanoseconds since 1970 (UTC).
    pub created_ns: u64,
    /// People who were merged into this one, because events may still carry their ids.
    pub was: Vec<PersonId>,
    /// The faces, oldest first.
    pub samples: Vec<Sample>,
}

/// One face of a person. The file with its crop has the same number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The sample's number, unique on this device.
    pub id: u64,
    /// When it was added, nanoseconds since 1970 (UTC).
    pub added_ns: u64,
    /// The origin: a file's name, or camera and frame.
    pub source: String,
    /// The quality of the face, 0 to 1.
    pub quality: f32,
    /// SHA-256 of the model that made the embedding, hexadecimal; empty without an embedding.
    pub model: String,
    /// Unit vector; empty if a damaged store lost it and the crop has to be embedded again.
    pub embedding: Vec<f32>,
}

/// A face to be stored.
#[derive(Clone, Debug)]
pub struct NewSample {
    /// The aligned face, RGB.
    pub crop: Patch,
    /// The face's embedding, a vector of length 1.
    pub embedding: Vec<f32>,
    /// The quality of the face, 0 to 1.
    pub quality: f32,
    /// The origin: a file's name, or camera and frame.
    pub source: String,
    /// SHA-256 of the model that made the embedding, hexadecimal.
    pub model: String,
}

/// An erasure that has begun: the person is gone from the gallery, but not yet from the disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Erasing {
    /// The person who is being erased.
    pub person: PersonId,
    /// The people who were merged into them.
    pub was: Vec<PersonId>,
    /// Embeddings that were deleted.
    pub samples: u64,
    /// Crops that were overwritten.
    pub crops: u64,
}

impl Erasing {
    /// All ids under which events may name the person.
    pub fn ids(&self) -> impl Iterator<Item = PersonId> {
        std::iter::once(self.person).chain(self.was.iter().copied())
    }

    /// The key that marks the erasure as pending.
    pub(in crate::store) fn mark(&self) -> Vec<u8> {
        [ERASING, &self.person.0.to_be_bytes()].concat()
    }

    pub(super) fn value(&self) -> Vec<u8> {
        let was: Vec<u64> = self.was.iter().map(|id| id.0).collect();
        serde_json::to_vec(&(was, self.samples, self.crops)).unwrap_or_default()
    }

    pub(super) fn read(key: &[u8], value: &[u8]) -> Option<Erasing> {
        let person = PersonId(number(key.strip_prefix(ERASING)?)?);
        let (was, samples, crops): (Vec<u64>, _, _) = serde_json::from_slice(value).ok()?;
        Some(Erasing { person, was: was.into_iter().map(PersonId).collect(), samples, crops })
    }
}

/// The JSON of a person's record; with the pictures it is also the copy beside the crops.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PersonHead {
    pub(super) name: String,
    pub(super) created_ns: u64,
    #[serde(default)]
    pub(super) was: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) samples: Vec<SampleHead>,
}

/// The JSON of a picture's record.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SampleHead {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u64>,
    pub(super) added_ns: u64,
    pub(super) source: String,
    pub(super) quality: f32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) model: String,
}

impl PersonHead {
    pub(super) fn of(person: &Person) -> PersonHead {
        let was = person.was.iter().map(|id| id.0).collect();
        PersonHead { name: person.name.clone(), created_ns: person.created_ns, was, samples: Vec::new() }
    }

    /// The copy: as before, with the pictures but without what the crops can restore.
    pub(super) fn with_samples(person: &Person) -> PersonHead {
        let head = |sample: &Sample| {
            let (id, model) = (Some(sample.id), String::new());
            SampleHead { id, model, ..SampleHead::of(sample) }
        };
        PersonHead { samples: person.samples.iter().map(head).collect(), ..PersonHead::of(person) }
    }

    pub(super) fn into_person(self, id: PersonId) -> Person {
        let was = self.was.into_iter().map(PersonId).collect();
        let samples = self.samples.into_iter().filter_map(|head| {
            let id = head.id?;
            Some(head.into_sample(id, Vec::new()))
        });
        Person { id, name: self.name, created_ns: self.created_ns, was, samples: samples.collect() }
    }
}

impl SampleHead {
    fn of(sample: &Sample) -> SampleHead {
        let Sample { added_ns, quality, .. } = *sample;
        SampleHead { id: None, added_ns, source: sample.source.clone(), quality, model: sample.model.clone() }
    }

    fn into_sample(self, id: u64, embedding: Vec<f32>) -> Sample {
        let SampleHead { added_ns, source, quality, model, .. } = self;
        Sample { id, added_ns, source, quality, model, embedding }
    }
}

pub(super) fn person_key(id: PersonId) -> Vec<u8> {
    [b"p", &id.0.to_be_bytes()[..]].concat()
}

pub(super) fn samples_prefix(id: PersonId) -> Vec<u8> {
    [b"s", &id.0.to_be_bytes()[..]].concat()
}

pub(super) fn sample_key(person: PersonId, sample: u64) -> Vec<u8> {
    [&samples_prefix(person)[..], &sample.to_be_bytes()].concat()
}

/// The person of a key, and the picture if the key is a picture's.
pub(super) fn ids_of(key: &[u8]) -> Option<(PersonId, Option<u64>)> {
    match (key.first()?, key.len()) {
        (b'p', 9) => Some((PersonId(number(&key[1..])?), None)),
        (b's', 17) => Some((PersonId(number(&key[1..9])?), Some(number(&key[9..])?))),
        _ => None,
    }
}

pub(super) fn write_person(person: &Person) -> Vec<u8> {
    let mut value = vec![VERSION];
    // Strings and numbers are written into a Vec, so neither call can fail.
    let written = serde_json::to_writer(&mut value, &PersonHead::of(person));
    debug_assert!(written.is_ok());
    value
}

pub(super) fn write_sample(sample: &Sample) -> Vec<u8> {
    let head = serde_json::to_vec(&SampleHead::of(sample)).unwrap_or_default();
    let mut value = Vec::with_capacity(5 + head.len() + sample.embedding.len() * 4);
    value.push(VERSION);
    value.extend_from_slice(&(head.len() as u32).to_le_bytes());
    value.extend_from_slice(&head);
    value.extend(sample.embedding.iter().flat_map(|part| part.to_le_bytes()));
    value
}

/// A person without pictures.
pub(super) fn read_person(id: PersonId, value: &[u8]) -> Result<Person, GalleryError> {
    let json = versioned(id, value)?;
    let head: PersonHead = serde_json::from_slice(json).map_err(|error| unreadable(id, error.to_string()))?;
    Ok(head.into_person(id))
}

pub(super) fn read_sample(person: PersonId, id: u64, value: &[u8]) -> Result<Sample, GalleryError> {
    let rest = versioned(person, value)?;
    let parts = rest.split_at_checked(4).and_then(|(length, rest)| {
        rest.split_at_checked(u32::from_le_bytes(length.try_into().ok()?) as usize)
    });
    let Some((head, embedding)) = parts else { return Err(unreadable(person, "it is cut short".into())) };
    let head: SampleHead =
        serde_json::from_slice(head).map_err(|error| unreadable(person, error.to_string()))?;
    Ok(head.into_sample(id, floats(embedding)))
}

/// The numbers in `bytes`, which are f32 LE.
pub(super) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|part| f32::from_le_bytes(*part)).collect()
}

fn versioned(person: PersonId, value: &[u8]) -> Result<&[u8], GalleryError> {
    match value.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((version, _)) => Err(unreadable(person, format!("it is of version {version}"))),
        None => Err(unreadable(person, "it is empty".into())),
    }
}

fn unreadable(person: PersonId, cause: String) -> GalleryError {
    GalleryError::Record { person, cause }
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// The name without surrounding spaces.
///
/// # Errors
/// [`GalleryError::Name`]: empty, longer than 64 characters, or with control or invisible characters.
pub fn clean_name(name: &str) -> Result<String, GalleryError> {
    let trimmed = text::trimmed(name);
    let fault = |cause| Err(GalleryError::Name { name: trimmed.chars().take(80).collect(), cause });
    // Direction marks and zero-width characters can make two different names look alike.
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    match trimmed {
        "" => fault("it is empty"),
        name if name.chars().count() > LONGEST_NAME => fault("it is longer than 64 characters"),
        name if name.chars().any(char::is_control) => fault("it has control characters"),
        name if name.chars().any(hidden) => fault("it has invisible characters"),
        name => Ok(text::label(name).into_owned()),
    }
}

/// The origin of a picture, shortened and without control characters.
pub(super) fn clean_source(source: &str) -> String {
    source.chars().filter(|c| !c.is_control()).take(LONGEST_SOURCE).collect()
}

/// Errors: the embedding's values cannot be used.
pub(super) fn check_embedding(embedding: &[f32]) -> Result<(), SampleError> {
    let length = embedding.iter().map(|part| f64::from(*part).powi(2)).sum::<f64>().sqrt();
    match embedding.len() {
        1..=MAX_EMBEDDING if (length - 1.0).abs() < 0.01 => Ok(()),
        1..=MAX_EMBEDDING => Err(SampleError::EmbeddingLength { length }),
        count => Err(SampleError::EmbeddingCount { count }),
    }
}

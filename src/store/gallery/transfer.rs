//! The gallery as a file of JSON lines: a header, then one line for each person with crops and embeddings in
//! base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::record::{self, Person, Sample, clean_name, clean_source};
use super::{Gallery, GalleryError, SampleError, crops, now};
use crate::types::{Bounded, PersonId};

/// Limits of one import, which bound memory: people, and faces of one person.
const MAX_PEOPLE: usize = 10_000;
const MAX_SAMPLES: usize = 1_000;

/// The format that is written, and the only one that is read.
const FORMAT: &str = "ocellus.gallery/1";

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// People who were added, with their new ids.
    pub people: Vec<PersonName>,
    /// Faces that were imported with them.
    pub samples: u64,
    /// People who were left out.
    pub skipped: Vec<Skipped>,
}

/// A person who was imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonName {
    /// The id that this gallery gave.
    pub person: u64,
    /// The name, as in the file.
    pub name: String,
}

/// A person of the file who was left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// The name, as in the file.
    pub name: String,
    /// Why the person was left out.
    pub reason: String,
}

#[derive(Serialize, Deserialize)]
struct ExportHeader {
    format: String,
    /// SHA-256 of the model in use when the file was written.
    #[serde(default)]
    model: String,
}

#[derive(Serialize, Deserialize)]
struct PersonLine {
    name: String,
    created_ns: u64,
    #[serde(deserialize_with = "samples")]
    samples: Vec<ExportLine>,
}

/// Counts the samples while they are read.
fn samples<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<ExportLine>, D::Error> {
    let samples = Bounded::<ExportLine, MAX_SAMPLES>::deserialize(deserializer)?;
    samples.whole().map_err(|sent| {
        serde::de::Error::custom(format!("{sent} faces are more than the {MAX_SAMPLES} of one person"))
    })
}

#[derive(Serialize, Deserialize)]
struct ExportLine {
    added_ns: u64,
    source: String,
    quality: f32,
    model: String,
    embedding: String,
    crop: String,
}

/// A person of the file, after the checks.
struct Newcomer {
    person: Person,
    /// The files of the crops, in the order of the samples.
    files: Vec<Vec<u8>>,
}

impl Gallery {
    /// The first line of an export, with the SHA-256 of the model in use.
    pub fn header(model: &str) -> String {
        line(&ExportHeader { format: FORMAT.into(), model: model.into() })
    }

    /// The lines of the people after `after` (or from the first), up to about `most_bytes` but at least one;
    /// and the id of the last one, if more follow.
    pub fn export(
        &self,
        after: Option<PersonId>,
        most_bytes: usize,
    ) -> Result<(Vec<String>, Option<PersonId>), GalleryError> {
        let table = self.table()?;
        let ids = table.heads()?.into_iter().map(|person| person.id);
        let ids: Vec<_> = ids.filter(|id| after.is_none_or(|after| *id > after)).collect();
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for id in &ids {
            let line = self.line(&table.person(*id)?)?;
            bytes += line.len();
            lines.push(line);
            if bytes >= most_bytes {
                break;
            }
        }
        let more = lines.len() < ids.len();
        let last = lines.len().checked_sub(1).map(|at| ids[at]);
        Ok((lines, last.filter(|_| more)))
    }

    /// Imports people from the lines of an export, which begin with its header. Everything is checked before
    /// the first person is added; people whose names are taken are left out and listed. Embeddings of another
    /// model are imported, too: they are stale until the crops are embedded again. Ids and numbers are new.
    ///
    /// # Errors
    /// [`GalleryError::Import`] with the line; nothing was imported then.
    pub fn import<'l>(&self, lines: impl IntoIterator<Item = &'l str>) -> Result<Imported, GalleryError> {
        let mut lines = (1..).zip(lines).filter(|(_, line)| !line.trim().is_empty());
        let Some((_, header)) = lines.next() else {
            return Err(GalleryError::Import { line: 1, cause: "the file is empty".into() });
        };
        read_header(header)?;
        let mut newcomers = Vec::new();
        for (number, line) in lines {
            if newcomers.len() == MAX_PEOPLE {
                let cause = format!(
                    "more than {MAX_PEOPLE} people; import the file in pieces, each with its first line"
                );
                return Err(GalleryError::Import { line: number, cause });
            }
            newcomers.push(newcomer(number, line)?);
        }
        let _turn = self.store.gallery_turn();
        let table = self.table()?;
        let mut imported = Imported::default();
        for Newcomer { mut person, files } in newcomers {
            if let Err(taken) = table.free(&person.name, None) {
                let GalleryError::Taken { person: known, .. } = taken else { return Err(taken) };
                let same = self.same_faces(&table.person(known)?, &files);
                let reason =
                    if same { "is here already, with the same faces" } else { "the name is taken here" };
                imported.skipped.push(Skipped { name: person.name, reason: reason.into() });
                continue;
            }
            let first = table.next_samples(files.len())?;
            for (id, (sample, file)) in (first..).zip(person.samples.iter_mut().zip(&files)) {
                self.crops.put(id, file)?;
                sample.id = id;
            }
            person.id = table.next_person()?;
            self.put(&table, &person)?;
            imported.samples += files.len() as u64;
            imported.people.push(PersonName { person: person.id.0, name: person.name });
        }
        Ok(imported)
    }

    fn line(&self, person: &Person) -> Result<String, GalleryError> {
        let mut samples = Vec::with_capacity(person.samples.len());
        for sample in &person.samples {
            let floats: Vec<u8> = sample.embedding.iter().flat_map(|part| part.to_le_bytes()).collect();
            samples.push(ExportLine {
                added_ns: sample.added_ns,
                source: sample.source.clone(),
                quality: sample.quality,
                model: sample.model.clone(),
                embedding: BASE64.encode(floats),
                crop: BASE64.encode(self.crops.file(sample.id)?),
            });
        }
        Ok(line(&PersonLine { name: person.name.clone(), created_ns: person.created_ns, samples }))
    }

    fn same_faces(&self, known: &Person, files: &[Vec<u8>]) -> bool {
        let here: Vec<_> =
            known.samples.iter().filter_map(|sample| self.crops.file(sample.id).ok()).collect();
        files.iter().all(|file| here.contains(file))
    }
}

/// The model's SHA-256 from the first line of an export.
///
/// # Errors
/// [`GalleryError::Import`]: not an export, or a version that this program does not know.
pub fn read_header(header: &str) -> Result<String, GalleryError> {
    let fault = |cause| GalleryError::Import { line: 1, cause };
    match serde_json::from_str::<ExportHeader>(header) {
        Ok(header) if header.format == FORMAT => Ok(header.model),
        Ok(header) => {
            Err(fault(format!("it is of the format {:?}, this program reads {FORMAT}", header.format)))
        }
        Err(error) => Err(fault(format!("it is not the header of an exported gallery ({error})"))),
    }
}

fn newcomer(number: usize, text: &str) -> Result<Newcomer, GalleryError> {
    let fault = |cause: String| GalleryError::Import { line: number, cause };
    let PersonLine { name, created_ns, samples } =
        serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
    let name = clean_name(&name).map_err(|error| fault(error.to_string()))?;
    let mut person = Person {
        id: PersonId(0),
        name,
        created_ns: created_ns.min(now()),
        was: Vec::new(),
        samples: Vec::new(),
    };
    let mut files = Vec::with_capacity(samples.len());
    for sample in samples {
        let (sample, file) = face(sample).map_err(|cause| fault(format!("{}: {cause}", person.name)))?;
        person.samples.push(sample);
        files.push(file);
    }
    Ok(Newcomer { person, files })
}

fn face(line: ExportLine) -> Result<(Sample, Vec<u8>), SampleError> {
    let file = BASE64.decode(&line.crop).map_err(|source| SampleError::Base64 { part: "crop", source })?;
    // Encoded again, so that nothing but the picture is taken from the file.
    let file = crops::decode(&file)
        .and_then(|crop| crops::encode(&crop))
        .map_err(|fault| SampleError::Crop(Box::new(fault)))?;
    let embedding =
        BASE64.decode(&line.embedding).map_err(|source| SampleError::Base64 { part: "embedding", source })?;
    let embedding = record::floats(&embedding);
    // After damage to a store, an export holds crops without embeddings.
    if !embedding.is_empty() {
        record::check_embedding(&embedding)?;
    }
    let model = line.model.to_ascii_lowercase();
    if !model.is_empty() && (model.len() != 64 || !model.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(SampleError::Model);
    }
    let quality = if line.quality.is_finite() { line.quality.clamp(0.0, 1.0) } else { 0.0 };
    let (added_ns, source) = (line.added_ns.min(now()), clean_source(&line.source));
    Ok((Sample { id: 0, added_ns, source, quality, model, embedding }, file))
}

fn line(value: &impl Serialize) -> String {
    // Only strings and numbers are written, so it cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

//! People and pictures in the words of the answers.

use super::command::{ChangedOut, GalleryModel, PeopleOut, PersonOut, SampleOut};
use super::{GalleryService, errors};
use crate::store::{Person, Sample};
use crate::types::{Refusal, RejectedOut, rfc3339};

impl GalleryService<'_> {
    /// `list`: all people with their pictures.
    pub(super) fn list(&self) -> Result<PeopleOut, Refusal> {
        let model = self.embedder()?;
        let people = self.0.gallery().people().map_err(errors::of_gallery)?;
        let sha256 = model.as_ref().map(|(_, sha256)| sha256.as_str());
        let is_stale = |sample: &Sample| sha256.is_some_and(|sha256| sample.model != sha256);
        let stale =
            people.iter().flat_map(|person| &person.samples).filter(|sample| is_stale(sample)).count() as u64;
        let people = people.iter().map(|person| out(person, &is_stale)).collect();
        let model = model.map(|(name, sha256)| GalleryModel { name, sha256 });
        Ok(PeopleOut { model, people, stale })
    }
}

fn out(person: &Person, is_stale: &impl Fn(&Sample) -> bool) -> PersonOut {
    let samples = person.samples.iter().map(|sample| SampleOut {
        id: sample.id,
        added: rfc3339(sample.added_ns),
        source: sample.source.clone(),
        quality: (f64::from(sample.quality) * 1e3).round() / 1e3,
        stale: is_stale(sample),
    });
    let (name, created) = (person.name.clone(), rfc3339(person.created_ns));
    PersonOut { id: person.id.0, name, created, samples: samples.collect() }
}

/// A person after a change, as an answer.
pub(super) fn after(person: &Person) -> ChangedOut {
    let samples = person.samples.iter().map(|sample| sample.id).collect();
    ChangedOut { person: person.id.0, name: person.name.clone(), samples }
}

/// Pictures that could not be used, by their places in the request, with reason and remedy.
pub(super) fn rejected(rejected: &[(usize, Refusal)]) -> Vec<RejectedOut> {
    let out = |(index, why): &(usize, Refusal)| RejectedOut {
        index: *index as u64,
        code: why.code.to_owned(),
        reason: why.message.clone(),
        remedy: why.remedy.clone(),
    };
    rejected.iter().map(out).collect()
}

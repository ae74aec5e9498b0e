//! People and pictures in JSON.

use serde_json::{Value, json};

use super::{GalleryService, errors};
use crate::store::{Person, Sample};
use crate::types::{PersonId, Refusal, Reply, rfc3339};

impl GalleryService<'_> {
    /// `list`: everybody, with their pictures.
    pub(super) fn list(&self) -> Reply {
        let model = self.embedder()?;
        let people = self.0.gallery().people().map_err(errors::of_gallery)?;
        let sha256 = model.as_ref().map(|(_, sha256)| sha256.as_str());
        let is_stale = |sample: &Sample| sha256.is_some_and(|sha256| sample.model != sha256);
        let stale =
            people.iter().flat_map(|person| &person.samples).filter(|sample| is_stale(sample)).count();
        let fields: Vec<_> = people.iter().map(|person| in_json(person, &is_stale)).collect();
        let model = model.map(|(name, sha256)| json!({ "name": name, "sha256": sha256 }));
        Ok(json!({ "model": model, "people": fields, "stale": stale }))
    }
}

fn in_json(person: &Person, is_stale: &impl Fn(&Sample) -> bool) -> Value {
    let samples = person.samples.iter().map(|sample| {
        json!({
            "id": sample.id, "added": rfc3339(sample.added_ns), "source": sample.source,
            "quality": (f64::from(sample.quality) * 1e3).round() / 1e3, "stale": is_stale(sample),
        })
    });
    let samples: Vec<_> = samples.collect();
    json!({ "id": person.id.0, "name": person.name, "created": rfc3339(person.created_ns), "samples": samples })
}

/// A person after a change.
pub(super) fn after(person: &Person) -> Value {
    let samples: Vec<_> = person.samples.iter().map(|sample| sample.id).collect();
    json!({ "person": person.id.0, "name": person.name, "samples": samples })
}

/// Pictures that could not be used, by their places in the request.
pub(super) fn rejected(rejected: &[(usize, Refusal)]) -> Vec<Value> {
    let fields = |(index, why): &(usize, Refusal)| json!({ "index": index, "code": why.code, "reason": why.message, "remedy": why.remedy });
    rejected.iter().map(fields).collect()
}

/// The person that `request` names by number.
pub(super) fn person(request: &Value, key: &str) -> Result<PersonId, Refusal> {
    number(request, key).map(PersonId)
}

/// A number, also where it is written as text.
pub(super) fn number(request: &Value, key: &str) -> Result<u64, Refusal> {
    let number = request[key].as_u64().or_else(|| request[key].as_str()?.parse().ok());
    number.ok_or_else(|| errors::missing(key, &format!("{{\"{key}\": NUMBER}}")))
}

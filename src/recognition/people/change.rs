//! Rename, merge, take a picture away, erase; and embed what another model had embedded.

use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use super::{GalleryService, errors, fields};
use crate::store::GalleryError;
use crate::types::{PersonId, Refusal, Reply};

/// How long one request embeds; what is left is asked for again.
const BUDGET: Duration = Duration::from_secs(60);
/// Faces that are written together.
const TOGETHER: usize = 64;

impl GalleryService<'_> {
    pub(super) fn rename(&self, request: &Value) -> Reply {
        let id = fields::person(request, "person")?;
        let name =
            request["name"].as_str().ok_or_else(|| errors::missing("name", "{\"name\": \"Anna\", …}"))?;
        let person = self.0.gallery().rename(id, name).map_err(errors::of_gallery)?;
        self.0.changed();
        Ok(fields::after(&person))
    }

    /// `merge`: `person` becomes part of `into`.
    pub(super) fn merge(&self, request: &Value) -> Reply {
        let (from, into) = (fields::person(request, "person")?, fields::person(request, "into")?);
        let person = self.0.gallery().merge(from, into).map_err(errors::of_gallery)?;
        self.0.changed();
        Ok(fields::after(&person))
    }

    pub(super) fn remove(&self, request: &Value) -> Reply {
        let (id, sample) = (fields::person(request, "person")?, fields::number(request, "sample")?);
        let person = self.0.gallery().remove(id, sample).map_err(errors::of_gallery)?;
        self.0.changed();
        Ok(fields::after(&person))
    }

    /// `picture`: the kept crop.
    pub(super) fn picture(&self, request: &Value) -> Reply {
        let (id, sample) = (fields::person(request, "person")?, fields::number(request, "sample")?);
        let png = self.0.gallery().picture(id, sample).map_err(errors::of_gallery)?;
        Ok(json!({ "png_base64": base64::engine::general_purpose::STANDARD.encode(png) }))
    }

    /// `erase`: the person leaves the gallery, then everything that speaks of them, then the disk. Asked again, it takes
    /// up what a fault had cut short.
    pub(super) fn erase(&self, request: &Value) -> Reply {
        let id = fields::person(request, "person")?;
        let erasing = match self.0.gallery().begin_erasure(id) {
            Err(GalleryError::NoPerson { .. }) => return self.erased_before(id),
            begun => begun.map_err(errors::of_gallery)?,
        };
        // Nobody is recognised as the person from here on, so nothing new is told of them.
        self.0.changed();
        let (events, forgotten) = self.0.forget(&erasing)?;
        tracing::info!(person = %id, samples = erasing.samples, events, "person erased");
        Ok(json!({
            "person": id.0,
            "erased": {
                "samples": erasing.samples, "crops": erasing.crops, "events": events, "outbox": forgotten.outbox,
                "set_aside": forgotten.set_aside, "rewritten_bytes": forgotten.rewritten_bytes,
            },
        }))
    }

    /// Nobody of this number is in the gallery: because they were erased, because they are part of somebody else, or
    /// because there never was such a person.
    fn erased_before(&self, id: PersonId) -> Reply {
        let gallery = self.0.gallery();
        let people = gallery.people().map_err(errors::of_gallery)?;
        if let Some(now) = people.iter().find(|person| person.was.contains(&id)) {
            let message = format!("person {id} was merged into {} (person {})", now.name, now.id);
            let remedy = "erase that person, or take single pictures away with `ocellus faces remove`";
            return Err(
                Refusal::new("merged", message, remedy).with(json!({ "person": now.id.0, "name": now.name }))
            );
        }
        if !gallery.knew(id).map_err(errors::of_gallery)? {
            return Err(errors::of_gallery(GalleryError::NoPerson { person: id }));
        }
        let none = json!({ "samples": 0, "crops": 0, "events": 0, "outbox": 0, "set_aside": 0, "rewritten_bytes": 0 });
        Ok(json!({ "person": id.0, "erased": none, "before": true }))
    }

    /// `reenrol`: the crops that another model had embedded are embedded by the one in use. What could not be done within
    /// a minute is `left`.
    pub(super) fn reenrol(&self) -> Reply {
        let mut tools = self.tools()?;
        let (gallery, deadline) = (self.0.gallery(), Instant::now() + BUDGET);
        let stale = gallery.stale(&tools.sha256).map_err(errors::of_gallery)?;
        let (mut done, mut faults, mut seen) = (0, Vec::new(), 0);
        for some in stale.chunks(TOGETHER) {
            let mut fresh = Vec::with_capacity(some.len());
            for &(person, sample) in some {
                let crop = gallery.crop(person, sample).map_err(errors::of_gallery);
                let embedded =
                    crop.and_then(|crop| tools.study.crop(&crop).map_err(|fault| errors::of_face(&fault)));
                match embedded {
                    Ok(embedding) => fresh.push((person, sample, embedding)),
                    Err(why) => faults.push(fault(person, sample, &why.to_string())),
                }
            }
            done += fresh.len();
            seen += some.len();
            gallery.embed_again(&fresh, &tools.sha256).map_err(errors::of_gallery)?;
            if Instant::now() > deadline {
                break;
            }
        }
        self.0.changed();
        Ok(json!({ "done": done, "failed": faults.len(), "left": stale.len() - seen, "faults": faults }))
    }
}

fn fault(person: PersonId, sample: u64, reason: &str) -> Value {
    json!({ "person": person.0, "sample": sample, "reason": reason })
}

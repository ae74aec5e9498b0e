//! Commands that change people: rename, merge, remove a picture, erase, and embed again after a change of
//! model.

use std::time::{Duration, Instant};

use super::command::{ChangedOut, ErasedCounts, ErasedOut, PictureOut, ReenrolledOut, SampleFault};
use super::{GalleryService, errors, fields};
use crate::store::GalleryError;
use crate::types::{Details, PersonId, Refusal};

/// How long one request embeds; the caller repeats it for the faces that are left.
const BUDGET: Duration = Duration::from_secs(60);
/// Faces that are written in one batch.
const TOGETHER: usize = 64;

impl GalleryService<'_> {
    pub(super) fn rename(&self, id: PersonId, name: &str) -> Result<ChangedOut, Refusal> {
        let person = self.0.gallery().rename(id, name).map_err(errors::of_gallery)?;
        self.0.changed();
        Ok(fields::after(&person))
    }

    /// `merge`: `from` becomes part of `into`.
    pub(super) fn merge(&self, from: PersonId, into: PersonId) -> Result<ChangedOut, Refusal> {
        let person = self.0.gallery().merge(from, into).map_err(errors::of_gallery)?;
        self.0.changed();
        Ok(fields::after(&person))
    }

    pub(super) fn remove(&self, id: PersonId, sample: u64) -> Result<ChangedOut, Refusal> {
        let person = self.0.gallery().remove(id, sample).map_err(errors::of_gallery)?;
        self.0.changed();
        Ok(fields::after(&person))
    }

    /// `picture`: the kept crop as PNG in base64.
    pub(super) fn picture(&self, id: PersonId, sample: u64) -> Result<PictureOut, Refusal> {
        let png = self.0.gallery().picture(id, sample).map_err(errors::of_gallery)?;
        Ok(PictureOut { png })
    }

    /// `erase`: removes the person from the gallery, then from all events, then from the files on disk.
    /// Repeating it finishes an erasure that a fault interrupted.
    pub(super) fn erase(&self, id: PersonId) -> Result<ErasedOut, Refusal> {
        let erasing = match self.0.gallery().begin_erasure(id) {
            Err(GalleryError::NoPerson { .. }) => return self.erased_before(id),
            begun => begun.map_err(errors::of_gallery)?,
        };
        // From here on no face is recognised as the person, so no new event names them.
        self.0.changed();
        let (events, forgotten) = self.0.forget(&erasing)?;
        tracing::info!(person = %id, samples = erasing.samples, events, "person erased");
        let erased = ErasedCounts {
            samples: erasing.samples,
            crops: erasing.crops,
            events,
            outbox: forgotten.outbox,
            set_aside: forgotten.set_aside,
            rewritten_bytes: forgotten.rewritten_bytes,
        };
        Ok(ErasedOut { person: id.0, erased, before: None })
    }

    /// Answers an erasure of a number that is not in the gallery: the person was erased before, was merged
    /// into another, or never existed.
    fn erased_before(&self, id: PersonId) -> Result<ErasedOut, Refusal> {
        let gallery = self.0.gallery();
        let people = gallery.people().map_err(errors::of_gallery)?;
        if let Some(now) = people.iter().find(|person| person.was.contains(&id)) {
            let message = format!("person {id} was merged into {} (person {})", now.name, now.id);
            let remedy = "erase that person, or take single pictures away with `ocellus faces remove`";
            let details = Details::Person { person: now.id.0, name: now.name.clone() };
            return Err(Refusal::new("merged", message, remedy).with(details));
        }
        if !gallery.knew(id).map_err(errors::of_gallery)? {
            return Err(errors::of_gallery(GalleryError::NoPerson { person: id }));
        }
        Ok(ErasedOut { person: id.0, erased: ErasedCounts::default(), before: Some(true) })
    }

    /// `reenrol`: embeds crops that another model had embedded with the model in use. `left` counts those
    /// that did not fit into the time of one request.
    pub(super) fn reenrol(&self) -> Result<ReenrolledOut, Refusal> {
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
        let (failed, left) = (faults.len() as u64, (stale.len() - seen) as u64);
        Ok(ReenrolledOut { done: done as u64, failed, left, faults })
    }
}

fn fault(person: PersonId, sample: u64, reason: &str) -> SampleFault {
    SampleFault { person: person.0, sample, reason: reason.to_owned() }
}

//! Enrolment: turns pictures into faces of a person, reports each bad one, and prevents double enrolment by
//! mistake.

use super::command::{EnrolledOut, FaceSource, MAX_PICTURES, SentPicture};
use super::{GalleryService, Tools, errors, fields, picture};
use crate::config::RecognitionConfig;
use crate::recognition::Studied;
use crate::store::{GalleryError, NewSample, Person, clean_name};
use crate::types::{Details, PersonId, Refusal};

/// The results for the pictures of a request.
struct Looked {
    faces: Vec<NewSample>,
    /// Rejected pictures by their places in the request, from 0.
    rejected: Vec<(usize, Refusal)>,
}

impl GalleryService<'_> {
    /// `enrol`: adds a new person from `pictures` (base64) or from the newest frame of a `camera`. A person
    /// who is known already is refused as `already_enrolled`, unless `as_new` states that it is another
    /// person.
    pub(super) fn enrol(&self, name: &str, from: &FaceSource) -> Result<EnrolledOut, Refusal> {
        let name = clean_name(name).map_err(errors::of_gallery)?;
        let gallery = self.0.gallery();
        if let Some(person) = gallery.named(&name).map_err(errors::of_gallery)? {
            let taken = GalleryError::Taken { person: person.id, name: person.name };
            return Err(errors::of_gallery(taken));
        }
        let mut tools = self.tools()?;
        let looked = self.look(from, &mut tools)?;
        if from.as_new != Some(true) {
            self.refuse_known(&looked.faces, &tools, None)?;
        }
        let person = gallery.enrol(&name, &looked.faces).map_err(errors::of_gallery)?;
        self.0.changed();
        Ok(enrolled(&person, looked))
    }

    /// `add`: adds faces to a person; refused where they are more similar to another person.
    pub(super) fn add(&self, id: PersonId, from: &FaceSource) -> Result<EnrolledOut, Refusal> {
        let gallery = self.0.gallery();
        gallery.person(id).map_err(errors::of_gallery)?;
        let mut tools = self.tools()?;
        let looked = self.look(from, &mut tools)?;
        if from.as_new != Some(true) {
            self.refuse_known(&looked.faces, &tools, Some(id))?;
        }
        let person = gallery.add(id, &looked.faces).map_err(errors::of_gallery)?;
        self.0.changed();
        Ok(enrolled(&person, looked))
    }

    /// The faces of the pictures. Errors: none of them is good.
    fn look(&self, from: &FaceSource, tools: &mut Tools) -> Result<Looked, Refusal> {
        let mut looked = Looked { faces: Vec::new(), rejected: Vec::new() };
        if let Some(pictures) = &from.pictures {
            if pictures.is_empty() || pictures.len() > MAX_PICTURES {
                let message = format!("{} pictures were sent", pictures.len());
                return Err(Refusal::new("bad_request", message, format!("send 1 to {MAX_PICTURES}")));
            }
            for (index, picture) in pictures.iter().enumerate() {
                match study(picture, index, tools) {
                    Ok(face) => looked.faces.push(face),
                    Err(refusal) => looked.rejected.push((index, refusal)),
                }
            }
        } else {
            let (frame, source) = self.0.frame(from.camera.as_deref())?;
            match tools.study.picture(&frame.planes()) {
                Ok(studied) => looked.faces.push(sample(studied, source, tools)),
                Err(fault) => looked.rejected.push((0, errors::of_face(&fault))),
            }
        }
        if looked.faces.is_empty() { Err(none_good(looked.rejected)) } else { Ok(looked) }
    }

    /// Refuses faces that are similar to a person other than the one they are meant for.
    fn refuse_known(&self, faces: &[NewSample], tools: &Tools, own: Option<PersonId>) -> Result<(), Refusal> {
        let people = self.0.gallery().people().map_err(errors::of_gallery)?;
        let Tools { bounds: RecognitionConfig { min_similarity, .. }, sha256, .. } = tools;
        let mut known: Option<(&Person, f32)> = None;
        for face in faces {
            let similarity = |person: &Person| {
                let fresh = person.samples.iter().filter(|sample| sample.model == *sha256);
                fresh.map(|sample| dot(&sample.embedding, &face.embedding)).fold(-1.0, f32::max)
            };
            let as_own = people.iter().find(|person| Some(person.id) == own).map_or(-1.0, similarity);
            for person in people.iter().filter(|person| Some(person.id) != own) {
                let found = similarity(person);
                if found >= *min_similarity && found > as_own && known.is_none_or(|(_, best)| found > best) {
                    known = Some((person, found));
                }
            }
        }
        let Some((person, similarity)) = known else { return Ok(()) };
        let message =
            format!("this is {} (person {}), with a similarity of {similarity:.2}", person.name, person.id);
        let remedy = "add the pictures to that person, or send \"as_new\": true if it is somebody else";
        let similarity = (f64::from(similarity) * 1e3).round() / 1e3;
        let details = Details::Alike { person: person.id.0, name: person.name.clone(), similarity };
        Err(Refusal::new("already_enrolled", message, remedy).with(details))
    }
}

fn study(sent: &SentPicture, index: usize, tools: &mut Tools) -> Result<NewSample, Refusal> {
    let (name, base64) = match sent {
        SentPicture::Bare(base64) => (&None, base64),
        SentPicture::Named { name, base64 } => (name, base64),
    };
    let picture = picture::decode(base64)?;
    let studied = tools.study.picture(&picture.planes()).map_err(|fault| errors::of_face(&fault))?;
    let source = name.clone().unwrap_or_else(|| format!("picture {}", index + 1));
    Ok(sample(studied, source, tools))
}

fn sample(studied: Studied, source: String, tools: &Tools) -> NewSample {
    let Studied { crop, embedding, quality, .. } = studied;
    NewSample { crop, embedding, quality: quality.score(), source, model: tools.sha256.clone() }
}

fn none_good(rejected: Vec<(usize, Refusal)>) -> Refusal {
    let details = Details::Rejected { rejected: fields::rejected(&rejected) };
    if let [(_, only)] = &rejected[..] {
        return only.clone().with(details);
    }
    let list: Vec<_> =
        rejected.iter().map(|(index, why)| format!("{}: {}", index + 1, why.message)).collect();
    let code = rejected.first().map_or("bad_request", |(_, why)| why.code);
    let message = format!("none of the {} pictures can be used ({})", rejected.len(), list.join("; "));
    Refusal::new(code, message, "take one in which the person is alone, near, sharp and looks at the camera")
        .with(details)
}

fn enrolled(person: &Person, looked: Looked) -> EnrolledOut {
    // The newest samples are last.
    let new = person.samples.len().saturating_sub(looked.faces.len());
    let samples: Vec<_> = person.samples[new..].iter().map(|sample| sample.id).collect();
    let rejected = fields::rejected(&looked.rejected);
    EnrolledOut { person: person.id.0, name: person.name.clone(), samples, rejected }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() { -1.0 } else { a.iter().zip(b).map(|(a, b)| a * b).sum() }
}

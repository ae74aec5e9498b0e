//! Turns faults into refusals: a code for programs, what happened, and what to do next.

use crate::engine::EngineError;
use crate::recognition::FaceFault;
use crate::store::GalleryError;
use crate::types::{Details, Refusal};

/// The refusal for a fault of the gallery, with its public code.
pub(super) fn of_gallery(error: GalleryError) -> Refusal {
    let code = match &error {
        GalleryError::Store(_) | GalleryError::Record { .. } => "store",
        GalleryError::Name { .. } => "bad_name",
        GalleryError::Taken { .. } => "name_taken",
        GalleryError::NoPerson { .. } => "unknown_person",
        GalleryError::NoSample { .. } => "unknown_picture",
        GalleryError::Same { .. } => "same_person",
        GalleryError::Crop { .. } => "picture_missing",
        GalleryError::Unfit { .. } => "picture_unreadable",
        GalleryError::Import { .. } => "bad_import",
    };
    let details = match &error {
        GalleryError::Taken { person, name } => Details::Person { person: person.0, name: name.clone() },
        _ => Details::None,
    };
    Refusal::explained(code, error.explanation()).with(details)
}

pub(super) fn of_model(error: EngineError) -> Refusal {
    Refusal::explained("model_failed", error.explanation())
}

pub(super) fn no_model(key: &str) -> Refusal {
    let message = format!("the configuration names no model for faces ({key})");
    let remedy = "use config/attendance.toml, or write a [model.NAME] and name it in [faces]; `ocellus models list` \
                  shows public ones";
    Refusal::new("no_model", message, remedy)
}

pub(super) fn of_face(fault: &FaceFault) -> Refusal {
    Refusal::explained(fault.code(), fault.explanation())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::PersonId;

    #[test]
    fn a_refusal_has_what_is_wrong_and_what_to_do_in_fields_of_their_own() {
        let refusal = of_gallery(GalleryError::NoPerson { person: PersonId(7) });
        assert_eq!((refusal.code, refusal.message.as_str()), ("unknown_person", "there is no person 7"));
        assert_eq!(refusal.remedy, "`ocellus faces list` shows the people");
        // A semicolon in a name does not divide the text.
        let taken = GalleryError::Taken { person: PersonId(1), name: "a; b".into() };
        let text = taken.to_string();
        let refusal = of_gallery(taken);
        assert_eq!(refusal.message, "person 1 is called \"a; b\" already");
        assert_eq!(refusal.to_string(), text);
        let refusal = of_face(&FaceFault::SeveralFaces { n: 2 });
        assert_eq!((refusal.code, refusal.message.as_str()), ("several_faces", "2 faces are in the picture"));
        assert!(refusal.remedy.starts_with("take one of this person alone"), "{refusal}");
        let refusal = of_model(EngineError::NoTask { model: "who".into() });
        assert_eq!(refusal.message, "model who: its task is not known");
        assert!(refusal.remedy.contains("[model.who]"), "{refusal}");
    }
}

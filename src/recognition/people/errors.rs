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
    split(code, &error.to_string()).with(details)
}

pub(super) fn of_model(error: EngineError) -> Refusal {
    split("model_failed", &error.to_string())
}

pub(super) fn no_model(key: &str) -> Refusal {
    let message = format!("the configuration names no model for faces ({key})");
    let remedy = "use config/attendance.toml, or write a [model.NAME] and name it in [faces]; `ocellus models list` \
                  shows public ones";
    Refusal::new("no_model", message, remedy)
}

pub(super) fn of_face(fault: &FaceFault) -> Refusal {
    split(fault.code(), &fault.to_string())
}

/// Splits the text of a fault at its semicolon into what is wrong and what to do.
fn split(code: &'static str, text: &str) -> Refusal {
    match text.split_once("; ") {
        Some((message, remedy)) => Refusal::new(code, message, remedy),
        None => Refusal::new(code, text, ""),
    }
}

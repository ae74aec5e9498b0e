//! A camera, opened as the service opens it, while no service does.

use super::broker::{not_tried, unseen_credential};
use super::{Note, port};
use crate::camera;
use crate::config::{CameraConfig, Source};

/// Whether the source of `camera` delivers a frame.
pub(super) fn camera(camera: &CameraConfig) -> Vec<Note> {
    let place = camera.source_text.clone();
    let file = camera.password_file.as_deref().or(camera.tcp.secret_file.as_deref());
    if let Some(name) = file.and_then(unseen_credential) {
        return vec![Note::warning(place, not_tried(&name))];
    }
    match (camera::probe(camera), &camera.source) {
        (Ok(found), _) => vec![Note::ok(place, found)],
        (Err(what), Source::Tcp(address)) => vec![Note::fault(place, port::with_holder(what, *address))],
        (Err(what), _) => vec![Note::fault(place, what)],
    }
}

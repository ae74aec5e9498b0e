//! Recordings for the page and REST: listed, sent, and deleted.

use std::path::Path;

use super::aside;
use super::library::{Library, Promise};
use super::open_clip::content_type;
use crate::contract::recording_path;
use crate::store::{FileRole, RecordedFile, Recording, RecordingKind, RecordingState, StoreError};
use crate::types::{
    NoRecording, RecordingArchive, RecordingEntry, RecordingFile, RecordingFilter, RecordingId,
    RecordingPage, RecordingPart, rfc3339,
};

/// Recordings that are read for one page: a filter that selects few must not read the whole index at once.
const LOOKED_AT: usize = 20_000;

impl RecordingArchive for Library {
    fn list(&self, filter: &RecordingFilter) -> Result<RecordingPage, NoRecording> {
        let mut page = RecordingPage::default();
        let mut seen = 0;
        let before = filter.before.unwrap_or(RecordingId::MAX);
        self.each_back(before, |recording| {
            seen += 1;
            if page.recordings.len() >= filter.limit || seen > LOOKED_AT {
                page.next = Some(recording.id + 1);
                return false;
            }
            if is_wanted(filter, &recording) {
                page.recordings.push(entry(recording));
            }
            true
        })
        .map_err(unreadable)?;
        Ok(page)
    }

    fn file(&self, id: RecordingId, part: Option<&str>) -> Result<RecordingFile, NoRecording> {
        let Some(recording) = self.get(id).map_err(unreadable)? else {
            return Err(match self.promised(id) {
                Some(Promise::Expected) => NoRecording::NotYet,
                Some(Promise::Missed) => NoRecording::Missed,
                None => NoRecording::Unknown,
            });
        };
        if recording.state == RecordingState::Writing {
            return Err(NoRecording::NotYet);
        }
        let file = match part {
            None => recording.files.first(),
            Some(part) => recording.files.iter().find(|file| role(file.role) == part),
        };
        let file = file.ok_or(NoRecording::NoSuchFile)?;
        // A file that somebody has put in its place is not the recording.
        match aside::is_ours(self.root(), file) {
            Ok(true) => {}
            _ => return Err(NoRecording::Unknown),
        }
        let name = Path::new(&file.path).file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{}-{name}", recording.camera);
        let path = self.root().join(&file.path);
        Ok(RecordingFile { path, content_type: type_of(file), name })
    }

    fn delete(&self, id: RecordingId) -> Result<(), NoRecording> {
        let recording = self.get(id).map_err(unreadable)?.ok_or(NoRecording::Unknown)?;
        if recording.state == RecordingState::Writing {
            return Err(NoRecording::NotYet);
        }
        self.remove(&recording).map_err(unreadable)
    }
}

fn is_wanted(filter: &RecordingFilter, recording: &Recording) -> bool {
    filter.camera.as_ref().is_none_or(|camera| *camera == recording.camera)
        && filter.kind.as_ref().is_none_or(|kind| *kind == kind_of(recording.kind))
        && filter.event.is_none_or(|event| recording.event == Some(event))
        && filter.since_ns.is_none_or(|since_ns| recording.ended_ns >= since_ns)
        && filter.until_ns.is_none_or(|until_ns| recording.started_ns < until_ns)
}

fn entry(recording: Recording) -> RecordingEntry {
    let parts = recording.files.iter().map(|file| RecordingPart {
        role: role(file.role),
        file: file.path.clone(),
        bytes: file.bytes,
    });
    RecordingEntry {
        id: recording.id,
        kind: kind_of(recording.kind),
        state: match recording.state {
            RecordingState::Writing => "writing",
            RecordingState::Whole => "whole",
            RecordingState::Interrupted => "interrupted",
        },
        path: recording_path(recording.id),
        content_type: recording.files.first().map_or("image/jpeg", type_of),
        parts: parts.collect(),
        frames: recording.frames,
        first_frame: recording.first_frame,
        last_frame: recording.last_frame,
        started: rfc3339(recording.started_ns),
        ended: rfc3339(recording.ended_ns),
        bytes: recording.bytes(),
        causes: recording.causes,
        event: recording.event,
        experiment: recording.experiment,
        camera: recording.camera,
    }
}

fn kind_of(kind: RecordingKind) -> &'static str {
    match kind {
        RecordingKind::Picture => "picture",
        RecordingKind::Clip => "clip",
    }
}

fn role(role: FileRole) -> &'static str {
    match role {
        FileRole::Raw => "raw",
        FileRole::Annotated => "annotated",
        FileRole::Sidecar => "sidecar",
    }
}

fn type_of(file: &RecordedFile) -> &'static str {
    content_type(file.path.rsplit_once('.').map_or("", |(_, ending)| ending))
}

fn unreadable(error: StoreError) -> NoRecording {
    NoRecording::Unreadable(error.to_string())
}

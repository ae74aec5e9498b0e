//! Clips that a killed process has not completed: they can be played as far as they go, so they are published as they are.

use std::fs;

use super::aside::{self, AsideFile, PARTIAL};
use super::error::RecorderError;
use super::library::Library;
use super::sidecar;
use crate::store::{FileRole, RecordedFile, Recording, RecordingKind, RecordingState, StoreError};

/// Publishes what is left of the clip `recording`, or removes it from the index where nothing is left. `begun` says whether
/// it is in the index. Returns false where it has to be tried again at the next start.
///
/// # Errors
/// Those of the store. A file that cannot be moved stays where it is until the next start.
pub(super) fn clip(library: &Library, mut recording: Recording, begun: bool) -> Result<bool, StoreError> {
    let root = library.root();
    let is_clip = recording.kind == RecordingKind::Clip;
    let mut files: Vec<AsideFile> = match is_clip {
        true => recording.files.iter().filter_map(|file| left_aside(library, recording.id, file)).collect(),
        false => Vec::new(),
    };
    if !files.iter().any(|file| file.role != FileRole::Sidecar) {
        drop(files);
        if begun {
            library.forget(recording.id)?;
        }
        if recording.event == Some(recording.id) {
            // Messages have carried its address.
            library.note_missed(recording.id);
        }
        return Ok(true);
    }
    recording.state = RecordingState::Interrupted;
    if let Some(at) = files.iter().position(|file| file.role == FileRole::Sidecar) {
        let path = files[at].path().to_owned();
        let mut text = fs::read(&path).unwrap_or_default();
        match sidecar::complete(&mut text) {
            Some(frames) if fs::write(&path, &text).is_ok() => recording.frames = frames,
            _ => drop(files.remove(at)),
        }
    }
    let name = base_name(&recording);
    let id = recording.id;
    match library.publish(recording, files, &name, begun) {
        Ok(found) => {
            tracing::warn!(recording = id, frames = found.frames, "a clip ends where the service was killed");
            library.0.counters.found_again.inc();
            Ok(true)
        }
        Err(RecorderError::Index(error)) => Err(error),
        Err(error) => {
            tracing::warn!(recording = id, "{} is left in {}: {error}", name, root.join(PARTIAL).display());
            Ok(false)
        }
    }
}

/// Renames files that a killed process has completed and noted in the journal, but not renamed.
pub(super) fn rename_rest(library: &Library, recording: &Recording) {
    let root = library.root();
    for file in &recording.files {
        if aside::is_ours(root, file).unwrap_or(false) {
            continue;
        }
        let Some(mut rest) = left_aside(library, recording.id, file) else { continue };
        // A file other than the noted one was not complete.
        let noted = rest.facts(file.path.clone()).is_ok_and(|facts| facts == *file);
        if noted && let Err(error) = rest.publish(root, &file.path) {
            tracing::warn!(recording = recording.id, "{} stays incomplete: {error}", file.path);
        }
    }
}

/// The incomplete file, if anything of it is there.
fn left_aside(library: &Library, id: u64, file: &RecordedFile) -> Option<AsideFile> {
    let ending = ["jpg", "mp4", "mkv", "json"].into_iter().find(|ending| file.path.ends_with(ending))?;
    let aside = AsideFile::new(library.root(), id, file.role, ending).left();
    fs::metadata(aside.path()).is_ok_and(|facts| facts.len() > 0).then_some(aside)
}

/// The name that was planned for the clip, without its ending.
fn base_name(recording: &Recording) -> String {
    let raw = recording.files.iter().find(|file| file.role != FileRole::Sidecar);
    let path = raw.map_or("", |file| file.path.as_str());
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    stem.strip_suffix("-annotated").unwrap_or(stem).to_owned()
}

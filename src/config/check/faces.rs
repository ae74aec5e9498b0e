//! Checks `[faces]`, and `recognise = true` or `{ … }` of a camera.

use super::model::known_model;
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;
use crate::config::{CameraConfig, FacesConfig, ModelConfig, RecognitionConfig, Task};
use crate::image::face::FaceGate;

/// Slots that a ring needs besides the frames that wait for recognition: one that is written, one in
/// detection, and some on their way to the tracker.
const OTHER_SLOTS: usize = 4;

pub(super) fn faces(table: TomlTable<'_, '_>, models: &[ModelConfig], workers: usize) -> FacesConfig {
    let most = workers.max(1) as u32;
    let max_workers = table.whole("max_workers", most, 1..=4096).min(most);
    // The default is not 0: on a box with one worker, detection's own minimum would block recognition
    // indefinitely.
    let min_workers: u32 = table.whole("min_workers", 1, 0..=4096);
    if min_workers > max_workers {
        table.fault("min_workers", "more than max_workers", "lower it, or raise max_workers");
    }
    let faces = FacesConfig {
        model: model(&table, "model", models, Task::Embed),
        detector: model(&table, "detector", models, Task::BlazeFace),
        min_workers: min_workers.min(max_workers) as usize,
        max_workers: max_workers as usize,
        recognition: recognition(&table, &RecognitionConfig::default()),
    };
    table.finish();
    faces
}

/// Reads the limits of recognition; absent ones are those of `usual`.
fn recognition(table: &TomlTable<'_, '_>, usual: &RecognitionConfig) -> RecognitionConfig {
    let number = |key, usual: f32, range| table.number(key, range).unwrap_or(usual);
    let recheck = usual.recheck.as_millis() as u32;
    RecognitionConfig {
        min_similarity: number("min_similarity", usual.min_similarity, 0.0..=1.0),
        margin: number("margin", usual.margin, 0.0..=1.0),
        gate: FaceGate {
            min_eye_px: number("min_face_px", usual.gate.min_eye_px, 4.0..=10_000.0),
            min_score: number("min_quality", usual.gate.min_score, 0.0..=1.0),
            min_sharpness: number("min_sharpness", usual.gate.min_sharpness, 0.0..=1.0),
            max_turn_deg: number("max_turn_deg", usual.gate.max_turn_deg, 1.0..=90.0),
        },
        agree: table.whole("agree", usual.agree, 1..=100),
        recheck: table.millis("recheck_ms", recheck, 100..=3_600_000),
        queue: table.whole("queue", usual.queue as u32, 1..=32) as usize,
    }
}

/// Reads the name of a configured model whose card does not name another task.
fn model(table: &TomlTable<'_, '_>, key: &'static str, models: &[ModelConfig], task: Task) -> Option<String> {
    let field = table.get(key)?;
    let model = known_model(&field, models, " with its path")?;
    fits(&field, model, task);
    Some(model.name.clone())
}

/// Notes a model whose card names another task; the file itself is checked only when it is loaded.
fn fits(field: &PlacedValue<'_, '_>, model: &ModelConfig, task: Task) {
    if model.card.task.is_some_and(|is| is != task) {
        let (reason, remedy) = match task {
            Task::Embed => {
                ("is not for embeddings", "name a model of task \"embed\", such as a MobileFaceNet")
            }
            _ => ("does not find eyes", "name a model of task \"blazeface\": alignment needs its key points"),
        };
        field.fault(format!("[model.{}] {reason}", model.name), remedy);
    }
}

/// Reads a camera's `recognise`; `camera` has the settings that were read before.
pub(super) fn recognise(
    table: &TomlTable<'_, '_>,
    camera: &CameraConfig,
    faces: &FacesConfig,
    models: &[ModelConfig],
) -> Option<RecognitionConfig> {
    let field = table.get("recognise")?;
    let found = if field.is_table() {
        let own = table.table_if("recognise")?;
        let found = recognition(&own, &faces.recognition);
        own.finish();
        found
    } else if field.boolean()? {
        faces.recognition.clone()
    } else {
        return None;
    };
    if faces.model.is_none() {
        let remedy = "write model = \"NAME\" of an embedding model into [faces], or remove recognise";
        field.fault("there is no model for recognition", remedy);
    }
    if camera.track.is_none() {
        let remedy = "add detect = { model = \"…\" } and track = {}, or remove recognise";
        field.fault("only a tracked face is recognised, and this camera does not track", remedy);
    }
    let detector = camera.detect.as_ref().map(|detect| detect.model.as_str());
    if let Some(model) = models.iter().find(|model| Some(model.name.as_str()) == detector) {
        fits(&field, model, Task::BlazeFace);
    }
    let least = found.queue + OTHER_SLOTS;
    if camera.ring_slots < least {
        let reason = format!(
            "{} slots are too few: recognition may hold {} frames (queue), and {OTHER_SLOTS} more are needed for \
             capture and detection",
            camera.ring_slots, found.queue
        );
        let remedy = format!("write ring_slots = {least} or more, or lower queue");
        table.get("ring_slots").unwrap_or(field).fault(reason, remedy);
    }
    Some(found)
}

//! Checks the sections about the box itself: `[device]`, `[workers]`, `[runtime]`, `[supervisor]`.

use std::path::PathBuf;

use super::SectionScope;
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;
use crate::config::{
    CameraConfig, Device, ModelConfig, RuntimeSettings, SupervisorConfig, TriggerConfig, Workers, files,
};
use crate::supervisor::Settings;

pub(super) fn device(table: TomlTable<'_, '_>) -> Device {
    let name = table.get("name").and_then(|field| super::topic_level(&field));
    let state_dir = table.get("state_dir").and_then(|field| match field.text()? {
        "" => {
            field.fault(
                "the path is empty",
                "name a folder that the service may write, e.g. /var/lib/ocellus",
            );
            None
        }
        path => Some(PathBuf::from(path)),
    });
    table.finish();
    Device {
        name: name.unwrap_or_else(files::host_name),
        state_dir: state_dir.unwrap_or_else(|| "/var/lib/ocellus".into()),
    }
}

pub(super) fn workers(table: TomlTable<'_, '_>, scope: &SectionScope) -> Workers {
    let cores = table.get("cores").and_then(|field| cores(&field, scope));
    table.finish();
    Workers { cores: cores.unwrap_or_else(|| scope.cores.clone()) }
}

fn cores(field: &PlacedValue<'_, '_>, scope: &SectionScope) -> Option<Vec<usize>> {
    if field.is_text() {
        return field.word(&[("auto", ())]).map(|()| scope.cores.clone());
    }
    let mut cores = Vec::new();
    let items = field.items("core numbers, or \"auto\"")?;
    if items.is_empty() {
        field.fault("no core is named", "write \"auto\", or at least one core number");
    }
    for item in items {
        let Some(core) = item.whole(0..=4095).map(|core| core as usize) else { continue };
        if !scope.cores.contains(&core) {
            let reason = format!("core {core} does not exist, or this process may not run on it");
            item.fault(reason, format!("use cores out of {:?}, or \"auto\"", scope.cores));
        } else if cores.contains(&core) {
            item.fault(
                format!("core {core} is named twice"),
                "name each core once: one worker is pinned to each",
            );
        } else {
            cores.push(core);
        }
    }
    (!cores.is_empty()).then_some(cores)
}

pub(super) fn runtime(table: TomlTable<'_, '_>, scope: &SectionScope) -> RuntimeSettings {
    let kinds = [("litert", "litert"), ("tflitec", "tflitec"), ("stub", "stub")];
    let kind = table.word("kind", &kinds).unwrap_or("litert").to_owned();
    let library = table.get("library").and_then(|field| scope.files.existing(&field));
    table.finish();
    RuntimeSettings { kind, library }
}

pub(super) fn supervisor(
    table: TomlTable<'_, '_>,
    models: &[ModelConfig],
    cameras: &[CameraConfig],
    triggers: &[TriggerConfig],
) -> SupervisorConfig {
    let essential = |field| essential(&field, models, cameras, triggers);
    let settings = Settings {
        max_restarts: table.whole("max_restarts", 3, 0..=1000),
        backoff: table.millis("backoff_ms", 250, 1..=60_000),
        backoff_max: table.millis("backoff_max_ms", 10_000, 1..=600_000),
        drain: table.millis("drain_ms", 5_000, 100..=60_000),
        drain_max: table.millis("drain_max_ms", 20_000, 100..=600_000),
    };
    let essential = table.get("essential").and_then(essential).unwrap_or_default();
    if settings.backoff > settings.backoff_max {
        table.fault(
            "backoff_ms",
            "the first pause is longer than backoff_max_ms",
            "lower it, or raise the other",
        );
    }
    if table.get("drain_max_ms").is_some() && settings.drain > settings.drain_max {
        table.fault(
            "drain_max_ms",
            "the longest drain is shorter than drain_ms",
            "raise it, or lower the other; and keep TimeoutStopSec of the unit above their sum",
        );
    }
    table.finish();
    SupervisorConfig { settings, essential }
}

fn essential(
    field: &PlacedValue<'_, '_>,
    models: &[ModelConfig],
    cameras: &[CameraConfig],
    triggers: &[TriggerConfig],
) -> Option<Vec<String>> {
    let cameras = cameras.iter().map(|camera| format!("camera/{}", camera.name));
    let triggers = triggers.iter().map(|trigger| format!("trigger/{}", trigger.name));
    let models = models.iter().map(|model| format!("model/{}", model.name));
    let named: Vec<String> = cameras.chain(triggers).chain(models).collect();
    let mut known: Vec<&str> = named.iter().map(String::as_str).collect();
    known.extend(["mqtt", "web", "store", "disk"]);
    let words: Vec<_> = known.iter().map(|unit| (*unit, *unit)).collect();
    let items = field.items("names of components")?;
    Some(items.iter().filter_map(|item| item.word(&words)).map(str::to_owned).collect())
}

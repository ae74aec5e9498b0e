//! Checks `[degradation]`.

use crate::config::DegradationConfig;
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;
use crate::types::DegradationStep;

pub(super) fn degradation(table: TomlTable<'_, '_>) -> DegradationConfig {
    let usual = DegradationConfig::default();
    let share = |key, default: u32| table.whole(key, default, 1..=100) as f32 / 100.0;
    let degradation = DegradationConfig {
        enabled: table.boolean("enabled", usual.enabled),
        steps: table.get("steps").and_then(|field| steps(&field)).unwrap_or(usual.steps),
        over: share("over_percent", 80),
        over_for: table.millis("over_ms", 5_000, 100..=600_000),
        under: share("under_percent", 30),
        under_for: table.millis("under_ms", 10_000, 100..=3_600_000),
        queue: table.whole("queue", 32, 1..=100_000) as usize,
        preview_fps: table.whole("preview_fps", usual.preview_fps, 1..=60),
        detect_factor: table.whole("detect_factor", usual.detect_factor, 2..=1_000),
        frame_every: table.whole("frame_every", usual.frame_every, 2..=1_000),
    };
    if degradation.under >= degradation.over {
        let reason =
            "a step would be taken back as soon as it is taken: under_percent is not below over_percent";
        table.fault("under_percent", reason, "lower it, e.g. under_percent = 30 and over_percent = 80");
    }
    table.finish();
    degradation
}

fn steps(field: &PlacedValue<'_, '_>) -> Option<Vec<DegradationStep>> {
    let words = DegradationStep::ALL.map(|step| (step.as_str(), step));
    let mut steps = Vec::new();
    for item in field.items("steps")? {
        if item.is_text() && item.text() == Some("inspection") {
            item.fault("inspection is never done without", "remove it");
            continue;
        }
        match item.word(&words) {
            Some(step) if steps.contains(&step) => {
                item.fault("this step is there already", "remove one of them")
            }
            Some(step) => steps.push(step),
            None => {}
        }
    }
    Some(steps)
}

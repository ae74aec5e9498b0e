//! Checks `[jobs]`.

use std::path::Path;
use std::time::Duration;

use super::model::known_model;
use super::mqtt::prefix;
use super::{SectionScope, jobs_http};
use crate::config::raw::TomlTable;
use crate::config::{FleetConfig, JobsConfig, ModelConfig, Task};

/// The longest time limit: the queue's own.
const DAY_S: u32 = 86_400;
const DAY_MS: u32 = DAY_S * 1_000;

/// The folder of the pictures that come with requests, in the state directory: what lies there is removed after an hour.
const INBOX: &str = "jobs-in";

pub(super) fn jobs(
    table: TomlTable<'_, '_>,
    scope: &SectionScope,
    models: &[ModelConfig],
    state_dir: &Path,
) -> JobsConfig {
    let usual = JobsConfig::default();
    let inbox = state_dir.join(INBOX);
    let folder = |key| {
        let field = table.get(key)?;
        let folder = scope.files.resolve(field.text()?.as_ref());
        if folder.starts_with(&inbox) {
            field.fault("pictures that come with requests are kept and removed there", "name another folder");
        }
        Some(folder)
    };
    let mib = |key, usual: u32, most: u32| u64::from(table.whole(key, usual, 1..=most)) << 20;
    let threads = table.get("threads").and_then(|field| field.whole(1..=64)).map(|threads| threads as usize);
    let backoff = table.millis("backoff_ms", 1_000, 0..=DAY_MS);
    let backoff_max = table.millis("backoff_max_ms", 300_000, 0..=DAY_MS);
    if backoff > backoff_max {
        table.fault("backoff_ms", "more than backoff_max_ms", "lower it, or raise backoff_max_ms");
    }
    let out = folder("out");
    let config = JobsConfig {
        enabled: table.boolean("enabled", usual.enabled),
        workers: table.whole("workers", 2u32, 1..=64) as usize,
        threads,
        max_queue_size: table.whole("max_queue_size", 100u32, 1..=1_000_000) as usize,
        max_attempts: table.whole("max_attempts", 4u32, 1..=100),
        time_limit: Duration::from_secs(table.whole("time_limit_s", 600u32, 1..=DAY_S).into()),
        age: table.millis("age_ms", 10_000, 1..=DAY_MS),
        backoff,
        backoff_max,
        history_count: table.whole("history_count", 1_000u32, 1..=1_000_000) as usize,
        history_days: table.whole("history_days", 30u32, 0..=36_500),
        history_bytes: mib("history_mib", 10_240, 1 << 24),
        remove_files: table.boolean("remove_files", out.is_none()),
        upload_bytes: mib("upload_mib", 64, 256),
        uploads_bytes: mib("uploads_mib", 1_024, 1 << 20),
        fleet: table.table_if("fleet").and_then(fleet),
        pictures: folder("pictures"),
        out,
        upscale_model: model(&table, "upscale_model", (Task::Upscale, "upscale"), models),
        segment_model: model(&table, "segment_model", (Task::Segment, "segment"), models),
        http: jobs_http::http(table.table("http"), scope),
        generate: table.table_if("generate").and_then(|table| jobs_http::generate(table, scope)),
    };
    table.finish();
    config
}

/// The boxes that share jobs over the broker.
fn fleet(table: TomlTable<'_, '_>) -> Option<FleetConfig> {
    let group = table.need("group", "write group = \"NAME\", the same on all boxes that share jobs");
    let group = group.and_then(|field| {
        let group = field.text()?;
        let is_level =
            !group.is_empty() && !group.contains(['/', '+', '#']) && !group.contains(char::is_control);
        if !is_level {
            field.fault("this is no name of a group", "use a word without /, + and #, such as \"shop\"");
        }
        is_level.then(|| group.to_owned())
    });
    let prefix = table.get("prefix").map_or_else(|| Some("fleet".to_owned()), |field| prefix(&field));
    let max_inflight = table.whole("max_inflight", 4u32, 1..=1_000) as u16;
    table.finish();
    Some(FleetConfig { group: group?, prefix: prefix?, max_inflight })
}

/// The model that `key` names; a card of another task is refused here, the file itself by `ocellus check`.
fn model(
    table: &TomlTable<'_, '_>,
    key: &'static str,
    (task, word): (Task, &str),
    models: &[ModelConfig],
) -> Option<ModelConfig> {
    let field = table.get(key)?;
    let model = known_model(&field, models, &format!(" with task = \"{word}\""))?;
    if model.card.task.is_some_and(|of_card| of_card != task) {
        field.fault("this model has another task", format!("name a model of task \"{word}\""));
        return None;
    }
    Some(model.clone())
}

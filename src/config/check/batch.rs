//! Checks `[batch]`.

use super::SectionScope;
use crate::config::BatchConfig;
use crate::config::raw::TomlTable;

/// Most threads of a run that the configuration may name.
const MAX_WORKERS: i64 = 1024;

pub(super) fn batch(table: TomlTable<'_, '_>, scope: &SectionScope) -> BatchConfig {
    // A folder that is not there yet, such as one on another machine's disk, must not keep the service from starting.
    let recipes = table.text("recipes").map(|folder| scope.files.resolve(folder.as_ref()));
    let workers = table.get("workers").and_then(|field| field.whole(1..=MAX_WORKERS));
    table.finish();
    BatchConfig { recipes, workers: workers.map(|workers| workers as usize) }
}

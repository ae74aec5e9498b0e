//! Checks `[evidence]`: which inspections are stored, and how many.

use crate::config::EvidenceConfig;
use crate::config::raw::TomlTable;

pub(super) fn evidence(table: TomlTable<'_, '_>) -> EvidenceConfig {
    let usual = EvidenceConfig::default();
    let max_mib: u32 = table.whole("max_mib", (usual.max_bytes >> 20) as u32, 1..=1 << 24);
    let max_count: u32 = table.whole("max_count", usual.max_count as u32, 1..=1_000_000);
    let evidence = EvidenceConfig {
        enabled: table.boolean("enabled", usual.enabled),
        dir: table.folder("dir"),
        keep_ng: table.boolean("keep_ng", usual.keep_ng),
        keep_error: table.boolean("keep_error", usual.keep_error),
        keep_ok_every: table.whole("keep_ok_every", usual.keep_ok_every, 0..=1_000_000),
        max_days: table.whole("max_days", usual.max_days, 0..=36_500),
        max_count: u64::from(max_count),
        max_bytes: u64::from(max_mib) << 20,
        queue: table.whole("queue", usual.queue as u32, 1..=256u32) as usize,
    };
    table.finish();
    evidence
}

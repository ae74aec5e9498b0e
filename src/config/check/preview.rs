//! Checks `preview = { … }` of a camera, and `[annotate]`.

use crate::config::raw::TomlTable;
use crate::config::{AnnotateConfig, PreviewConfig};

pub(super) fn preview(table: TomlTable<'_, '_>) -> PreviewConfig {
    let usual = PreviewConfig::default();
    let preview = PreviewConfig {
        fps: table.whole("fps", usual.fps, 1..=60),
        width: table.whole("width", usual.width as u32, 64..=8_192) as usize,
        quality: table.whole("quality", usual.quality, 1..=100),
        hold: table.millis("hold_ms", usual.hold.as_millis() as u32, 0..=60_000),
    };
    table.finish();
    preview
}

/// Reads `[annotate]`; `workers` is the number of workers.
pub(super) fn annotate(table: TomlTable<'_, '_>, workers: usize) -> AnnotateConfig {
    let usual = AnnotateConfig::default();
    let most = workers.max(1);
    let min_workers = table.whole("min_workers", usual.min_workers as u32, 0..=4096) as usize;
    let max_workers = table.whole("max_workers", usual.max_workers as u32, 1..=4096) as usize;
    let (min_workers, max_workers) = (min_workers.min(most), max_workers.min(most));
    if min_workers > max_workers {
        table.fault("min_workers", "more than max_workers", "lower it, or raise max_workers");
    }
    table.finish();
    AnnotateConfig { min_workers, max_workers }
}

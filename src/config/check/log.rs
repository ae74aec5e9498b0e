//! Checks `[log]`: the level, and the file of bounded size.

use std::path::PathBuf;

use crate::config::raw::TomlTable;
use crate::config::{LogConfig, check_filter};

pub(super) fn log(table: TomlTable<'_, '_>) -> LogConfig {
    let usual = LogConfig::default();
    let level = table.get("level").and_then(|field| {
        let text = field.text()?;
        match check_filter(text) {
            Ok(()) => return Some(text.to_owned()),
            Err(fault) => field.fault(fault.cause, fault.remedy),
        }
        None
    });
    let file = table.get("file").and_then(|field| {
        let text = field.text()?;
        if !text.is_empty() && !text.ends_with('/') {
            return Some(PathBuf::from(text));
        }
        let remedy = "name a file, e.g. \"ocellus.log\" in the state directory, or leave the key out";
        field.fault(format!("\"{text}\" is not a file's name"), remedy);
        None
    });
    let max_kib: u32 = table.whole("max_kib", (usual.max_bytes >> 10) as u32, 64..=1 << 22);
    let log = LogConfig {
        level: level.unwrap_or(usual.level),
        file,
        max_bytes: u64::from(max_kib) << 10,
        files: table.whole("files", usual.files, 2..=100u32),
    };
    table.finish();
    log
}

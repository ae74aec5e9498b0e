//! Moves what cannot be used out of the way and never deletes it: `NAME` becomes `NAME.corrupt-DATE`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Renames whatever is at `path`, with a number if the name is taken. Returns the new path.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let date: String = crate::types::rfc3339(wall.as_nanos() as u64)
        .chars()
        .take_while(|c| *c != '.')
        .filter(|c| c.is_ascii_alphanumeric())
        .collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = (0..).map(|n| if n == 0 { String::new() } else { format!("-{n}") });
    let aside = free
        .map(|n| path.with_file_name(format!("{name}.corrupt-{date}Z{n}")))
        .find(|aside| fs::symlink_metadata(aside).is_err())
        .unwrap_or_else(|| path.with_extension("corrupt"));
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Moves what is at `path` away unless it is a regular file, so that a file can be written there.
pub(super) fn make_way(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => set_aside(path).map(drop),
        _ => Ok(()),
    }
}

/// A first sequence number above all earlier ones: a thousand numbers for each millisecond since 1970.
/// It stays below 2^53, so that JSON readers keep it exact.
pub(super) fn first_number(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64 * 1_000
}

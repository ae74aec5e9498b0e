//! A file of JSON lines, bounded by rotation.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A larger file becomes the former one; the former one before it is removed.
const MAX_BYTES: u64 = 1 << 20;

/// The file and its predecessor of the last rotation.
pub(super) struct AuditLines {
    path: PathBuf,
    file: Mutex<Option<(File, u64)>>,
}

impl AuditLines {
    pub(super) fn new(path: PathBuf) -> AuditLines {
        AuditLines { path, file: Mutex::new(None) }
    }

    /// Appends `line` as JSON; a full file becomes the former one first.
    pub(super) fn write(&self, line: &impl Serialize) -> std::io::Result<()> {
        let text = serde_json::to_string(line)? + "\n";
        let mut slot = self.file.lock();
        if slot.as_ref().is_some_and(|(_, bytes)| *bytes > MAX_BYTES) {
            *slot = None;
            std::fs::rename(&self.path, self.former())?;
        }
        let (file, bytes) = match slot.take() {
            Some(open) => slot.insert(open),
            None => {
                let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
                let bytes = file.metadata()?.len();
                slot.insert((file, bytes))
            }
        };
        *bytes += text.len() as u64;
        file.write_all(text.as_bytes())
    }

    /// The last lines, newest first. Lines that cannot be read (cut off by a power failure) are skipped.
    pub(super) fn last<T: DeserializeOwned>(&self, limit: usize) -> Vec<T> {
        let mut lines = VecDeque::with_capacity(limit.min(1_024));
        for path in [self.former(), self.path.clone()] {
            let Ok(file) = File::open(path) else { continue };
            for line in BufReader::new(file).lines().map_while(Result::ok) {
                let Ok(line) = serde_json::from_str(&line) else { continue };
                if lines.len() == limit {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
        }
        lines.into_iter().rev().collect()
    }

    fn former(&self) -> PathBuf {
        self.path.with_extension("log.1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_bounded_and_its_last_lines_come_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let lines = AuditLines::new(dir.path().join("audit.log"));
        let line = |n: u32| (n, format!("/{n}/").repeat(40));
        (0..12_000).for_each(|n| lines.write(&line(n)).unwrap());
        let last: Vec<u32> = lines.last(3).into_iter().map(|(n, _): (u32, String)| n).collect();
        assert_eq!(last, [11_999, 11_998, 11_997]);
        let sizes =
            ["audit.log", "audit.log.1"].map(|name| std::fs::metadata(dir.path().join(name)).unwrap().len());
        assert!(sizes.iter().all(|size| *size < MAX_BYTES + 1_000), "{sizes:?}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        // A new log appends to the existing file.
        let again = AuditLines::new(dir.path().join("audit.log"));
        again.write(&line(7)).unwrap();
        assert_eq!(lines.last::<(u32, String)>(1)[0].0, 7);
    }
}

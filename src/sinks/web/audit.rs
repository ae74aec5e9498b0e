//! The audit log: who logged in, who was refused, who changed what. JSON lines, bounded by rotation; people of the
//! gallery appear by their numbers only.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::contract::rest::AuditOut;

/// A file that has grown beyond this becomes the former one; the one before is removed.
const MAX_BYTES: u64 = 1 << 20;
/// Longer words are cut: what a stranger sends must not fill the log.
const MAX_WORD: usize = 200;

/// The log in the state directory.
pub(super) struct Audit {
    path: PathBuf,
    file: Mutex<Option<(File, u64)>>,
}

impl Audit {
    pub(super) fn new(state_dir: &Path) -> Audit {
        Audit { path: state_dir.join("audit.log"), file: Mutex::new(None) }
    }

    /// Adds a line.
    pub(super) fn write(&self, mut line: AuditOut) -> std::io::Result<()> {
        for word in [&mut line.user, &mut line.target, &mut line.outcome] {
            cut(word);
        }
        let text = serde_json::to_string(&line)? + "\n";
        let mut slot = self.file.lock().unwrap_or_else(|e| e.into_inner());
        if slot.as_ref().is_some_and(|(_, bytes)| *bytes > MAX_BYTES) {
            *slot = None;
            std::fs::rename(&self.path, self.former())?;
        }
        let (file, bytes) = match slot.take() {
            Some(open) => slot.insert(open),
            None => {
                use std::os::unix::fs::OpenOptionsExt;
                let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
                let bytes = file.metadata()?.len();
                slot.insert((file, bytes))
            }
        };
        *bytes += text.len() as u64;
        file.write_all(text.as_bytes())
    }

    /// The last lines, newest first. What cannot be read (the end of a line that a power cut took) is passed over.
    pub(super) fn last(&self, limit: usize) -> Vec<AuditOut> {
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

fn cut(word: &mut String) {
    if word.len() > MAX_WORD {
        let end = (0..=MAX_WORD).rev().find(|at| word.is_char_boundary(*at)).unwrap_or(0);
        word.truncate(end);
        word.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: usize) -> AuditOut {
        let target = format!("/{n}/").repeat(40);
        AuditOut {
            time: String::new(),
            user: "ann".into(),
            action: "x".into(),
            target,
            outcome: n.to_string(),
        }
    }

    #[test]
    fn the_log_is_bounded_and_its_last_lines_are_told_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::new(dir.path());
        (0..12_000).for_each(|n| audit.write(line(n)).unwrap());
        let last: Vec<String> = audit.last(3).into_iter().map(|line| line.outcome).collect();
        assert_eq!(last, ["11999", "11998", "11997"]);
        let sizes =
            ["audit.log", "audit.log.1"].map(|name| std::fs::metadata(dir.path().join(name)).unwrap().len());
        assert!(sizes.iter().all(|size| *size < MAX_BYTES + 1_000), "{sizes:?}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        // Goes on in the file that is there.
        Audit::new(dir.path()).write(line(7)).unwrap();
        assert_eq!(audit.last(1)[0].outcome, "7");
    }
}

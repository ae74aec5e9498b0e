//! A round over the folder, spread over as many polls as the folder is large.

use std::fs::ReadDir;
use std::io;
use std::os::unix::fs::DirEntryExt;
use std::sync::Arc;

use super::file::{Stat, refusal};
use super::notice::Refusal;
use super::scanner::{Now, Scanner};
use super::settings::Mode;

/// A round over the folder that is under way.
#[derive(Debug)]
pub(super) struct Round {
    entries: ReadDir,
    /// Files that are new or not as they were at the last reading.
    pub(super) changed: Vec<(Arc<str>, Stat)>,
    /// Entries that the pattern does not match, with their inodes: rotated files may be among them.
    pub(super) others: Vec<(u64, Arc<str>)>,
    /// Entries that were seen.
    pub(super) count: usize,
}

impl Scanner {
    /// Looks at the next entries of the folder. At the end of a round the files are assigned to what is known of them.
    pub(super) fn list(&mut self, now: Now) -> io::Result<()> {
        let mut round = match self.round.take() {
            Some(round) => round,
            None => {
                let entries = std::fs::read_dir(&self.settings.folder)?;
                self.round_number += 1;
                (self.needs_whole, self.index) = (false, None);
                Round { entries, changed: Vec::new(), others: Vec::new(), count: 0 }
            }
        };
        for _ in 0..self.settings.limits.entries_per_poll {
            let Some(entry) = round.entries.next() else {
                self.refused.retain(|_, (_, seen)| *seen + 1 >= self.round_number);
                self.resolve(round, now);
                return Ok(());
            };
            let entry = entry?;
            round.count += 1;
            let name = entry.file_name();
            match name.to_str() {
                Some(name) => self.look(&mut round, name, entry.ino(), now),
                None if self.patterns.matches(&name.to_string_lossy()) => {
                    self.refuse(&name.to_string_lossy(), Refusal::Name);
                }
                None => {}
            }
        }
        self.round = Some(round);
        Ok(())
    }

    fn look(&mut self, round: &mut Round, name: &str, inode: u64, now: Now) {
        if !self.known.contains_key(name) && !self.patterns.matches(name) {
            if self.settings.mode == Mode::Follow && round.others.len() < self.settings.limits.max_files {
                round.others.push((inode, Arc::from(name)));
            }
            return;
        }
        let stat = match std::fs::symlink_metadata(self.settings.folder.join(name)) {
            Ok(metadata) => Stat::of(&metadata),
            // Renamed or removed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => Err(refusal(error)),
        };
        let stat = match stat {
            Ok(stat) => stat,
            Err(refusal) => return self.refuse(name, refusal),
        };
        let Some((name, known)) =
            self.known.get_key_value(name).map(|(name, _)| Arc::clone(name)).and_then(|name| {
                let known = self.known.get_mut(&name)?;
                Some((name, known))
            })
        else {
            round.changed.push((Arc::from(name), stat));
            return;
        };
        known.round = self.round_number;
        if known.seen != stat {
            known.seen = stat;
            known.since = now.monotonic;
        }
        if known.cursor.gone_ns.take().is_some() {
            self.dirty.insert(Arc::clone(&name));
        }
        if known.cursor.stat != stat {
            round.changed.push((name, stat));
        } else {
            self.enqueue(&name);
        }
    }
}

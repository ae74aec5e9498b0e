//! A look at single entries of the folder, of which something else knows that they changed. It decides only what is plain:
//! a file that grew, or a new one that cannot be a known one under another name. Everything else is left to a look at the
//! whole folder, and until then nothing more is decided.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use super::cursor::Cursor;
use super::file::{Stat, refusal};
use super::notice::Refusal;
use super::pattern::originals;
use super::scanner::{Batch, Known, Now, Scanner};
use super::settings::Mode;

/// What the last look at the whole folder says about known files, as far as new ones are compared with it.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The inodes of all known files, also of those that are gone.
    inodes: HashSet<u64>,
    /// Known files that are not in the folder.
    absent: HashSet<Arc<str>>,
    /// Size and time of change of the absent files: a new file with the same may be one that was moved by copying.
    absent_stats: HashSet<(u64, i64)>,
    /// A known file is a copy of another.
    has_copies: bool,
}

impl Index {
    /// A known file is not in the folder.
    fn note_absent(&mut self, name: &Arc<str>, known: &Known) {
        self.absent.insert(Arc::clone(name));
        let stats = [known.seen, known.cursor.stat];
        self.absent_stats.extend(stats.map(|stat| (stat.size, stat.mtime_ns)));
    }
}

/// What a plain entry of the folder is.
enum Plain {
    /// A known file, which is as it was or is to be read on.
    Known(Arc<str>),
    /// A name that is new.
    New(Stat),
    /// Nothing that is read.
    Nothing,
}

impl Scanner {
    /// Looks at these entries of the folder. Each entry that changed since the last look at the whole folder began has to be
    /// named once. Where a look at the whole folder is necessary, [`Scanner::needs_whole`] is true afterwards, and nothing
    /// that is named before it is decided: that look sees every entry, so the names may be forgotten.
    pub fn look_at<'n>(&mut self, now: Now, names: impl IntoIterator<Item = &'n str>) {
        self.needs_whole |= self.round.is_some();
        if !self.needs_whole() {
            let index = self.index.take().unwrap_or_else(|| self.make_index());
            self.index = self.decide(index, names, now);
            self.needs_whole = self.index.is_none();
        }
    }

    /// Reads a part of what waits, without a look at the folder.
    pub fn poll_waiting(&mut self, now: Now) -> Batch {
        self.number += 1;
        self.hand_out(now)
    }

    /// Makes the next look one at the whole folder, because some names of what changed are not known.
    pub fn need_whole(&mut self) {
        self.needs_whole = true;
    }

    /// Whether the next look has to be one at the whole folder.
    pub fn needs_whole(&self) -> bool {
        // What was handed out and not stored has left the queue.
        self.needs_whole || self.is_unconfirmed
    }

    /// Whether a look at the whole folder is under way.
    pub fn is_listing(&self) -> bool {
        self.round.is_some()
    }

    fn make_index(&self) -> Index {
        let mut index = Index::default();
        for (name, known) in &self.known {
            index.inodes.extend([known.seen.ino, known.cursor.stat.ino]);
            if known.round != self.round_number {
                index.note_absent(name, known);
            }
            index.has_copies |= known.cursor.copy_of.is_some();
        }
        index
    }

    /// The index afterwards; `None` where something is not plain.
    fn decide<'n>(
        &mut self,
        mut index: Index,
        names: impl IntoIterator<Item = &'n str>,
        now: Now,
    ) -> Option<Index> {
        let (mut known, mut new) = (Vec::new(), Vec::new());
        for name in names {
            match self.look_at_one(&mut index, name, now).ok()? {
                Plain::Known(name) => known.push(name),
                Plain::New(stat) => new.push((Arc::from(name), stat)),
                Plain::Nothing => {}
            }
        }
        // All files that are gone are known now.
        for (_, stat) in &new {
            if !Scanner::is_plainly_new(&index, stat) || !index.inodes.insert(stat.ino) {
                return None;
            }
        }
        known.iter().for_each(|name| self.enqueue(name));
        for (name, stat) in new {
            self.welcome(&name, Cursor::new(stat), None, now.monotonic);
        }
        Some(index)
    }

    fn look_at_one(&mut self, index: &mut Index, name: &str, now: Now) -> Result<Plain, NotPlain> {
        let is_followed = self.settings.mode == Mode::Follow;
        let is_known = self.known.contains_key(name);
        if is_followed
            && !is_known
            && originals(name).any(|original| self.known.contains_key(original.as_str()))
        {
            // A rotated file, or a copy.
            return Err(NotPlain);
        }
        if !is_known && (!self.patterns.matches(name) || self.is_over_limit(name)) {
            return Ok(Plain::Nothing);
        }
        let stat = match std::fs::symlink_metadata(self.settings.folder.join(name)) {
            Ok(metadata) => Stat::of(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.missed(index, name, is_followed);
            }
            Err(error) => Err(refusal(error)),
        };
        let stat = match stat {
            Ok(stat) => stat,
            Err(refusal) => {
                self.refuse(name, refusal);
                return Ok(Plain::Nothing);
            }
        };
        let Some((name, _)) = self.known.get_key_value(name) else { return Ok(Plain::New(stat)) };
        let name = Arc::clone(name);
        let known = self.known.get(&name).ok_or(NotPlain)?;
        let is_back = known.round != self.round_number || known.cursor.gone_ns.is_some();
        let is_plain = !is_back && !index.absent.contains(&name);
        let is_plain = is_plain && self.is_plainly_same(&name, known, &stat, index.has_copies);
        if !is_plain {
            // What is known of the file stays as it was: otherwise a waiting file would be read on as if it were the same one.
            return Err(NotPlain);
        }
        if let Some(known) = self.known.get_mut(&name)
            && known.seen != stat
        {
            (known.seen, known.since) = (stat, now.monotonic);
        }
        Ok(Plain::Known(name))
    }

    /// Whether the folder is full and this file was refused because of that: nothing is to be decided before there is room.
    fn is_over_limit(&self, name: &str) -> bool {
        let is_refused = || matches!(self.refused.get(name), Some((Refusal::TooMany { .. }, _)));
        self.known.len() >= self.settings.limits.max_files && is_refused()
    }

    /// A file that is gone: a log may be under another name; of a settled one that is found out when that name arrives.
    fn missed(&self, index: &mut Index, name: &str, is_followed: bool) -> Result<Plain, NotPlain> {
        let Some((name, known)) = self.known.get_key_value(name) else { return Ok(Plain::Nothing) };
        if is_followed && known.cursor.gone_ns.is_none() {
            return Err(NotPlain);
        }
        index.note_absent(name, known);
        Ok(Plain::Nothing)
    }

    /// Whether a new name is that of a new file: not a link, and no known file that was renamed or moved by copying.
    fn is_plainly_new(index: &Index, stat: &Stat) -> bool {
        let is_alike = index.absent_stats.contains(&(stat.size, stat.mtime_ns));
        !stat.has_names && !index.inodes.contains(&stat.ino) && !is_alike
    }

    /// Whether a known name still has its file, which at most grew.
    fn is_plainly_same(&self, name: &str, known: &Known, stat: &Stat, has_copies: bool) -> bool {
        let Known { cursor, is_suspect, .. } = known;
        if cursor.copy_of.is_some() || *is_suspect {
            return false;
        }
        if cursor.stat == *stat {
            return true;
        }
        let is_whole = self.settings.mode == Mode::Whole;
        // Of a log of which no values were read, a rotated one may have the same header.
        let is_certain = is_whole || cursor.has_points;
        is_certain
            && !has_copies
            && stat.is_inode_of(&cursor.stat)
            && !self.is_new_measurement(cursor, stat)
            && self.has(name, cursor)
    }
}

/// Only a look at the whole folder can decide.
struct NotPlain;

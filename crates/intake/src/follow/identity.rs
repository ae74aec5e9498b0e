//! Which file is which: names, inodes and contents of a round are held against the cursors.
//!
//! Contents decide. A file goes on where its cursor is if it still begins with what was read of it, whatever its inode:
//! on SMB inodes change, and programs that replace a file by renaming give it another one. Otherwise the cursor's file is
//! looked for under another name (by inode, then by contents under related names), and the name begins anew.

use std::collections::HashSet;
use std::sync::Arc;

use super::cursor::Cursor;
use super::file::{self, Stat};
use super::listing::Round;
use super::moved::{Displaced, Found, News};
use super::notice::NoticeKind;
use super::scanner::{Known, Now, Scanner};
use super::settings::Mode;
use crate::format::TimeFormat;

impl Scanner {
    /// Assigns the files of a whole round.
    pub(super) fn resolve(&mut self, round: Round, now: Now) {
        let mut news = News::new(&round, &self.known, self.has_copies);
        let Round { changed, count, .. } = round;
        let changed_names: HashSet<Arc<str>> = changed.iter().map(|(name, _)| Arc::clone(name)).collect();
        let mut displaced = Vec::new();
        for (name, stat) in changed {
            let Some(known) = self.known.get(&name) else {
                news.arrived.push((name, stat));
                continue;
            };
            if known.cursor.copy_of.is_some() {
                continue;
            }
            if !self.goes_on(&name, &known.cursor, &stat, &mut news) {
                news.free.insert(Arc::clone(&name));
                displaced.push(Displaced { cursor: known.cursor.clone(), name, is_replaced: true });
            } else if let Some(known) = self.known.get_mut(&name) {
                known.is_suspect = false;
                self.enqueue(&name);
            }
        }
        if count > 0 && self.known.values().any(|known| known.round != self.round_number) {
            displaced.extend(self.missing(&mut news));
        }
        self.place(displaced, &mut news, now);
        self.forget(count > 0, now);
        self.review_copies(&changed_names, &news);
        self.welcome_all(news, now);
    }

    /// Whether the file under `name` is the one that the cursor knows, grown or not.
    fn goes_on(&self, name: &str, cursor: &Cursor, stat: &Stat, news: &mut News) -> bool {
        if self.is_new_measurement(cursor, stat) {
            return false;
        }
        if !stat.is_inode_of(&cursor.stat)
            && let Some(moved) = news.inodes.get(&cursor.stat.ino).filter(|moved| moved.as_ref() != name)
            && self.is_moved(name, cursor, moved)
        {
            return false;
        }
        self.has(name, cursor) && !self.is_other_header(name, cursor, news)
    }

    /// Whether a file was written again with values whose time is that of the file: a new measurement, even of the same value.
    pub(super) fn is_new_measurement(&self, cursor: &Cursor, stat: &Stat) -> bool {
        self.settings.mode == Mode::Whole
            && self.settings.format.time == TimeFormat::FileTime
            && cursor.is_complete
            && stat.size == cursor.stat.size
            && stat.mtime_ns != cursor.stat.mtime_ns
    }

    /// Where only a header was read, the same header does not mean the same file: if a rotated file is longer than this one
    /// or differs from it, that is the one.
    fn is_other_header(&self, name: &str, cursor: &Cursor, news: &mut News) -> bool {
        if cursor.has_points || self.settings.mode == Mode::Whole {
            return false;
        }
        let is_other = |known: &Known| !known.seen.is_inode_of(&known.cursor.stat);
        let related = news.related(name).iter().filter(|other| self.known.get(*other).is_none_or(is_other));
        let mut likely = related.filter(|other| self.is_moved(name, cursor, other));
        likely.any(|other| !self.is_copy(other, name))
    }

    /// Moves displaced cursors to the names that have their files now; names that have another file begin anew.
    fn place(&mut self, displaced: Vec<Displaced>, news: &mut News, now: Now) {
        let mut moves = Vec::new();
        let mut taken = HashSet::new();
        for old in displaced {
            if let Some(state) = &old.cursor.state {
                news.states.insert(old.cursor.stat.ino, (Arc::clone(&old.name), state.clone()));
            }
            let found = self.find(&old, news).filter(|found| taken.insert(Arc::clone(found.name())));
            if old.is_replaced {
                self.begin_anew(&old, found.is_some(), news);
                if !self.known.get(&old.name).is_some_and(|known| known.is_suspect) {
                    self.settle_copies(&old, found.as_ref(), news);
                }
            } else if found.is_some() {
                self.known.remove(&old.name);
                self.dirty.remove(&old.name);
                self.removed.insert(Arc::clone(&old.name));
                self.settle_copies(&old, found.as_ref(), news);
            }
            moves.extend(found.map(|found| (old, found)));
        }
        for (old, found) in &moves {
            news.arrived.retain(|(other, _)| other != found.name());
            self.move_to(old, found, news, now);
        }
        for (old, found) in moves {
            if !self.patterns.matches(found.name()) {
                self.take_later_rotations(&old, found.name(), news, now);
            }
        }
    }

    /// Between two looks, a file may have been rotated more than once: rotated files that are younger than the one that
    /// was read last are read as well, though the pattern does not match them.
    fn take_later_rotations(&mut self, old: &Displaced, found: &str, news: &mut News, now: Now) {
        let name = old.cursor.rotated_from.as_deref().unwrap_or(&old.name);
        let Ok((_, last)) = file::open(&self.path(found)) else { return };
        let related = news.related(name).iter().filter(|other| {
            other.as_ref() != found && !self.known.contains_key(*other) && !self.patterns.matches(other)
        });
        let related: Vec<Arc<str>> = related.cloned().collect();
        for other in related {
            let Ok((_, stat)) = file::open(&self.path(&other)) else { continue };
            let is_copy = self.is_copy(&other, found) || self.is_copy(&other, name);
            if stat.mtime_ns >= last.mtime_ns && !is_copy {
                let mut cursor = self.begin(&other, stat, news);
                cursor.rotated_from = Some(name.into());
                self.removed.remove(&other);
                self.known
                    .insert(Arc::clone(&other), Known::new(cursor, stat, now.monotonic, self.round_number));
                self.dirty.insert(Arc::clone(&other));
                self.enqueue(&other);
            }
        }
    }

    /// The name has another file now, or one that was truncated. A listing may miss a file that is renamed meanwhile: if the
    /// old one was not found, the next round has the last word.
    fn begin_anew(&mut self, old: &Displaced, is_found: bool, news: &mut News) {
        let Displaced { name, cursor, .. } = old;
        let Some(known) = self.known.get_mut(name) else { return };
        if !is_found && !known.is_suspect {
            known.is_suspect = true;
            self.needs_whole = true;
            return;
        }
        let is_truncated = known.seen.is_inode_of(&cursor.stat);
        if let Some(state) = cursor.state.as_ref().filter(|_| is_truncated) {
            known.cursor = Cursor::new(known.seen);
            known.cursor.state = Some(Arc::new(state.truncated(&self.settings.format)));
            known.cursor.rotated_from.clone_from(&cursor.rotated_from);
            known.is_suspect = false;
            self.dirty.insert(Arc::clone(name));
            self.enqueue(name);
        } else {
            if self.patterns.matches(name) {
                news.arrived.push((Arc::clone(name), known.seen));
                news.since.insert(Arc::clone(name), known.since);
            }
            self.known.remove(name);
            self.dirty.remove(name);
            self.removed.insert(Arc::clone(name));
        }
        if !is_found {
            let unread = cursor.stat.size.saturating_sub(cursor.offset);
            let is_lost = unread > 0 && self.settings.mode == Mode::Follow;
            self.notice(name, if is_lost { NoticeKind::Unread(unread) } else { NoticeKind::Restarted });
        }
    }

    fn move_to(&mut self, old: &Displaced, found: &Found, news: &News, now: Now) {
        let name = found.name();
        let Ok((file, stat)) = file::open(&self.path(name)) else { return };
        let mut cursor = old.cursor.clone();
        if matches!(found, Found::Truncated(_)) {
            cursor = self.begin(name, stat, news);
        } else if stat.size < cursor.offset {
            // A copy that was made before the last lines: all of it was read under the old name.
            cursor = cursor.read_wholly(&file, stat);
        } else {
            cursor.stat = Stat { ino: stat.ino, dev: stat.dev, ..cursor.stat };
        }
        let original = old.cursor.rotated_from.clone().unwrap_or_else(|| old.name.as_ref().into());
        cursor.rotated_from = Some(original).filter(|_| !self.patterns.matches(name));
        cursor.gone_ns = None;
        let since = self.known.get(name).map_or(now.monotonic, |known| known.since);
        self.removed.remove(name);
        self.known.insert(Arc::clone(name), Known::new(cursor, stat, since, self.round_number));
        self.dirty.insert(Arc::clone(name));
        self.enqueue(name);
        self.notice(&old.name, NoticeKind::Renamed(Arc::clone(name)));
    }
}

//! Where the file of a cursor lies now, when it is no longer under its name.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::cursor::Cursor;
use super::file::{self, Stat};
use super::listing::Round;
use super::pattern::{are_related, originals};
use super::scanner::{Known, Scanner};
use super::settings::Mode;
use crate::format::ParserState;

/// Names that are tried for a file that is no longer under its own.
pub(super) const MOST_CANDIDATES: usize = 16;

/// A cursor whose file is no longer under its name.
pub(super) struct Displaced {
    pub(super) name: Arc<str>,
    pub(super) cursor: Cursor,
    /// The name has another file now; otherwise it has none.
    pub(super) is_replaced: bool,
}

/// Where the file of a displaced cursor is.
pub(super) enum Found {
    /// Under this name, with what was read of it.
    As(Arc<str>),
    /// Under this name, but it was truncated before it was renamed.
    Truncated(Arc<str>),
}

impl Found {
    pub(super) fn name(&self) -> &Arc<str> {
        let (Found::As(name) | Found::Truncated(name)) = self;
        name
    }
}

/// What a round found beside the files that are as they were.
pub(super) struct News {
    /// Names that are new and match the pattern.
    pub(super) arrived: Vec<(Arc<str>, Stat)>,
    /// Names of all new, changed and other entries by inode.
    pub(super) inodes: HashMap<u64, Arc<str>>,
    /// Names that cursors were displaced from: they are free for others.
    pub(super) free: HashSet<Arc<str>>,
    /// What displaced cursors knew, by the inodes of their files: one of them may have been truncated and renamed.
    pub(super) states: HashMap<u64, (Arc<str>, Arc<ParserState>)>,
    /// Since when names that begin anew have stood still.
    pub(super) since: HashMap<Arc<str>, Duration>,
    /// Names of the round that are new, changed, or not matched by the pattern.
    names: Vec<Arc<str>>,
    /// Copies by their originals.
    copies: HashMap<Arc<str>, Vec<Arc<str>>>,
    /// `names` by the names that they may have had before they were rotated; made when it is needed.
    related: Option<HashMap<String, Vec<Arc<str>>>>,
}

impl News {
    pub(super) fn new(round: &Round, known: &HashMap<Arc<str>, Known>, has_copies: bool) -> News {
        let others = round.others.iter().map(|(inode, name)| (*inode, name));
        let changed = round.changed.iter().map(|(name, stat)| (stat.ino, name));
        let inodes = others.clone().chain(changed.clone()).map(|(inode, name)| (inode, Arc::clone(name)));
        let mut copies: HashMap<Arc<str>, Vec<Arc<str>>> = HashMap::new();
        for (name, known) in known.iter().filter(|_| has_copies) {
            if let Some(original) = &known.cursor.copy_of {
                copies.entry(Arc::from(original.as_ref())).or_default().push(Arc::clone(name));
            }
        }
        News {
            arrived: Vec::new(),
            inodes: inodes.collect(),
            free: HashSet::new(),
            states: HashMap::new(),
            since: HashMap::new(),
            names: others.chain(changed).map(|(_, name)| Arc::clone(name)).collect(),
            copies,
            related: None,
        }
    }

    /// Copies of the file `name`.
    pub(super) fn copies(&self, name: &str) -> &[Arc<str>] {
        self.copies.get(name).map_or(&[], Vec::as_slice)
    }

    /// Names that a rotated file `name` may have now.
    pub(super) fn related(&mut self, name: &str) -> &[Arc<str>] {
        let index = self.related.get_or_insert_with(|| {
            let mut index: HashMap<String, Vec<Arc<str>>> = HashMap::new();
            for name in &self.names {
                for original in originals(name) {
                    index.entry(original).or_default().push(Arc::clone(name));
                }
            }
            index
        });
        let related = index.get(name).map_or(&[][..], Vec::as_slice);
        &related[..related.len().min(MOST_CANDIDATES)]
    }
}

impl Scanner {
    /// Files that the round did not see, as far as one of the new names could be theirs.
    pub(super) fn missing(&self, news: &mut News) -> Vec<Displaced> {
        if news.names.is_empty() && news.copies.is_empty() {
            return Vec::new();
        }
        let is_followed = self.settings.mode == Mode::Follow;
        if is_followed {
            news.related("");
        }
        let is_related = |name: &str| news.related.as_ref().is_some_and(|related| related.contains_key(name));
        let mut same: HashSet<(u64, i64)> = HashSet::new();
        if self.settings.mode == Mode::Whole {
            same.extend(news.arrived.iter().map(|(_, stat)| (stat.size, stat.mtime_ns)));
        }
        let missing = self.known.iter().filter(|(name, known)| {
            let stat = &known.cursor.stat;
            known.round != self.round_number
                && (news.inodes.contains_key(&stat.ino)
                    || same.contains(&(stat.size, stat.mtime_ns))
                    || is_followed && is_related(name)
                    || news.copies.contains_key(*name))
        });
        let displaced = |(name, known): (&Arc<str>, &Known)| Displaced {
            name: Arc::clone(name),
            cursor: known.cursor.clone(),
            is_replaced: false,
        };
        missing.map(displaced).collect()
    }

    /// The name under which the file of a displaced cursor lies now.
    pub(super) fn find(&self, old: &Displaced, news: &mut News) -> Option<Found> {
        let Displaced { name, cursor, is_replaced } = old;
        if cursor.copy_of.is_some() {
            return None;
        }
        let moved = news.inodes.get(&cursor.stat.ino).cloned();
        let moved = moved.filter(|moved| self.is_free(moved, name, news));
        if let Some(moved) = moved.as_ref().filter(|moved| self.is_moved(name, cursor, moved)) {
            return Some(Found::As(Arc::clone(moved)));
        }
        if self.settings.mode == Mode::Whole {
            let is_same =
                |stat: &Stat| stat.size == cursor.stat.size && stat.mtime_ns == cursor.stat.mtime_ns;
            let same =
                news.arrived.iter().filter(|(_, stat)| !is_replaced && is_same(stat)).take(MOST_CANDIDATES);
            let mut same = same.map(|(other, _)| other);
            return same.find(|other| self.is_moved(name, cursor, other)).cloned().map(Found::As);
        }
        // Of several copies the one that has everything, else one that was made before the last lines.
        let copies = news.copies(name);
        let whole = copies.iter().find(|copy| self.has(copy, cursor));
        if let Some(copy) = whole.or_else(|| copies.iter().find(|copy| self.is_shorter(copy, cursor))) {
            return Some(Found::As(Arc::clone(copy)));
        }
        let related = news.related(name).to_vec();
        let mut related = related.iter().filter(|other| self.is_free(other, name, news));
        if let Some(copy) = related.find(|other| self.is_moved(name, cursor, other)) {
            return Some(Found::As(Arc::clone(copy)));
        }
        let moved = moved.filter(|moved| are_related(name, moved) && !self.patterns.matches(moved));
        moved.map(Found::Truncated)
    }

    /// The cursor of a file that begins here, with the columns of before where it was truncated and renamed.
    pub(super) fn begin(&self, name: &str, stat: Stat, news: &News) -> Cursor {
        let mut cursor = Cursor::new(stat);
        let before = news.states.get(&stat.ino).filter(|(old, _)| are_related(old, name));
        cursor.state = before.map(|(_, state)| Arc::new(state.truncated(&self.settings.format)));
        cursor
    }

    /// Whether a copy has not changed since it was compared, and has less than was read.
    fn is_shorter(&self, copy: &str, cursor: &Cursor) -> bool {
        let known = self.known.get(copy);
        known.is_some_and(|known| known.seen == known.cursor.stat && known.seen.size < cursor.offset)
    }

    /// What the other copies of a displaced file are now: copies of it under its new name, or, where its cursor went to one
    /// of them, read.
    pub(super) fn settle_copies(&mut self, old: &Displaced, found: Option<&Found>, news: &News) {
        let copies = news.copies(&old.name);
        let renamed = found.map(Found::name).filter(|name| !copies.contains(name));
        for copy in copies.iter().filter(|copy| found.is_none_or(|found| found.name() != *copy)) {
            if renamed.is_none() && !self.is_shorter(copy, &old.cursor) && !self.has(copy, &old.cursor) {
                continue;
            }
            let Ok((file, stat)) = file::open(&self.path(copy)) else { continue };
            let Some(known) = self.known.get_mut(copy) else { continue };
            match renamed {
                Some(name) => known.cursor.copy_of = Some(name.as_ref().into()),
                None => known.cursor = old.cursor.read_wholly(&file, stat),
            }
            self.dirty.insert(Arc::clone(copy));
        }
    }

    /// Whether a displaced cursor may get the name: nothing was read under it, or its own cursor is displaced too.
    fn is_free(&self, other: &Arc<str>, name: &Arc<str>, news: &News) -> bool {
        let is_unread = |known: &Known| known.cursor.offset == 0;
        other != name && (news.free.contains(other) || self.known.get(other).is_none_or(is_unread))
    }

    /// Whether the file of a cursor may now be called `other`. Inodes are used again and headers are alike: where no values
    /// were read, the name and the time decide as well.
    pub(super) fn is_moved(&self, name: &str, cursor: &Cursor, other: &str) -> bool {
        let Ok((file, stat)) = file::open(&self.path(other)) else { return false };
        let is_later = stat.mtime_ns >= cursor.stat.mtime_ns;
        let is_likely = cursor.has_points || is_later && are_related(name, other);
        let is_thorough = self.settings.mode == Mode::Whole;
        is_likely && file::holds(&file, &stat, cursor.offset, &cursor.print, is_thorough).unwrap_or(false)
    }

    /// Whether the file `name` begins with what `cursor` has read.
    pub(super) fn has(&self, name: &str, cursor: &Cursor) -> bool {
        let Ok((file, stat)) = file::open(&self.path(name)) else { return false };
        let is_thorough = self.settings.mode == Mode::Whole;
        file::holds(&file, &stat, cursor.offset, &cursor.print, is_thorough).unwrap_or(false)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.settings.folder.join(name)
    }
}

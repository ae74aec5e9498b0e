//! Files that are new, copies of others, and files that are gone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::cursor::Cursor;
use super::file;
use super::moved::{MOST_CANDIDATES, News};
use super::notice::{NoticeKind, Refusal};
use super::pattern::originals;
use super::scanner::{Known, Now, Scanner};
use super::settings::Mode;

impl Scanner {
    /// New files: each from its beginning, unless it is a copy of one that is known.
    pub(super) fn welcome_all(&mut self, news: News, now: Now) {
        let mut arrived = news.arrived.clone();
        if arrived.is_empty() {
            return;
        }
        // The original of a rotated file has the shorter name.
        arrived.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
        let live = self.known.iter().filter(|(_, known)| known.round == self.round_number);
        let mut inodes: HashMap<(u64, u64), Arc<str>> =
            live.map(|(name, known)| ((known.seen.dev, known.seen.ino), Arc::clone(name))).collect();
        for (name, stat) in arrived {
            let inode = (stat.dev, stat.ino);
            let since = news.since.get(&name).copied().unwrap_or(now.monotonic);
            match inodes.get(&inode) {
                // Renamed while the folder was listed: the next round sees one name only.
                Some(_) if !stat.has_names => self.needs_whole = true,
                Some(linked) => {
                    let linked = Arc::clone(linked);
                    self.welcome(&name, self.begin(&name, stat, &news), Some(linked), since);
                }
                None => {
                    let original = self.original(&name);
                    self.welcome(&name, self.begin(&name, stat, &news), original, since);
                    inodes.insert(inode, name);
                }
            }
        }
    }

    pub(super) fn welcome(
        &mut self,
        name: &Arc<str>,
        cursor: Cursor,
        original: Option<Arc<str>>,
        since: Duration,
    ) {
        let limit = self.settings.limits.max_files;
        if self.known.len() >= limit {
            return self.refuse(name, Refusal::TooMany { limit });
        }
        self.removed.remove(name);
        let stat = cursor.stat;
        let mut known = Known::new(cursor, stat, since, self.round_number);
        if let Some(original) = original {
            known.cursor.copy_of = Some(original.as_ref().into());
            self.has_copies = true;
            self.dirty.insert(Arc::clone(name));
            self.notice(name, NoticeKind::Copy(original));
        }
        self.known.insert(Arc::clone(name), known);
        self.enqueue(name);
    }

    /// The known file of which `name` is a copy by its contents and name.
    fn original(&self, name: &str) -> Option<Arc<str>> {
        if self.settings.mode == Mode::Whole {
            return None;
        }
        let is_live = |other: &Known| other.round == self.round_number && other.cursor.copy_of.is_none();
        let known = originals(name).filter_map(|original| {
            let (original, known) = self.known.get_key_value(original.as_str())?;
            is_live(known).then(|| Arc::clone(original))
        });
        let mut known = known.take(MOST_CANDIDATES);
        known.find(|original| self.is_copy(name, original))
    }

    /// Whether `name` is the beginning of `original`, or all of it. Of an empty file that says nothing, and a copy is never
    /// longer than its original.
    pub(super) fn is_copy(&self, name: &str, original: &str) -> bool {
        let (Ok((copy, stat)), Ok((original, whole))) =
            (file::open(&self.path(name)), file::open(&self.path(original)))
        else {
            return false;
        };
        stat.size > 0
            && stat.size <= whole.size
            && file::is_start(&copy, &original, stat.size).unwrap_or(false)
    }

    /// A copy that is no longer the beginning of its original, because one of them changed, is a separate file.
    pub(super) fn review_copies(&mut self, changed: &HashSet<Arc<str>>, news: &News) {
        if !self.has_copies {
            return;
        }
        let copies =
            self.known.iter().filter_map(|(name, known)| Some((name, known.cursor.copy_of.as_ref()?)));
        let reviewed =
            copies.filter(|(name, original)| changed.contains(*name) || changed.contains(original.as_ref()));
        let reviewed: Vec<(Arc<str>, Arc<str>)> =
            reviewed.map(|(name, original)| (Arc::clone(name), Arc::from(original.as_ref()))).collect();
        for (name, original) in reviewed {
            // Whether the original's cursor belongs to the copy is open until the next round.
            if self.known.get(&original).is_some_and(|known| known.is_suspect) {
                continue;
            }
            let is_copy = self.is_copy(&name, &original);
            let Some(seen) = self.known.get(&name).map(|known| known.seen) else { continue };
            let fresh = self.begin(&name, seen, news);
            let Some(known) = self.known.get_mut(&name) else { continue };
            if is_copy {
                known.cursor.stat = seen;
            } else {
                known.cursor = fresh;
            }
            self.dirty.insert(Arc::clone(&name));
            self.enqueue(&name);
        }
    }

    /// Files that are gone are remembered for a while. An empty folder is rather one that is not mounted.
    pub(super) fn forget(&mut self, has_entries: bool, now: Now) {
        let is_full = self.known.len() >= self.settings.limits.max_files;
        let keep_ns = if is_full { 0 } else { self.settings.keep_gone_ms.saturating_mul(1_000_000) };
        let keep_ns = i64::try_from(keep_ns).unwrap_or(i64::MAX);
        let (round, removed, dirty) = (self.round_number, &mut self.removed, &mut self.dirty);
        self.known.retain(|name, known| {
            if known.round == round || !has_entries {
                return true;
            }
            match known.cursor.gone_ns {
                Some(gone) if now.utc_ns >= gone && now.utc_ns - gone >= keep_ns => {
                    removed.insert(Arc::clone(name));
                    dirty.remove(name);
                    false
                }
                Some(gone) if now.utc_ns >= gone => true,
                // Just gone, or the clock was set back: the time begins now.
                _ => {
                    known.cursor.gone_ns = Some(now.utc_ns);
                    dirty.insert(Arc::clone(name));
                    true
                }
            }
        });
    }
}

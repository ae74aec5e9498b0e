//! The scanner of one folder: what it knows of each file, and the batches that it hands out.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::cursor::Cursor;
use super::file::Stat;
use super::listing::Round;
use super::notice::{Notice, NoticeKind, Refusal};
use super::partial::Index;
use super::pattern::Patterns;
use super::settings::{Mode, ScanSettings, SettingsError};
use crate::format::{Columns, Parsed, ParserState};
use crate::point::{BadLine, Channels, Point};

/// The time of a poll: the caller's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// A clock that never jumps; from any beginning.
    pub monotonic: Duration,
    /// Nanoseconds since 1970-01-01 UTC.
    pub utc_ns: i64,
}

/// What a poll found. Points and cursors belong into one transaction of the caller's store; then
/// [`Scanner::confirm`] is called.
#[derive(Debug)]
pub struct Batch {
    /// Values, in the order of their files.
    pub points: Vec<Point>,
    /// Cursors to store under the file's name (`Some`) and to remove (`None`).
    pub cursors: BTreeMap<Arc<str>, Option<Cursor>>,
    /// The first bad lines and values, with the names of their files.
    pub bad: Vec<(Arc<str>, BadLine)>,
    /// All bad lines and values of this batch.
    pub bad_count: u64,
    /// What happened to files and columns.
    pub notices: Vec<Notice>,
    /// Bytes that were read.
    pub bytes: u64,
    /// Files wait that this poll had no time for: poll again without a pause.
    pub has_more: bool,
    pub(super) read: Vec<Arc<str>>,
    number: u64,
}

impl Batch {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.cursors.is_empty() && self.bad_count == 0
    }
}

/// What a scanner knows of a file.
#[derive(Debug)]
pub(super) struct Known {
    /// How far it was read, as the caller has stored it or is about to.
    pub(super) cursor: Cursor,
    /// The file at the last look, and when it began to be so.
    pub(super) seen: Stat,
    pub(super) since: Duration,
    /// The last round that saw it.
    pub(super) round: u32,
    pub(super) is_queued: bool,
    /// The name seems to have another file, and the next round is to confirm it.
    pub(super) is_suspect: bool,
}

impl Known {
    pub(super) fn new(cursor: Cursor, seen: Stat, since: Duration, round: u32) -> Known {
        Known { cursor, seen, since, round, is_queued: false, is_suspect: false }
    }

    /// Whether something of the file is to be read, now or when it has settled.
    pub(super) fn needs_reading(&self, mode: Mode) -> bool {
        let cursor = &self.cursor;
        if cursor.copy_of.is_some() || cursor.gone_ns.is_some() {
            return false;
        }
        let is_final = mode == Mode::Whole || cursor.rotated_from.is_some();
        cursor.stat != self.seen || !cursor.is_complete || cursor.has_rest && is_final && !cursor.is_closed
    }
}

/// Polls one folder; its caller keeps what it finds.
#[derive(Debug)]
pub struct Scanner {
    pub(super) settings: ScanSettings,
    pub(super) patterns: Patterns,
    pub(super) known: HashMap<Arc<str>, Known>,
    /// Files that are to be read, each at most once.
    pub(super) queue: VecDeque<Arc<str>>,
    pub(super) round: Option<Round>,
    pub(super) round_number: u32,
    pub(super) parsed: Parsed,
    /// What a file is read into.
    pub(super) chunk: Vec<u8>,
    pub(super) last_columns: Option<Arc<Columns>>,
    /// What the reader knew after the last file, which the next one mostly shares.
    pub(super) last_state: Option<Arc<ParserState>>,
    /// Entries that are not read, and the last round that saw each.
    pub(super) refused: HashMap<Arc<str>, (Refusal, u32)>,
    /// Files that no cursor is kept for any longer; confirmed with the next batch.
    pub(super) removed: HashSet<Arc<str>>,
    pub(super) notices: Vec<Notice>,
    /// Files whose cursor changed without reading; confirmed with the next batch.
    pub(super) dirty: HashSet<Arc<str>>,
    /// A known file may be a copy of another.
    pub(super) has_copies: bool,
    /// Something is to be decided that takes a look at the whole folder.
    pub(super) needs_whole: bool,
    /// What looks at single entries compare with; made when it is needed after a look at the whole folder.
    pub(super) index: Option<Index>,
    /// The last batch had something to store, and was not confirmed.
    pub(super) is_unconfirmed: bool,
    /// The number of the last batch.
    pub(super) number: u64,
}

/// The folder cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "the folder {folder} cannot be read: {source}; it is tried again. Is it mounted, and may the service read it?"
)]
pub struct ScanError {
    /// The folder of the settings.
    pub folder: String,
    /// What the system said.
    pub source: std::io::Error,
}

impl Scanner {
    /// A scanner that goes on from stored cursors, by file name.
    pub fn new<N: Into<Arc<str>>>(
        settings: ScanSettings,
        cursors: impl IntoIterator<Item = (N, Cursor)>,
    ) -> Result<Scanner, SettingsError> {
        settings.check()?;
        let patterns = Patterns::new(&settings.pattern)?;
        let parsed =
            Parsed::new(Channels::new(settings.format.max_channels), settings.limits.details_per_poll);
        let mut scanner = Scanner {
            settings,
            patterns,
            known: HashMap::new(),
            queue: VecDeque::new(),
            round: None,
            round_number: 0,
            parsed,
            chunk: Vec::new(),
            last_columns: None,
            last_state: None,
            refused: HashMap::new(),
            removed: HashSet::new(),
            notices: Vec::new(),
            dirty: HashSet::new(),
            has_copies: true,
            needs_whole: true,
            index: None,
            is_unconfirmed: false,
            number: 0,
        };
        for (name, mut cursor) in cursors {
            // Settings that changed since then: columns and lines count from the next file on.
            if cursor.state.as_ref().is_some_and(|state| !state.fits(&scanner.settings.format)) {
                cursor.state = None;
            }
            cursor.share(&mut scanner.last_state);
            let seen = cursor.stat;
            scanner.known.insert(name.into(), Known::new(cursor, seen, Duration::ZERO, 0));
        }
        Ok(scanner)
    }

    /// Looks at a part of the folder and reads a part of what is new. What was not confirmed is handed out again.
    pub fn poll(&mut self, now: Now) -> Result<Batch, ScanError> {
        self.number += 1;
        if let Err(source) = self.list(now) {
            self.round = None;
            return Err(ScanError { folder: self.settings.folder.display().to_string(), source });
        }
        Ok(self.hand_out(now))
    }

    /// Reads a part of what waits, and hands it out with everything else that is to be stored.
    pub(super) fn hand_out(&mut self, now: Now) -> Batch {
        let mut batch = Batch {
            points: Vec::new(),
            cursors: BTreeMap::new(),
            bad: Vec::new(),
            bad_count: 0,
            notices: Vec::new(),
            bytes: 0,
            has_more: false,
            read: Vec::new(),
            number: self.number,
        };
        self.read_queue(now, &mut batch);
        for name in &self.dirty {
            if let Some(known) = self.known.get(name) {
                batch.cursors.entry(Arc::clone(name)).or_insert_with(|| Some(known.cursor.clone()));
            }
        }
        for name in &self.removed {
            batch.cursors.entry(Arc::clone(name)).or_insert(None);
        }
        batch.notices.append(&mut self.notices);
        batch.notices.truncate(self.settings.limits.details_per_poll);
        batch.has_more |= self.round.is_some();
        self.is_unconfirmed = !batch.is_empty();
        batch
    }

    /// The caller has stored `batch`. Of an older batch than the last one nothing is taken over, and the answer is `false`.
    pub fn confirm(&mut self, batch: Batch) -> bool {
        if batch.number != self.number {
            return false;
        }
        self.is_unconfirmed = false;
        let mode = self.settings.mode;
        for (name, cursor) in batch.cursors {
            let Some(cursor) = cursor else {
                self.removed.remove(&name);
                continue;
            };
            self.dirty.remove(&name);
            if let Some(known) = self.known.get_mut(&name) {
                known.cursor = cursor;
            }
        }
        for name in batch.read {
            if self.known.get(&name).is_some_and(|known| known.needs_reading(mode)) {
                self.enqueue(&name);
            }
        }
        true
    }

    /// Files that are known, whether they were read or wait.
    pub fn files(&self) -> usize {
        self.known.len()
    }

    /// Files that wait to be read or to settle.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Entries of the folder that are not read, with the reason.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &Refusal)> {
        self.refused.iter().map(|(name, (refusal, _))| (name.as_ref(), refusal))
    }

    pub(super) fn enqueue(&mut self, name: &Arc<str>) {
        let mode = self.settings.mode;
        if let Some(known) = self.known.get_mut(name)
            && !known.is_queued
            && known.needs_reading(mode)
        {
            known.is_queued = true;
            self.queue.push_back(Arc::clone(name));
        }
    }

    pub(super) fn notice(&mut self, file: &Arc<str>, kind: NoticeKind) {
        if self.notices.len() < self.settings.limits.details_per_poll {
            self.notices.push(Notice { file: Arc::clone(file), kind });
        }
    }

    /// Remembers that an entry is not read, and reports it once.
    pub(super) fn refuse(&mut self, name: &str, refusal: Refusal) {
        let round = self.round_number;
        if let Some((known, seen)) = self.refused.get_mut(name) {
            *seen = round;
            if *known == refusal {
                return;
            }
            *known = refusal.clone();
        } else if self.refused.len() < 10 * self.settings.limits.details_per_poll {
            self.refused.insert(Arc::from(name), (refusal.clone(), round));
        } else {
            return;
        }
        self.notice(&Arc::from(name), NoticeKind::Refused(refusal));
    }
}

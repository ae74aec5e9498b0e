//! All recordings on disk, and the index that knows them. Nothing that is not in the index is ever deleted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};

use super::aside::{self, AsideFile, JOURNAL};
use super::counters::RecorderCounters;
use super::error::RecorderError;
use super::journal::Journal;
use crate::config::RecorderConfig;
use crate::store::{FileRole, Recording, RecordingState, Recordings, StoreError};
use crate::types::{Numbering, RecordingId};

/// Promises that are remembered; the oldest are forgotten first.
const PROMISES: usize = 4_096;
/// Names whose last number is remembered.
const NUMBERED: usize = 256;

/// The recordings of all cameras. Clones share them.
#[derive(Clone)]
pub struct Library(pub(super) Arc<LibraryShared>);

pub(super) struct LibraryShared {
    pub(super) root: PathBuf,
    pub(super) table: Recordings,
    numbers: Numbering,
    pub(super) settings: RwLock<RecorderConfig>,
    pub(super) state: Mutex<LibraryState>,
    pub(super) journal: Mutex<Journal>,
    /// Recordings whose files are there, but which the index could not take yet. The lock is held while they are added,
    /// so that the journal that knows them is not removed meanwhile.
    unindexed: Mutex<Vec<Recording>>,
    pub(super) counters: RecorderCounters,
    /// Whether the files of an earlier process have been put in order; nothing is recorded before that.
    pub(super) ready: AtomicBool,
}

/// What of the index is in memory.
#[derive(Default)]
pub(super) struct LibraryState {
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// No recording has a lower number.
    oldest: RecordingId,
    /// How many were published: a search for the oldest holds only if none was added meanwhile.
    published: u64,
    /// Recordings that were promised to events and do not exist yet, with what became of them.
    promised: BTreeMap<RecordingId, Promise>,
    /// Names that were taken, with the last number that was added to them.
    numbered: BTreeMap<String, u32>,
}

/// A recording that was promised before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It will begin soon.
    Expected,
    /// It was not made, because the recorder could not write.
    Missed,
}

impl Library {
    /// The recordings in `root`, of which `table` is the index and whose numbers are those of `numbers`.
    pub fn new(root: PathBuf, table: Recordings, numbers: Numbering, settings: RecorderConfig) -> Library {
        let journal = Journal::new(root.join(JOURNAL));
        Library(Arc::new(LibraryShared {
            root,
            table,
            numbers,
            settings: RwLock::new(settings),
            state: Mutex::default(),
            journal: Mutex::new(journal),
            unindexed: Mutex::default(),
            counters: RecorderCounters::default(),
            ready: AtomicBool::new(false),
        }))
    }

    /// The folder of all recordings.
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// Counts of all cameras together.
    pub fn counters(&self) -> &RecorderCounters {
        &self.0.counters
    }

    /// The limits in force.
    pub fn settings(&self) -> RecorderConfig {
        self.0.settings.read().clone()
    }

    /// Applies other limits after a reload. The folder stays the one that the process began with.
    pub fn reconfigure(&self, settings: &RecorderConfig) {
        *self.0.settings.write() = settings.clone();
    }

    /// Whether recordings may begin.
    pub(super) fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// A number for a recording that begins now.
    pub(super) fn next_id(&self) -> RecordingId {
        self.0.numbers.next()
    }

    /// A number for a recording that an event asks for, and that will begin soon.
    pub(super) fn promise(&self) -> RecordingId {
        let id = self.next_id();
        let mut state = self.0.state.lock();
        state.promised.insert(id, Promise::Expected);
        if state.promised.len() > PROMISES {
            state.promised.pop_first();
        }
        id
    }

    /// Notes that the promised recording will not come.
    pub(super) fn break_promise(&self, id: RecordingId) {
        if let Some(promise) = self.0.state.lock().promised.get_mut(&id) {
            *promise = Promise::Missed;
        }
    }

    /// Notes that the recording of an event was lost when an earlier process was killed.
    pub(super) fn note_missed(&self, id: RecordingId) {
        self.0.state.lock().promised.insert(id, Promise::Missed);
    }

    /// The state of a promised recording that does not exist yet.
    pub fn promised(&self, id: RecordingId) -> Option<Promise> {
        self.0.state.lock().promised.get(&id).copied()
    }

    /// The recording `id`, if there is one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn get(&self, id: RecordingId) -> Result<Option<Recording>, StoreError> {
        self.0.table.get(id)
    }

    /// Calls `look` with each recording below `before`, the newest first, until it returns false.
    ///
    /// # Errors
    /// Those of the store.
    pub fn each_back(
        &self,
        before: RecordingId,
        look: impl FnMut(Recording) -> bool,
    ) -> Result<(), StoreError> {
        self.0.table.each_back(before, look)
    }

    /// Refuses to write while the index lacks a recording, or the disk has too little space.
    pub(super) fn check(&self, resumes: bool) -> Result<(), RecorderError> {
        self.index_waiting()?;
        self.check_space(resumes)
    }

    /// Adds recordings that the index could not take before.
    pub(super) fn index_waiting(&self) -> Result<(), StoreError> {
        let mut waiting = self.0.unindexed.lock();
        while let Some(recording) = waiting.last() {
            self.0.table.put(recording)?;
            waiting.pop();
        }
        Ok(())
    }

    /// Refuses to write where less space is left than has to stay free; with `resumes`, a little more must be left.
    fn check_space(&self, resumes: bool) -> Result<(), RecorderError> {
        let reserve = self.0.settings.read().reserve_bytes;
        let root = &self.0.root;
        let free = match aside::free_bytes(root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fs::create_dir_all(root).map_err(|source| RecorderError::write(root, source))?;
                aside::free_bytes(root)
            }
            free => free,
        };
        let free_bytes = free.map_err(|source| RecorderError::write(root, source))?;
        // A little more, so that recording does not begin and stop with every frame.
        let needed = reserve + if resumes { (reserve / 4).min(64 << 20) } else { 0 };
        if free_bytes < needed {
            return Err(RecorderError::Reserve { path: root.clone(), free_bytes, reserve_bytes: reserve });
        }
        Ok(())
    }

    /// Notes that a recording has begun, so that its incomplete files are found after a crash.
    pub(super) fn begin(&self, recording: &Recording) -> Result<(), RecorderError> {
        self.note(recording)?;
        self.0.table.put(recording)?;
        // A promise stays until the recording is published, because recording may still fail.
        let mut state = self.0.state.lock();
        (state.count, state.published) = (state.count + 1, state.published + 1);
        state.oldest = state.oldest.min(recording.id);
        Ok(())
    }

    /// Gives the files the name `name`, or the next free one, and adds the recording to the index. `begun` says whether
    /// it is in the index already.
    pub(super) fn publish(
        &self,
        mut recording: Recording,
        mut files: Vec<AsideFile>,
        name: &str,
        begun: bool,
    ) -> Result<Recording, RecorderError> {
        let root = &self.0.root;
        // A pattern without a time gives every recording the same name: the search begins where the last one ended.
        let mut number = self.0.state.lock().numbered.get(name).map_or(1, |last| last + 1);
        let mut moved = vec![false; files.len()];
        recording.files.clear();
        for file in &files {
            recording.files.push(file.facts(target(name, number, file))?);
        }
        while moved.contains(&false) {
            while self.is_taken(&recording, &moved) {
                number += 1;
                for (at, file) in files.iter().enumerate().filter(|(at, _)| !moved[*at]) {
                    recording.files[at].path = target(name, number, file);
                }
            }
            // Noted before it is done, so that after a crash each file is known by one of its two names.
            self.note(&recording)?;
            let left =
                moved.iter_mut().zip(&mut files).zip(&recording.files).filter(|((moved, _), _)| !**moved);
            for ((moved, file), known) in left {
                *moved = file.publish(root, &known.path)?;
            }
        }
        self.add(&recording, begun);
        if number > 1 {
            let mut state = self.0.state.lock();
            state.numbered.insert(name.to_owned(), number);
            if state.numbered.len() > NUMBERED {
                state.numbered.pop_first();
            }
        }
        self.0.counters.written_bytes.add(recording.bytes());
        self.show();
        Ok(recording)
    }

    /// Adds a recording whose files are there to the index; `begun` says whether it is in it already.
    pub(super) fn add(&self, recording: &Recording, begun: bool) {
        let mut waiting = self.0.unindexed.lock();
        if let Err(error) = self.0.table.put(recording) {
            // Its files are there and noted: it is recorded, and added as soon as the index can be written.
            tracing::warn!(recording = recording.id, "it waits for the index of recordings: {error}");
            waiting.push(recording.clone());
        }
        drop(waiting);
        let mut state = self.0.state.lock();
        state.bytes += recording.bytes();
        (state.count, state.published) = (state.count + u64::from(!begun), state.published + 1);
        state.oldest = state.oldest.min(recording.id);
        state.promised.remove(&recording.id);
    }

    /// Forgets a recording that has begun and has no frame.
    pub(super) fn discard(&self, recording: &Recording) {
        for file in &recording.files {
            let ending = ["mp4", "mkv", "json"].into_iter().find(|ending| file.path.ends_with(ending));
            let aside = ending.map(|ending| AsideFile::new(&self.0.root, recording.id, file.role, ending));
            // Dropping them removes the files that exist.
            drop(aside);
        }
        match self.forget(recording.id) {
            Ok(_) => {}
            Err(error) => tracing::warn!(recording = recording.id, "it stays in the index: {error}"),
        }
    }

    /// Takes a recording out of the index that holds no bytes; false where it is not in it.
    pub(super) fn forget(&self, id: RecordingId) -> Result<bool, StoreError> {
        let was_there = self.0.table.remove(id)?;
        let mut state = self.0.state.lock();
        state.count = state.count.saturating_sub(u64::from(was_there));
        Ok(was_there)
    }

    /// Whether a file that is still to be moved would have the name of another.
    fn is_taken(&self, recording: &Recording, moved: &[bool]) -> bool {
        let left = recording.files.iter().zip(moved).filter(|(_, moved)| !**moved);
        left.into_iter().any(|(file, _)| fs::symlink_metadata(self.0.root.join(&file.path)).is_ok())
    }

    fn note(&self, recording: &Recording) -> Result<(), RecorderError> {
        let noted = self.0.journal.lock().note(recording);
        noted.map_err(|source| RecorderError::write(&self.0.root.join(JOURNAL), source))
    }

    /// Deletes the oldest recordings until one more of `bytes` is within the limits.
    pub(super) fn make_way(&self, bytes: u64) -> Result<(), RecorderError> {
        let (max_bytes, max_count) = {
            let settings = self.0.settings.read();
            (settings.max_bytes, settings.max_count)
        };
        if bytes > max_bytes {
            return Err(RecorderError::TooLarge { bytes });
        }
        loop {
            let (count, used, from, published) = {
                let state = self.0.state.lock();
                (state.count, state.bytes, state.oldest, state.published)
            };
            if count < max_count && used + bytes <= max_bytes {
                return Ok(());
            }
            let (mut first, mut oldest) = (None, None);
            self.0.table.each(from, |recording| {
                first.get_or_insert(recording.id);
                oldest = Some(recording).filter(|one| one.state != RecordingState::Writing);
                oldest.is_none()
            })?;
            {
                let mut state = self.0.state.lock();
                if state.published == published {
                    state.oldest = first.unwrap_or(from);
                }
            }
            // Only recordings that are being written are left.
            let Some(oldest) = oldest else { return Ok(()) };
            self.remove(&oldest)?;
        }
    }

    /// Deletes the recording's files, where they are still those that were recorded, and takes it out of the index.
    pub(super) fn remove(&self, recording: &Recording) -> Result<(), StoreError> {
        for file in &recording.files {
            self.remove_file(recording, file);
        }
        // Another thread may have deleted it meanwhile.
        if !self.forget(recording.id)? {
            return Ok(());
        }
        let mut state = self.0.state.lock();
        state.bytes = state.bytes.saturating_sub(recording.bytes());
        drop(state);
        self.0.counters.removed.inc();
        self.show();
        Ok(())
    }

    fn remove_file(&self, recording: &Recording, file: &crate::store::RecordedFile) {
        let path = self.0.root.join(&file.path);
        match aside::is_ours(&self.0.root, file) {
            Ok(true) => {
                if let Err(error) = fs::remove_file(&path) {
                    tracing::warn!(recording = recording.id, "{} cannot be removed: {error}", path.display());
                }
                for parent in Path::new(&file.path).ancestors().skip(1) {
                    // The system refuses to remove a folder that has others in it, as intended.
                    if parent.as_os_str().is_empty() || fs::remove_dir(self.0.root.join(parent)).is_err() {
                        break;
                    }
                }
            }
            Ok(false) => {
                self.0.counters.foreign.inc();
                tracing::warn!(
                    recording = recording.id,
                    "{} is not the file that was recorded: it is left alone",
                    path.display()
                );
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(recording = recording.id, "{} cannot be looked at: {error}", path.display());
            }
        }
    }

    pub(super) fn show(&self) {
        let state = self.0.state.lock();
        self.0.counters.recordings.set(state.count as i64);
        self.0.counters.bytes.set(state.bytes as i64);
    }
}

/// The name of a file below the recorder's folder.
pub(super) fn target(name: &str, number: u32, file: &AsideFile) -> String {
    let again = if number > 1 { format!("-{number}") } else { String::new() };
    let layer = if file.role == FileRole::Annotated { "-annotated" } else { "" };
    format!("{name}{again}{layer}.{}", file.ending)
}

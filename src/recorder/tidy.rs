//! Puts in order what a former process left, and keeps the recordings within their age.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;

use super::aside::{self, JOURNAL, PARTIAL};
use super::journal;
use super::library::Library;
use super::salvage;
use crate::store::{Recording, RecordingState, StoreError};
use crate::supervisor::{Beat, Stop};
use crate::types::{AgeGate, Clock, Doubt, RecordingId};

/// How often the index is written and the age of recordings looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Time between two signs of life.
const BEAT: Duration = Duration::from_millis(200);
/// Journals that are kept besides the one that is written: seconds that a disk may hang between a note and the index.
const KEPT: u64 = 10;
/// Recordings whose files are looked for in one turn.
const LOOKED_FOR: usize = 500;
/// A machine without a clock battery starts in 1970, and what it records before it knows the time is not old:
/// 2020-01-01, nanoseconds since 1970.
const CLOCK_WAS_SET_NS: u64 = 1_577_836_800_000_000_000;
const DAY_NS: u64 = 86_400_000_000_000;

/// The time sources that decide whether a recording is too old.
pub struct Time<'a> {
    /// The clock that gives the present time.
    pub clock: &'a dyn Clock,
    /// Whether a time service has set it.
    pub synchronised: &'a dyn Fn() -> bool,
}

/// Looks after the recordings until `stop`: first what a former process left, then their age and their index.
///
/// # Errors
/// Those of the store, while what was left cannot be put in order.
pub(super) fn run(
    library: &Library,
    time: &Time<'_>,
    doubt: &Mutex<Option<Doubt>>,
    stop: &Stop,
    beat: &Beat,
) -> Result<(), StoreError> {
    if !library.is_ready() {
        reconcile(library, beat)?;
        library.0.ready.store(true, Ordering::Release);
    }
    let mut gate = AgeGate::new(time.clock.now());
    let (mut checked, mut newest_ns) = (0, None);
    loop {
        beat.beat();
        write_index(library);
        checked = forget_missing(library, checked, beat);
        remove_aged(library, time, doubt, (&mut gate, &mut newest_ns), beat);
        // In parts, because the watchdog wants to hear of it more often than there is something to do.
        for _ in 0..LOOK.as_millis() / BEAT.as_millis() {
            beat.beat();
            if stop.wait(BEAT) {
                write_index(library);
                return Ok(());
            }
        }
    }
}

/// Brings index and folder together after a crash: recordings that were published and are not in the index yet are
/// added, incomplete clips are completed as far as they go, and incomplete pictures are removed.
fn reconcile(library: &Library, beat: &Beat) -> Result<(), StoreError> {
    let root = &library.0.root;
    let mut noted: BTreeMap<RecordingId, Recording> = BTreeMap::new();
    for recording in journal::read(&root.join(JOURNAL)) {
        noted.insert(recording.id, recording);
    }
    let (mut count, mut bytes, mut begun) = (0, 0, Vec::new());
    library.0.table.each(0, |recording| {
        beat.beat();
        (count, bytes) = (count + 1, bytes + recording.bytes());
        if recording.state == RecordingState::Writing {
            begun.push(recording);
        }
        true
    })?;
    {
        let mut state = library.0.state.lock();
        (state.count, state.bytes) = (count, bytes);
    }
    for recording in begun {
        noted.entry(recording.id).or_insert(recording);
    }
    let mut settled = true;
    for recording in noted.into_values() {
        beat.beat();
        let known = library.0.table.get(recording.id)?;
        if known.as_ref().is_some_and(|known| known.state != RecordingState::Writing) {
            continue;
        }
        settled &= settle(library, recording, known.is_some())?;
    }
    library.0.table.flush()?;
    let former = library.0.journal.lock().rotate(0);
    if settled {
        former.iter().for_each(|path| drop(fs::remove_file(path)));
        // Whatever is left there was not complete, and nothing names it.
        let _ = fs::remove_dir_all(root.join(PARTIAL));
    }
    library.show();
    Ok(())
}

/// Decides about a recording that was noted and is not complete in the index.
fn settle(library: &Library, recording: Recording, begun: bool) -> Result<bool, StoreError> {
    let root = &library.0.root;
    if recording.state == RecordingState::Writing {
        return salvage::clip(library, recording, begun);
    }
    let mut found = recording.clone();
    found.files.retain(|file| aside::is_ours(root, file).unwrap_or(false));
    let pictures = found.files.iter().any(|file| file.role != crate::store::FileRole::Sidecar);
    match pictures {
        true => {
            tracing::info!(recording = found.id, "found again after an interruption");
            add(library, &found, begun).map(|()| true)
        }
        // A film may have been killed between the note and the renaming: then it is still aside.
        false => salvage::clip(library, recording, begun),
    }
}

/// Adds a recording that a former process has left.
pub(super) fn add(library: &Library, found: &Recording, begun: bool) -> Result<(), StoreError> {
    library.0.table.put(found)?;
    let mut state = library.0.state.lock();
    state.count += u64::from(!begun);
    state.bytes += found.bytes();
    drop(state);
    library.0.counters.found_again.inc();
    Ok(())
}

/// Writes the index to disk, and removes the journal of what is in it.
fn write_index(library: &Library) {
    let former = library.0.journal.lock().rotate(KEPT);
    let waiting = std::mem::take(&mut library.0.state.lock().unindexed);
    let mut failed = Vec::new();
    for recording in waiting {
        if library.0.table.put(&recording).is_err() {
            failed.push(recording);
        }
    }
    let is_whole = failed.is_empty();
    library.0.state.lock().unindexed.extend(failed);
    if former.is_empty() {
        return;
    }
    match library.0.table.flush() {
        Ok(()) if is_whole => former.iter().for_each(|path| drop(fs::remove_file(path))),
        Ok(()) => {}
        Err(error) => tracing::debug!("the index of recordings is not written yet: {error}"),
    }
}

/// Forgets recordings whose files somebody else has removed; looks at a few in each turn. Returns where to go on.
fn forget_missing(library: &Library, from: RecordingId, beat: &Beat) -> RecordingId {
    let (mut seen, mut next, mut gone) = (0, 0, Vec::new());
    let looked = library.0.table.each(from, |recording| {
        next = recording.id + 1;
        seen += 1;
        let is_missing = |file: &crate::store::RecordedFile| {
            fs::symlink_metadata(library.0.root.join(&file.path))
                .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        };
        if recording.state != RecordingState::Writing && recording.files.iter().all(is_missing) {
            gone.push(recording);
        }
        seen < LOOKED_FOR
    });
    // A disk that is not mounted must not empty the index.
    if looked.is_err() || !library.0.root.join(JOURNAL).exists() {
        return from;
    }
    for recording in gone {
        beat.beat();
        tracing::info!(
            recording = recording.id,
            "somebody has removed its files; it is taken out of the index"
        );
        if library.remove(&recording).is_err() {
            return from;
        }
        library.0.counters.missing.inc();
    }
    if seen < LOOKED_FOR { 0 } else { next }
}

/// Deletes recordings that are older than `max_days`, where the clock can be trusted.
fn remove_aged(
    library: &Library,
    time: &Time<'_>,
    doubt: &Mutex<Option<Doubt>>,
    (gate, newest_ns): (&mut AgeGate, &mut Option<u64>),
    beat: &Beat,
) {
    let days = u64::from(library.0.settings.read().max_days);
    let now = time.clock.now();
    let mut newest = None;
    let _ = library.0.table.each_back(RecordingId::MAX, |recording| {
        newest = Some(recording.started_ns);
        false
    });
    if let Some(by_s) = gate.watch(now, newest.or(*newest_ns)) {
        tracing::warn!(by_s, "the clock has jumped; no recording is deleted by its age for an hour");
    }
    *newest_ns = newest;
    if days == 0 {
        *doubt.lock() = None;
        return;
    }
    let oldest_allowed = now.wall_ns.saturating_sub(days * DAY_NS);
    let mut aged = Vec::new();
    let _ = library.0.table.each(0, |recording| {
        let is_old = (CLOCK_WAS_SET_NS..oldest_allowed).contains(&recording.started_ns);
        if is_old && recording.state != RecordingState::Writing {
            aged.push(recording);
            return aged.len() < LOOKED_FOR;
        }
        // Numbers rise with time, but for what was recorded before the clock was set.
        recording.started_ns < CLOCK_WAS_SET_NS
    });
    let judged = gate.judge(Duration::from_nanos(days * DAY_NS), time.synchronised).err();
    let judged = judged.filter(|_| !aged.is_empty());
    let known = std::mem::replace(&mut *doubt.lock(), judged.clone());
    if let Some(found) = judged {
        if known.as_ref() != Some(&found) {
            tracing::warn!("recordings are not deleted by their age: {found}");
        }
        return;
    }
    for recording in aged {
        beat.beat();
        if let Err(error) = library.remove(&recording) {
            tracing::warn!(recording = recording.id, "it cannot be deleted: {error}");
            return;
        }
    }
}

//! Puts in order the files that an earlier process left, and deletes recordings that are too old.

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

/// How often the index is written and the age of recordings is checked.
const LOOK: Duration = Duration::from_secs(1);
/// Time between two beats for the watchdog.
const BEAT: Duration = Duration::from_millis(200);
/// Journals that are kept besides the one that is written: as many seconds as the index may be behind its journal.
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

/// Looks after the recordings until `stop`: first the files of an earlier process, then age and index.
///
/// # Errors
/// Those of the store, while the files of an earlier process are put in order.
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
    let (mut look, mut checked) = (AgeLook::new(time), 0);
    loop {
        beat.beat();
        write_index(library);
        checked = forget_missing(library, checked, beat);
        remove_aged(library, time, doubt, &mut look, beat);
        // In parts, because the watchdog expects beats more often than there is work.
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
    library.index_waiting()?;
    library.0.table.flush()?;
    let former = library.0.journal.lock().rotate(0);
    if settled {
        former.iter().for_each(|path| drop(fs::remove_file(path)));
        // What is left there was not complete, and no journal names it.
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
    salvage::rename_rest(library, &recording);
    let mut found = recording.clone();
    found.files.retain(|file| aside::is_ours(root, file).unwrap_or(false));
    let pictures = found.files.iter().any(|file| file.role != crate::store::FileRole::Sidecar);
    match pictures {
        true => {
            tracing::info!(recording = found.id, "found again after an interruption");
            library.add(&found, begun);
            library.0.counters.found_again.inc();
            Ok(true)
        }
        false => salvage::clip(library, recording, begun),
    }
}

/// Writes the index to disk, and removes the journal of what is in it.
fn write_index(library: &Library) {
    let former = library.0.journal.lock().rotate(KEPT);
    let written = library.index_waiting().and_then(|()| match former.is_empty() {
        true => Ok(()),
        false => library.0.table.flush(),
    });
    match written {
        Ok(()) => former.iter().for_each(|path| drop(fs::remove_file(path))),
        Err(error) => tracing::debug!("the index of recordings is not written yet: {error}"),
    }
}

/// Forgets recordings whose files somebody else has removed; checks a few in each turn. Returns where to continue.
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

/// State that one check of the age of recordings hands to the next.
struct AgeLook {
    gate: AgeGate,
    newest_ns: Option<u64>,
    /// Where the next check continues, because each one covers some recordings only; 0 begins another round.
    next: RecordingId,
    /// Whether this round has found one that is too old.
    found: bool,
}

impl AgeLook {
    fn new(time: &Time<'_>) -> AgeLook {
        AgeLook { gate: AgeGate::new(time.clock.now()), newest_ns: None, next: 0, found: false }
    }
}

/// Deletes recordings that are older than `max_days`, where the clock can be trusted. It checks every recording, some
/// in each turn: one whose date lies in the future must not protect those behind it.
fn remove_aged(
    library: &Library,
    time: &Time<'_>,
    doubt: &Mutex<Option<Doubt>>,
    look: &mut AgeLook,
    beat: &Beat,
) {
    let days = u64::from(library.0.settings.read().max_days);
    let now = time.clock.now();
    let mut newest = None;
    let _ = library.0.table.each_back(RecordingId::MAX, |recording| {
        newest = Some(recording.started_ns);
        false
    });
    if let Some(by_s) = look.gate.watch(now, newest.or(look.newest_ns)) {
        tracing::warn!(by_s, "the clock has jumped; no recording is deleted by its age for an hour");
    }
    look.newest_ns = newest;
    if days == 0 {
        *doubt.lock() = None;
        return;
    }
    let oldest_allowed = now.wall_ns.saturating_sub(days * DAY_NS);
    let (mut seen, mut next, mut aged) = (0, look.next, Vec::new());
    let _ = library.0.table.each(look.next, |recording| {
        (seen, next) = (seen + 1, recording.id + 1);
        let is_old = (CLOCK_WAS_SET_NS..oldest_allowed).contains(&recording.started_ns);
        if is_old && recording.state != RecordingState::Writing {
            aged.push(recording);
        }
        seen < LOOKED_FOR
    });
    look.found |= !aged.is_empty();
    let is_round_over = seen < LOOKED_FOR;
    let judged = look.gate.judge(Duration::from_nanos(days * DAY_NS), time.synchronised).err();
    note_doubt(doubt, judged.clone(), (look.found, is_round_over));
    if is_round_over {
        (look.next, look.found) = (0, false);
    } else {
        look.next = next;
    }
    if judged.is_some() {
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

/// Keeps the reason not to delete for as long as a recording is too old. `found` says whether this round has
/// found such a recording.
fn note_doubt(doubt: &Mutex<Option<Doubt>>, judged: Option<Doubt>, (found, is_round_over): (bool, bool)) {
    let mut known = doubt.lock();
    if judged.is_none() || (is_round_over && !found) {
        *known = None;
    } else if found && *known != judged {
        if let Some(judged) = &judged {
            tracing::warn!("recordings are not deleted by their age: {judged}");
        }
        *known = judged;
    }
}

#[cfg(test)]
#[path = "tidy_tests.rs"]
mod tests;

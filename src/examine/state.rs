//! The state directory: its disk, its store, and who holds it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::machine::{Machine, pressure};
use super::{Note, disk, instances};
use crate::config::Config;
use crate::store::{self, StoreError, StoreFacts};
use crate::types::Explanation;

/// A block that takes longer to reach the disk delays every event; the slower value is a fault.
const SLOW: Duration = Duration::from_millis(60);
const TOO_SLOW: Duration = Duration::from_millis(200);
/// Share of time in percent in which everything waited for disks.
const STALLED_PERCENT: f32 = 25.0;
/// Free space below this part of the disk is named before it is gone.
const LOW_PART: u64 = 20;

/// The disks of the state directory, the evidence and the recordings: room, and whether they can be written.
pub(super) fn disks(config: &Config) -> Vec<Note> {
    let dir = &config.device.state_dir;
    let folders = disk::folders(&existing(dir), &config.evidence.root(dir), &config.recorder.root(dir));
    folders.iter().map(space).collect()
}

fn space(folder: &disk::DiskFolder) -> Note {
    let place = format!("{} ({})", folder.path.display(), folder.key);
    if let Some(what) = folder.fault() {
        return Note::fault(place, what);
    }
    let (free, total) = disk::free_bytes(&folder.path).unwrap_or_default();
    let figures = format!("{} of {} MiB are free", free >> 20, total >> 20);
    match free < total / LOW_PART {
        true => {
            Note::warning(place, Explanation::new(format!("the disk is nearly full: {figures}"), "make room"))
        }
        false => Note::ok(place, figures),
    }
}

/// How fast the disk of the state directory is, and whether the service's user may write there.
pub(super) fn writes(machine: &Machine, dir: &Path) -> Vec<Note> {
    let place = dir.display().to_string();
    let remedy = "look for what else writes there (`iotop`), for errors in `dmesg`, and for a worn card: a new one, or `device.state_dir` \
                  on another disk";
    let slow = |what: String| Explanation::new(format!("the disk is slow: {what}"), remedy);
    let took = match store::measure_writes(&existing(dir)) {
        Ok(took) => took,
        // The check of its room names a full disk.
        Err(StoreError::DiskFull { .. }) => return Vec::new(),
        Err(error) => return vec![Note::fault(place, error.explanation())],
    };
    let stalled = pressure(machine, "io").filter(|share| *share >= STALLED_PERCENT);
    let figure = format!("a write of 4 KiB takes {} ms to reach it (median of 5)", took.as_millis());
    vec![match stalled {
        _ if took >= TOO_SLOW => Note::fault(place, slow(figure)),
        Some(share) => {
            let what =
                slow(format!("everything waited for disks in {share:.0} % of the last 10 s; {figure}"));
            Note::fault(place, what)
        }
        None if took >= SLOW => Note::warning(place, slow(figure)),
        None => Note::ok(place, figure),
    }]
}

/// The store, which no service holds: whole, and readable to the last entry. And stores that were set aside before.
pub(super) fn store(dir: &Path) -> Vec<Note> {
    let path = dir.join("store");
    let place = path.display().to_string();
    let mut notes = vec![match store::examine(dir) {
        Ok(StoreFacts::None) => Note::ok(place, "there is none yet; the first start makes it"),
        Ok(StoreFacts::Sound { entries, bytes }) => {
            Note::ok(place, format!("{entries} entries in {} KiB, all readable", bytes >> 10))
        }
        Ok(StoreFacts::TooLarge { bytes }) => {
            let cause = format!(
                "not read: there is no room for a copy of its {} MiB in the temporary folder",
                bytes >> 20
            );
            Note::warning(place, Explanation::new(cause, "set TMPDIR to a folder with room, and try again"))
        }
        Err(error) => Note::fault(place, held(error, dir)),
    }];
    notes.extend(set_aside(dir));
    notes
}

/// The error with the program that holds the directory.
pub(super) fn held(error: StoreError, dir: &Path) -> Explanation {
    let what = error.explanation();
    match error {
        StoreError::Locked { .. } => {
            let holder = instances::lock_holder(&[dir.to_owned(), dir.join("store.lock")]);
            let holder = holder.map_or(String::new(), |holder| format!(": {holder}"));
            Explanation { cause: format!("{}{holder}", what.cause), ..what }
        }
        _ => what,
    }
}

/// Stores that were damaged before, and were set aside.
pub(super) fn set_aside(dir: &Path) -> Option<Note> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let newest = names.filter(|name| name.starts_with("store.corrupt-")).max()?;
    let place = dir.join(newest).display().to_string();
    let cause = format!("a damaged store was set aside as {place}, and a new one begun");
    let remedy = "restore a backup as a whole (`ocellus restore`), or go on and remove it";
    Some(Note::warning(place, Explanation::new(cause, remedy)))
}

/// `dir`, or the nearest folder above it that exists: the first start makes the rest.
fn existing(dir: &Path) -> PathBuf {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.into());
    absolute.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

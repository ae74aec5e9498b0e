//! The journal of a run: what it computes from what, and what is complete. JSON lines, appended and synced.
//!
//! It decides what a resumed run may skip: only what the journal says is complete, and only for the same input
//! and the same parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RunError;
use super::files::write_whole;
use super::plan::Step;

/// The journal's name in the results folder.
const JOURNAL: &str = "batch.journal";
/// The name of the file that holds the lock and the number of the process.
const LOCK: &str = "batch.lock";

/// The first line: what is computed, from what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The name and version of the layout: `ocellus.batch/1`.
    pub schema: String,
    /// The run's name: when it began, and the process.
    pub id: String,
    /// The version of the program that began it.
    pub version: String,
    /// Where the parameters come from, so that it can be resumed.
    pub origin: RunOrigin,
    /// The share of this run: number from 1, of how many.
    pub shard: Option<[usize; 2]>,
    /// Everything that changes results, by the names of the recipe.
    pub parameters: BTreeMap<String, Value>,
    /// The phase channel and the names of its features.
    pub phase: (usize, Vec<String>),
    /// The fluorescence channels and the names of their features.
    pub fluorescence: Vec<(usize, Vec<String>)>,
    /// The files of the stack.
    pub inputs: Vec<InputFile>,
}

/// Where the parameters of a run come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOrigin {
    /// A recipe, at this path.
    Recipe(PathBuf),
    /// A stack with all defaults.
    Stack(Vec<PathBuf>),
}

/// One file of the stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// The absolute path of the file.
    pub path: PathBuf,
    /// The length of the file, bytes.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A line after the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// All frames of a step are complete, and its files have their names.
    Step {
        /// The field of view.
        fov: usize,
        /// The step that is meant.
        step: Step,
    },
    /// A field of view is complete, with its table.
    Fov {
        /// The field of view.
        fov: usize,
        /// Cells in the table.
        cells: usize,
        /// Cells that are not in the table, and why.
        dropped: Vec<Dropped>,
    },
    /// A field of view failed; a resumed run tries it again.
    Failed {
        /// The field of view.
        fov: usize,
        /// Why it failed, and what to do.
        cause: String,
    },
}

/// Fields of view that are complete, and those that failed and were not completed since.
pub fn fovs_done(records: &[Record]) -> (usize, usize) {
    let complete =
        |fov: usize| records.iter().any(|one| matches!(one, Record::Fov { fov: of, .. } if *of == fov));
    let done = records.iter().filter(|one| matches!(one, Record::Fov { .. })).count();
    let failed = records.iter().filter_map(|one| match one {
        Record::Failed { fov, .. } if !complete(*fov) => Some(*fov),
        _ => None,
    });
    (done, failed.collect::<BTreeSet<_>>().len())
}

/// A cell that is not in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The id of the cell, from 1.
    pub cell: u32,
    /// Why: `too_short` or `border`.
    pub reason: String,
    /// Frames that it has, if it is too short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<usize>,
    /// The first frame in which it came too near to a border.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<usize>,
    /// Its distance from the border in that frame, pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance: Option<usize>,
}

impl Dropped {
    /// The reason for a person, with its figures.
    pub fn in_words(&self) -> String {
        let reason = self.reason.replace('_', " ");
        match (self.frames, self.frame, self.distance) {
            (Some(1), _, _) => format!("{reason}: 1 frame"),
            (Some(frames), _, _) => format!("{reason}: {frames} frames"),
            (None, Some(frame), Some(distance)) => format!("{reason}: {distance} px away in frame {frame}"),
            _ => reason,
        }
    }
}

/// A journal as it was found.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The first line of the journal.
    pub header: Header,
    /// All lines after the first.
    pub records: Vec<Record>,
}

impl Recorded {
    /// Reads the journal of `out`, if there is one. A last line that was not written to its end is left out.
    ///
    /// # Errors
    /// It cannot be read, or is damaged before its last line.
    pub fn read(out: &Path) -> Result<Option<Recorded>, RunError> {
        let path = out.join(JOURNAL);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| RunError::io("read", &path, error))?,
        };
        // What follows the last line feed was not completely written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let damaged = |line: usize| {
            let path = path.clone();
            move |reason| RunError::Journal { path, line: line + 1, reason }
        };
        let mut lines = whole.lines().enumerate();
        let Some((at, first)) = lines.next() else { return Ok(None) };
        let header = serde_json::from_str(first).map_err(damaged(at))?;
        let records = lines.map(|(at, line)| serde_json::from_str(line).map_err(damaged(at)));
        Ok(Some(Recorded { header, records: records.collect::<Result<_, _>>()? }))
    }

    /// Fields of view of the whole experiment.
    pub fn fovs(&self) -> usize {
        let fovs = self.header.parameters.get("experiment.fovs").and_then(Value::as_array);
        fovs.map_or(0, Vec::len)
    }

    /// Whether all frames of `step` are complete.
    pub fn has_step(&self, fov: usize, step: Step) -> bool {
        self.records.contains(&Record::Step { fov, step })
    }

    /// The record of a complete field of view.
    pub fn complete(&self, fov: usize) -> Option<&Record> {
        self.records.iter().find(|record| matches!(record, Record::Fov { fov: of, .. } if *of == fov))
    }
}

/// The results folder is locked for this process as long as this is there.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Makes the folder `out` if needed, and locks it for a run of the service or of this process alone.
    ///
    /// # Errors
    /// Another run uses the folder, or the system refuses to write there.
    pub fn take(out: &Path, in_service: bool) -> Result<Lock, RunError> {
        std::fs::create_dir_all(out).map_err(|error| RunError::io("make the folder", out, error))?;
        let lock = out.join(LOCK);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock);
        let file = open.map_err(|error| RunError::io("write", &lock, error))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(RunError::InUse { out: out.to_owned(), pid: holder(out).map(|holder| holder.pid) });
        }
        let service = if in_service { SERVICE } else { "" };
        let words = format!("{}{service}\n", std::process::id());
        let written = file.set_len(0).and_then(|()| (&file).write_all(words.as_bytes()));
        written.map_err(|error| RunError::io("write", &lock, error))?;
        Ok(Lock { _file: file })
    }
}

/// The journal of a run that goes on.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    _lock: Lock,
}

impl Journal {
    /// Begins a journal with its first line. It gets its name when that line is on disk, so that a journal is never
    /// without it.
    ///
    /// # Errors
    /// The system refuses to write.
    pub fn begin(lock: Lock, out: &Path, header: &Header) -> Result<Journal, RunError> {
        write_whole(&out.join(JOURNAL), |file| {
            serde_json::to_writer(&mut *file, header)?;
            file.write_all(b"\n")
        })?;
        Journal::resume(lock, out)
    }

    /// Goes on with a journal: a last line that was not written to its end is cut off.
    ///
    /// # Errors
    /// The system refuses to read or write.
    pub fn resume(lock: Lock, out: &Path) -> Result<Journal, RunError> {
        let path = out.join(JOURNAL);
        let fault = |error| RunError::io("go on with", &path, error);
        let bytes = std::fs::read(&path).map_err(fault)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let file = OpenOptions::new().append(true).open(&path).map_err(fault)?;
        file.set_len(whole as u64).map_err(fault)?;
        Ok(Journal { file, path, _lock: lock })
    }

    /// Appends a line and writes it to disk.
    ///
    /// # Errors
    /// The system refuses to write.
    pub fn add(&mut self, record: &Record) -> Result<(), RunError> {
        self.line(record)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), RunError> {
        let mut text =
            serde_json::to_vec(line).map_err(|error| RunError::io("write", &self.path, error.into()))?;
        text.push(b'\n');
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        written.map_err(|error| RunError::io("write", &self.path, error))
    }
}

/// The process that works in `out` now, if there is one.
pub fn running(out: &Path) -> Option<u32> {
    let file = File::open(out.join(LOCK)).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => None,
        Err(_) => holder(out).map(|holder| holder.pid),
    }
}

/// What follows the process in the lock's file, if a service carries out the run.
const SERVICE: &str = " service";

/// The process that holds a folder of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The number of the process.
    pub pid: u32,
    /// Whether it is the service, which does other work too.
    pub is_service: bool,
}

/// The process that works, or worked last, in `out`.
pub fn holder(out: &Path) -> Option<Holder> {
    let words = std::fs::read_to_string(out.join(LOCK)).ok()?;
    let words = words.trim_end();
    let is_service = words.ends_with(SERVICE);
    Some(Holder { pid: words.trim_end_matches(SERVICE).parse().ok()?, is_service })
}

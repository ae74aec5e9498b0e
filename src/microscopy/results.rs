//! The results of a run as they are on disk: what became of each field of view, its traces and pictures, what a
//! person has judged, and the tables of samples and fits.
//!
//! A run that still goes on, or was cancelled, shows what is complete so far; results that PyAMA wrote are read too.

mod fits;
mod pictures;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use super::RunError;
use super::before::share;
use super::files::{FovPaths, RESULTS, SUMMARY, write_whole};
use super::journal::{Header, InputFile, Recorded};
use super::npy::NpyFile;
use super::shard::has_shards;
use super::summary::{FovSummary, Summary};
use crate::timelapse::tables::{
    FovFiles, ResultsFile, TableError, TraceTable, inspected_or_original, inspected_path, marked,
};
pub use fits::{FittedFile, MergedTable};
use pictures::Judged;

/// The results in one folder, as they were when it was opened.
#[derive(Debug)]
pub struct Results {
    folder: PathBuf,
    id: Option<String>,
    version: Option<String>,
    parameters: BTreeMap<String, Value>,
    inputs: Vec<InputFile>,
    time_units: String,
    features: usize,
    fovs: Vec<FovSummary>,
    files: BTreeMap<usize, FovFiles>,
    /// The judgements of the field of view whose picture was drawn last.
    judged: Mutex<Option<Judged>>,
}

impl Results {
    /// Reads what a run left in `folder`. Tables and pictures are read when they are asked for.
    ///
    /// # Errors
    /// There is no run in the folder, its shares are not joined, or its journal, summary or table of results is damaged.
    pub fn open(folder: &Path) -> Result<Results, RunError> {
        let recorded = Recorded::read(folder)?;
        let summary = folder.join(SUMMARY).exists().then(|| Summary::read(folder)).transpose()?;
        let known = folder.join(RESULTS);
        let known = known.exists().then(|| ResultsFile::read(&known)).transpose()?;
        if recorded.is_none() && summary.is_none() && known.is_none() {
            if folder.is_dir() && has_shards(folder)? {
                let reason = "its shares are not joined; join them by `ocellus batch merge`".into();
                return Err(RunError::Shard { path: folder.to_owned(), reason });
            }
            return Err(RunError::NoRun { out: folder.to_owned() });
        }
        let time_units = known.as_ref().map_or("min".into(), |known| known.time_units.clone());
        let mut features = known.as_ref().map_or(0, |known| {
            let others = known.fluorescence.iter().map(|(_, features)| features.len()).sum::<usize>();
            known.phase.1.len() + others
        });
        let mut files = known.map(|known| known.fovs).unwrap_or_default();
        let (mut id, mut version, mut parameters, mut inputs) = Default::default();
        let fovs = match (recorded, summary) {
            (Some(Recorded { header, records }), summary) => {
                let numbers = numbers(&header, summary.as_ref());
                for fov in &numbers {
                    if !files.contains_key(fov)
                        && let Some(found) = find(folder, *fov, &header)
                    {
                        files.insert(*fov, found);
                    }
                }
                let frames = numbers.iter().map(|fov| (*fov, frames(folder, files.get(fov))));
                let mut fovs = Summary::new(&header, frames, &records).fovs;
                if let Some(summary) = summary {
                    complete(&mut fovs, summary);
                }
                let channels = std::iter::once(&header.phase).chain(&header.fluorescence);
                features = channels.map(|(_, features)| features.len()).sum();
                (id, version) = (Some(header.id), Some(header.version));
                (parameters, inputs) = (header.parameters, header.inputs);
                fovs
            }
            (None, Some(summary)) => {
                version = Some(summary.version);
                (parameters, inputs) = (summary.parameters, summary.inputs);
                summary.fovs
            }
            (None, None) => files.iter().map(|(fov, files)| foreign(folder, *fov, files)).collect(),
        };
        let (folder, judged) = (folder.to_owned(), Mutex::new(None));
        Ok(Results { folder, id, version, parameters, inputs, time_units, features, fovs, files, judged })
    }

    /// The folder of the results.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The run's name; none where several shares were joined, and in results of PyAMA.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The version of the program that computed them; none in results of PyAMA.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Everything that changes results, by the names of the recipe; empty in results of PyAMA.
    pub fn parameters(&self) -> &BTreeMap<String, Value> {
        &self.parameters
    }

    /// The files of the stack with their sums; empty in results of PyAMA.
    pub fn inputs(&self) -> &[InputFile] {
        &self.inputs
    }

    /// The unit of times in the tables, for instance `min`.
    pub fn time_units(&self) -> &str {
        &self.time_units
    }

    /// The number of columns with features that its tables have.
    pub fn features(&self) -> usize {
        self.features
    }

    /// A path in the folder of the results, as it is called from there.
    pub fn name_of(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    /// What became of each field of view, by number.
    pub fn fovs(&self) -> &[FovSummary] {
        &self.fovs
    }

    /// What became of one field of view.
    ///
    /// # Errors
    /// The run has no such field of view.
    pub fn fov(&self, fov: usize) -> Result<&FovSummary, RunError> {
        self.fovs
            .iter()
            .find(|one| one.fov == fov)
            .ok_or_else(|| RunError::NotOfRun { fov, known: self.fovs.iter().map(|one| one.fov).collect() })
    }

    /// The traces of a field of view; where a person has judged them, those of the inspected table.
    ///
    /// # Errors
    /// The run has no such field of view, it has no table yet, or the table makes no sense.
    pub fn traces(&self, fov: usize) -> Result<TraceTable, RunError> {
        Ok(TraceTable::read(&inspected_or_original(&self.table(fov)?))?)
    }

    /// Whether a person has judged traces of this field of view.
    pub fn is_inspected(&self, fov: usize) -> bool {
        self.table(fov).is_ok_and(|traces| inspected_path(&traces).is_file())
    }

    /// Marks the trace of a cell as good or bad, in the inspected table, which is made if needed. Everything that reads
    /// traces, such as a merge, takes it from then on. Marks that are made at the same time come one after the other.
    ///
    /// # Errors
    /// The field of view has no table, the cell has no trace, or the system refuses to write.
    pub fn mark(&self, fov: usize, cell: u32, good: bool) -> Result<(), RunError> {
        let traces = self.table(fov)?;
        let original = File::open(&traces).map_err(|error| RunError::io("read", &traces, error))?;
        flock(&original, FlockOperation::LockExclusive)
            .map_err(|error| RunError::io("lock", &traces, error.into()))?;
        let text = marked(&inspected_or_original(&traces), cell, good)?;
        write_whole(&inspected_path(&traces), |out| out.write_all(&text))
    }

    /// The table of traces that the run wrote.
    fn table(&self, fov: usize) -> Result<PathBuf, RunError> {
        let summary = self.fov(fov)?;
        let traces = self.files.get(&fov).map(|files| self.folder.join(&files.traces));
        traces.filter(|traces| traces.is_file()).ok_or_else(|| {
            let state = match &summary.cause {
                Some(cause) => format!("{}: {cause}", summary.state),
                None => summary.state.replace('_', " "),
            };
            RunError::NoTable { fov, state }
        })
    }
}

/// The fields of view of a run: those of its summary, or those of the experiment, or of the run's share of it.
fn numbers(header: &Header, summary: Option<&Summary>) -> Vec<usize> {
    if let Some(summary) = summary {
        return summary.fovs.iter().map(|fov| fov.fov).collect();
    }
    let all = header.parameters.get("experiment.fovs").and_then(|fovs| fovs.as_array());
    let all: Vec<usize> =
        all.into_iter().flatten().filter_map(|fov| usize::try_from(fov.as_u64()?).ok()).collect();
    match header.shard {
        Some([number, of]) => share(&all, number, of),
        None => all,
    }
}

/// The files of a field of view that stands in no table of results yet: what its folder holds is called after its stack.
fn find(folder: &Path, fov: usize, header: &Header) -> Option<FovFiles> {
    let middle = format!("_fov_{fov:03}_");
    let entries = fs::read_dir(FovPaths::new(folder, "", fov).folder()).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let stem = names.filter_map(|name| Some(name.rsplit_once(&middle)?.0.to_owned())).next()?;
    let channels: Vec<usize> = header.fluorescence.iter().map(|(channel, _)| *channel).collect();
    Some(FovPaths::new(folder, &stem, fov).of_results(header.phase.0, &channels))
}

/// The number of frames, by the first stack that is there; 0 where none is.
fn frames(folder: &Path, files: Option<&FovFiles>) -> usize {
    let stacks = files.into_iter().flat_map(|files| [&files.pc.1, &files.seg_labeled.1]);
    let mut stacks = stacks.filter_map(|stack| NpyFile::open_any(&folder.join(stack)).ok());
    stacks.next().map_or(0, |stack| stack.shape().frames)
}

/// Takes from the summary what the journal has not: frames where no stacks were kept, and causes that a full disk kept
/// out of it.
fn complete(fovs: &mut [FovSummary], summary: Summary) {
    for (fov, was) in fovs.iter_mut().zip(summary.fovs) {
        if fov.frames == 0 {
            fov.frames = was.frames;
        }
        if fov.state == "not_done" && was.state == "failed" {
            *fov = was;
        }
    }
}

/// A field of view of PyAMA's: its table says everything that there is.
fn foreign(folder: &Path, fov: usize, files: &FovFiles) -> FovSummary {
    let table = TraceTable::read(&inspected_or_original(&folder.join(&files.traces)));
    let frames = frames(folder, Some(files));
    let (state, cause, cells, frames) = match table {
        Ok(table) => {
            let cells = table.rows.chunk_by(|row, next| row.cell == next.cell).count();
            let last = table.rows.iter().map(|row| row.frame + 1).max().unwrap_or(0);
            ("complete", None, cells, frames.max(last))
        }
        Err(TableError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            ("not_done", None, 0, frames)
        }
        Err(error) => ("failed", Some(error.to_string()), 0, frames),
    };
    FovSummary { fov, state: state.into(), cause, frames, cells, dropped: Vec::new() }
}

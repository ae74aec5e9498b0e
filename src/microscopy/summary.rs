//! What a run has done: `summary.json`, and the table of results that PyAMA's viewer opens.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::timelapse::tables::{ResultsFile, TableError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RunError;
use super::files::{FovPaths, RESULTS, SUMMARY, write_whole};
use super::journal::{Dropped, Header, InputFile, Record};

/// What a run has done. It holds neither times nor the name of the machine: the same run writes the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The name and version of the layout: `ocellus.batch-summary/1`.
    pub schema: String,
    /// The version of the program.
    pub version: String,
    /// Everything that changes results, by the names of the recipe.
    pub parameters: BTreeMap<String, Value>,
    /// The files of the stack with their sums.
    pub inputs: Vec<InputFile>,
    /// Every field of view.
    pub fovs: Vec<FovSummary>,
}

/// What became of a field of view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FovSummary {
    /// The number of the field of view.
    pub fov: usize,
    /// `complete`, `failed` or `not_done`.
    pub state: String,
    /// Why it failed; none where it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Number of frames in time.
    pub frames: usize,
    /// Cells in its table.
    pub cells: usize,
    /// Cells that are not in its table, and why.
    pub dropped: Vec<Dropped>,
}

impl FovSummary {
    /// Reasons of dropped cells and how many have each, by reason.
    pub fn reasons(&self) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        for cell in &self.dropped {
            *reasons.entry(&*cell.reason).or_default() += 1;
        }
        reasons
    }

    /// The same for a person, for instance `18 too short, 2 border`.
    pub fn reasons_in_words(&self) -> String {
        let reasons = self.reasons().into_iter();
        let words = reasons.map(|(reason, cells)| format!("{cells} {}", reason.replace('_', " ")));
        words.collect::<Vec<_>>().join(", ")
    }
}

impl Summary {
    /// Of the fields of view `fovs` (number, frames) and what was recorded of them.
    pub fn new(header: &Header, fovs: impl Iterator<Item = (usize, usize)>, records: &[Record]) -> Summary {
        Summary {
            schema: "ocellus.batch-summary/1".into(),
            version: header.version.clone(),
            parameters: header.parameters.clone(),
            inputs: header.inputs.clone(),
            fovs: fovs.map(|(fov, frames)| of_fov(fov, frames, records)).collect(),
        }
    }

    /// Reads the summary of the results in `out`.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn read(out: &Path) -> Result<Summary, RunError> {
        let path = out.join(SUMMARY);
        let bytes = std::fs::read(&path).map_err(|error| RunError::io("read", &path, error))?;
        serde_json::from_slice(&bytes).map_err(|error| RunError::io("read", &path, error.into()))
    }

    /// Writes `summary.json`.
    ///
    /// # Errors
    /// The system refuses to write.
    pub fn write(&self, out: &Path) -> Result<(), RunError> {
        write_whole(&out.join(SUMMARY), |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            io::Write::write_all(file, b"\n")
        })
    }

    /// Whether a field of view has its table.
    pub fn is_complete(&self, fov: usize) -> bool {
        self.fovs.iter().any(|one| one.fov == fov && one.state == "complete")
    }

    /// Fields of view that are complete, that failed, and that were not done.
    pub fn counts(&self) -> [usize; 3] {
        let count = |state: &str| self.fovs.iter().filter(|fov| fov.state == state).count();
        [count("complete"), count("failed"), count("not_done")]
    }
}

fn of_fov(fov: usize, frames: usize, records: &[Record]) -> FovSummary {
    let mut summary =
        FovSummary { fov, state: "not_done".into(), cause: None, frames, cells: 0, dropped: Vec::new() };
    for record in records {
        match record {
            Record::Fov { fov: of, cells, dropped } if *of == fov => {
                summary.state = "complete".into();
                summary.cause = None;
                summary.cells = *cells;
                summary.dropped.clone_from(dropped);
            }
            Record::Failed { fov: of, cause } if *of == fov => {
                summary.state = "failed".into();
                summary.cause = Some(cause.clone());
            }
            _ => {}
        }
    }
    summary
}

/// Adds the complete fields of view to `processing_results.yaml`.
///
/// # Errors
/// The file cannot be read or written.
pub fn write_results(out: &Path, header: &Header, fovs: Vec<(usize, FovPaths)>) -> Result<(), RunError> {
    let Header { phase, fluorescence, .. } = header;
    let channels: Vec<usize> = fluorescence.iter().map(|(channel, _)| *channel).collect();
    let each = fovs.into_iter().map(|(fov, paths)| (fov, paths.of_results(phase.0, &channels)));
    let newer = ResultsFile {
        phase: phase.clone(),
        fovs: each.collect(),
        fluorescence: fluorescence.clone(),
        time_units: "min".into(),
    };
    let path = out.join(RESULTS);
    let results = match ResultsFile::read(&path) {
        Ok(mut known) => {
            known.merge(newer);
            known
        }
        Err(_) if !path.exists() => newer,
        Err(error) => return Err(TableError::into(error)),
    };
    write_whole(&path, |file| results.write(file))
}

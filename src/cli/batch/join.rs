//! `ocellus batch merge`: the shares of several machines become one folder, the traces of samples one table each.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{BatchFault, CliOutput, output};
use crate::microscopy::{has_shards, join};
use crate::timelapse::tables::{self, MergedFile, Sample, TableError};

/// Shares are joined first, if there are any; inspected traces win over the original ones.
#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// Folder of the results.
    #[arg(value_name = "RESULTS")]
    results: PathBuf,
    /// The samples and their fields of view.
    #[arg(long, value_name = "samples.yaml")]
    samples: Option<PathBuf>,
    /// Folder of the merged tables; the folder of the results by default.
    #[arg(long, value_name = "DIR", requires = "samples")]
    out: Option<PathBuf>,
    /// Replace merged tables that are there already.
    #[arg(long, requires = "samples")]
    force: bool,
}

pub(super) fn merge(arguments: &MergeArgs) -> anyhow::Result<CliOutput> {
    let results = &arguments.results;
    let samples = arguments.samples.as_deref().map(tables::read_samples).transpose()?;
    let mut words = Vec::new();
    let mut joined = None;
    if has_shards(results).map_err(BatchFault::Run)? {
        let summary = join(results).map_err(BatchFault::Run)?;
        words.push(format!("joined: {}", output::count(summary.fovs.len(), "field of view")));
        joined = Some(summary.fovs.len());
    } else if samples.is_none() {
        return Err(BatchFault::NothingToMerge { out: results.clone() }.into());
    }
    let out = arguments.out.as_ref().unwrap_or(results);
    let files = match &samples {
        Some(samples) => merged(results, samples, out, arguments.force)?,
        None => Vec::new(),
    };
    words.extend(files.iter().map(|file| format!("written: {} ({} rows)", file.path.display(), file.rows)));
    let files: Vec<_> = files
        .iter()
        .map(|file| json!({ "sample": file.name, "file": file.path, "rows": file.rows }))
        .collect();
    Ok(CliOutput::new(words.join("\n"), json!({ "ok": true, "joined": joined, "files": files })))
}

/// Merges the traces of each sample. A table that is there is refused in the words of all commands.
fn merged(results: &Path, samples: &[Sample], out: &Path, replaces: bool) -> anyhow::Result<Vec<MergedFile>> {
    tables::merge(results, samples, out, replaces).map_err(|error| match error {
        TableError::Exists { path } => BatchFault::Exists { path }.into(),
        other => other.into(),
    })
}

//! `ocellus batch show`: what a run has made, as a table on the terminal or as a report that opens offline.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::whole_file::WholeFile;
use super::{BatchFault, CliOutput, output};
use crate::microscopy::{Dropped, FovSummary, Results, write_report};

/// Shows what is complete, also of a run that still goes on or was cancelled. The report is one HTML file with pictures,
/// traces, fits, and a reason for each dropped trace; it opens without a network and without scripts.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Folder of the results.
    #[arg(value_name = "RESULTS")]
    results: PathBuf,
    /// Show one field of view only, with each cell that was dropped.
    #[arg(long, value_name = "N")]
    fov: Option<usize>,
    /// Write a report into this file.
    #[arg(long, value_name = "REPORT.html")]
    html: Option<PathBuf>,
    /// Replace a report that is there already.
    #[arg(long, requires = "html")]
    force: bool,
}

/// What is shown, as an object.
#[derive(Debug, Serialize)]
struct Shown {
    id: Option<String>,
    version: Option<String>,
    fovs: Vec<ShownFov>,
    merged: Vec<ShownMerged>,
    fits: Vec<ShownFits>,
    /// The report that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<ShownReport>,
}

/// One field of view.
#[derive(Debug, Serialize)]
struct ShownFov {
    fov: usize,
    state: String,
    cause: Option<String>,
    frames: usize,
    kept: usize,
    /// Traces that are kept and that a person has marked as bad.
    marked_bad: usize,
    dropped: usize,
    /// How many cells were dropped for which reason.
    reasons: BTreeMap<String, usize>,
    /// Cause or reasons for a person.
    #[serde(skip)]
    why: String,
    /// Each dropped cell, where one field of view is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_cells: Option<Vec<Dropped>>,
}

/// The merged traces of a sample and feature.
#[derive(Debug, Serialize)]
struct ShownMerged {
    file: PathBuf,
    rows: usize,
}

/// A table of fits.
#[derive(Debug, Serialize)]
struct ShownFits {
    file: PathBuf,
    model: String,
    cells: usize,
    good: usize,
    fair: usize,
    poor: usize,
    failed: usize,
}

/// The file of the report.
#[derive(Debug, Serialize)]
struct ShownReport {
    file: PathBuf,
    bytes: u64,
    fovs: usize,
    pictures: usize,
    lines: usize,
}

pub(super) fn show(arguments: &ShowArgs) -> anyhow::Result<CliOutput> {
    if let Some(html) = arguments.html.as_deref().filter(|_| !arguments.force)
        && html.symlink_metadata().is_ok()
    {
        return Err(BatchFault::Exists { path: html.to_owned() }.into());
    }
    let results = Results::open(&arguments.results).map_err(BatchFault::Run)?;
    let fovs = match arguments.fov {
        Some(fov) => vec![results.fov(fov).map_err(BatchFault::Run)?],
        None => results.fovs().iter().collect(),
    };
    let fovs = fovs.into_iter().map(|fov| shown_fov(&results, fov, arguments.fov.is_some()));
    let fovs = fovs.collect::<Result<_, BatchFault>>()?;
    let merged = results.merged().map_err(BatchFault::Run)?.into_iter();
    let fits = results.fits().map_err(BatchFault::Run)?.into_iter();
    let mut shown = Shown {
        id: results.id().map(str::to_owned),
        version: results.version().map(str::to_owned),
        fovs,
        merged: merged.map(|table| ShownMerged { file: table.path, rows: table.rows }).collect(),
        fits: fits
            .map(|file| {
                let table = file.of(arguments.fov);
                let [good, fair, poor] = table.classes();
                let (cells, failed) = (table.cells.len(), table.failed());
                ShownFits { file: file.path, model: table.model, cells, good, fair, poor, failed }
            })
            .collect(),
        report: None,
    };
    if let Some(html) = &arguments.html {
        shown.report = Some(report(&results, arguments, html)?);
    }
    Ok(CliOutput::new(shown.words(), output::ok(&shown)?))
}

fn shown_fov(results: &Results, fov: &FovSummary, alone: bool) -> Result<ShownFov, BatchFault> {
    // The table is read only where a person has judged traces.
    let marked_bad = match results.is_inspected(fov.fov) {
        true => results.marked_bad(fov.fov)?,
        false => 0,
    };
    let reasons = fov.reasons().into_iter().map(|(reason, cells)| (reason.to_owned(), cells));
    Ok(ShownFov {
        fov: fov.fov,
        state: fov.state.clone(),
        cause: fov.cause.clone(),
        frames: fov.frames,
        kept: fov.cells,
        marked_bad,
        dropped: fov.dropped.len(),
        reasons: reasons.collect(),
        why: fov.cause.clone().unwrap_or_else(|| fov.reasons_in_words()),
        dropped_cells: alone.then(|| fov.dropped.clone()),
    })
}

fn report(results: &Results, arguments: &ShowArgs, html: &Path) -> Result<ShownReport, BatchFault> {
    let failed = |source| BatchFault::Write { path: html.to_owned(), source };
    let whole = WholeFile::begin(html, arguments.force)?;
    let mut out = BufWriter::new(whole.file());
    let figures = write_report(results, arguments.fov, &mut out).map_err(failed)?;
    out.flush().map_err(failed)?;
    drop(out);
    let bytes = whole.file().metadata().map_err(failed)?.len();
    whole.finish()?;
    let (fovs, pictures, lines) = (figures.fovs, figures.pictures, figures.lines);
    Ok(ShownReport { file: html.to_owned(), bytes, fovs, pictures, lines })
}

impl Shown {
    fn words(&self) -> String {
        let complete = self.fovs.iter().filter(|fov| fov.state == "complete").count();
        let run = self.id.as_ref().map_or("results".into(), |id| format!("run {id}"));
        let version = self.version.as_ref().map_or("of PyAMA".into(), |version| format!("version {version}"));
        let mut lines =
            vec![format!("{run}, {version}: {complete} of {} fields of view complete", self.fovs.len())];
        lines.push(format!(
            "{:>5}  {:<8}  {:>6}  {:>5}  {:>4}  {:>7}  why",
            "fov", "state", "frames", "kept", "bad", "dropped"
        ));
        lines.extend(self.fovs.iter().map(ShownFov::words));
        let dropped = self.fovs.iter().filter_map(|fov| fov.dropped_cells.as_ref()).flatten();
        lines.extend(dropped.map(|cell| format!("dropped: cell {}: {}", cell.cell, cell.in_words())));
        let merged = self.merged.iter();
        lines.extend(
            merged.map(|one| format!("merged: {} ({})", one.file.display(), output::count(one.rows, "row"))),
        );
        lines.extend(self.fits.iter().map(|one| {
            format!(
                "fits: {}: {}, {}: {} good (R² over 0.9), {} fair (over 0.7), {} poor, {} of them failed",
                one.file.display(),
                if one.model.is_empty() { "no model" } else { &one.model },
                output::count(one.cells, "cell"),
                one.good,
                one.fair,
                one.poor,
                one.failed
            )
        }));
        if let Some(report) = &self.report {
            lines.push(format!("written: {} ({} bytes)", report.file.display(), report.bytes));
        }
        lines.join("\n")
    }
}

impl ShownFov {
    fn words(&self) -> String {
        let (state, frames, kept) = (self.state.replace('_', " "), self.frames, self.kept);
        let (fov, bad, dropped, why) = (self.fov, self.marked_bad, self.dropped, &self.why);
        let line = format!("{fov:>5}  {state:<8}  {frames:>6}  {kept:>5}  {bad:>4}  {dropped:>7}  {why}");
        line.trim_end().to_owned()
    }
}

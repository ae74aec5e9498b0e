//! What came of the fits, in words and as an object.

use std::path::PathBuf;

use serde::Serialize;

use super::super::output;
use super::{BatchFault, CliOutput};
use crate::timelapse::fit::{Fit, Quality};
use crate::timelapse::tables::FittedRow;

/// Failures that are listed in words; the table of details has all of them.
const LISTED: usize = 10;

/// The summary of all fits.
#[derive(Debug, Serialize)]
pub(super) struct FitReport {
    /// Whether at least one trace could be fitted.
    ok: bool,
    model: String,
    cells: usize,
    fitted: usize,
    quality: QualityCounts,
    parameters: Vec<ParameterReport>,
    /// Cells of which some parameter lies on a bound.
    on_bound: usize,
    /// Cells of which the data leave some parameter open.
    not_identifiable: usize,
    failed: Vec<FailedFit>,
    files: [PathBuf; 2],
}

/// How many fits are of each class.
#[derive(Debug, Default, Serialize)]
struct QualityCounts {
    good: usize,
    fair: usize,
    poor: usize,
}

/// One parameter over all cells that were fitted.
#[derive(Debug, Serialize)]
struct ParameterReport {
    name: &'static str,
    /// None where no cell was fitted.
    median: Option<f64>,
    on_bound: usize,
    not_identifiable: usize,
}

/// A cell that could not be fitted.
#[derive(Debug, Serialize)]
struct FailedFit {
    fov: usize,
    cell: u32,
    reason: String,
}

impl FitReport {
    pub(super) fn of(
        model: &str,
        parameters: &[&'static str],
        rows: &[FittedRow],
        files: [PathBuf; 2],
    ) -> FitReport {
        let fits: Vec<_> = rows.iter().map(|row| &row.fit).filter(|fit| fit.success).collect();
        let mut quality = QualityCounts::default();
        for row in rows {
            match row.fit.quality {
                Quality::Good => quality.good += 1,
                Quality::Fair => quality.fair += 1,
                Quality::Poor => quality.poor += 1,
            }
        }
        let any = |flags: fn(&Fit) -> &[bool]| fits.iter().filter(|fit| flags(fit).contains(&true)).count();
        FitReport {
            ok: !fits.is_empty(),
            model: model.to_owned(),
            cells: rows.len(),
            fitted: fits.len(),
            quality,
            parameters: parameters.iter().enumerate().map(|(at, name)| parameter(name, at, &fits)).collect(),
            on_bound: any(|fit| &fit.on_bound),
            not_identifiable: any(|fit| &fit.not_identifiable),
            failed: rows.iter().filter(|row| !row.fit.success).map(failed).collect(),
            files,
        }
    }

    /// The output; a failure if not one cell could be fitted.
    pub(super) fn output(&self) -> anyhow::Result<CliOutput> {
        let mut output = CliOutput::new(self.words(), serde_json::to_value(self)?);
        if !self.ok {
            output.fault = Some(BatchFault::NoneFitted { cells: self.cells }.into());
        }
        Ok(output)
    }

    fn words(&self) -> String {
        let QualityCounts { good, fair, poor } = self.quality;
        let mut lines = vec![
            format!("model: {}", self.model),
            format!("cells: {}, {} fitted, {} failed", self.cells, self.fitted, self.failed.len()),
            format!("quality: {good} good (R² over 0.9), {fair} fair (over 0.7), {poor} poor"),
            format!("on a bound: {}", flagged(self.on_bound, &self.parameters, |one| one.on_bound)),
            format!(
                "not identifiable: {}",
                flagged(self.not_identifiable, &self.parameters, |one| one.not_identifiable)
            ),
        ];
        let medians =
            self.parameters.iter().filter_map(|one| Some(format!("{} {:.4}", one.name, one.median?)));
        let medians = medians.collect::<Vec<_>>().join(", ");
        if !medians.is_empty() {
            lines.push(format!("medians: {medians}"));
        }
        let listed = self.failed.iter().take(LISTED);
        lines.extend(listed.map(|one| format!("failed: fov {}, cell {}: {}", one.fov, one.cell, one.reason)));
        if let Some(left) = self.failed.len().checked_sub(LISTED).filter(|left| *left > 0) {
            lines.push(format!("failed: and {left} more, see the table of details"));
        }
        lines.extend(self.files.iter().map(|file| format!("written: {}", file.display())));
        lines.join("\n")
    }
}

fn failed(row: &FittedRow) -> FailedFit {
    let reason = row.fit.message.clone().unwrap_or_else(|| "the solver did not converge".to_owned());
    FailedFit { fov: row.fov, cell: row.cell, reason }
}

fn parameter(name: &'static str, at: usize, fits: &[&Fit]) -> ParameterReport {
    let count =
        |flags: fn(&Fit) -> &[bool]| fits.iter().filter(|fit| flags(fit).get(at) == Some(&true)).count();
    let mut values: Vec<f64> = fits.iter().filter_map(|fit| fit.values.get(at).copied()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = |at: usize| values.get(at).copied();
    let median = match values.len() {
        0 => None,
        count if count % 2 == 1 => middle(count / 2),
        count => middle(count / 2 - 1).zip(middle(count / 2)).map(|(low, high)| low.midpoint(high)),
    };
    ParameterReport {
        name,
        median,
        on_bound: count(|fit| &fit.on_bound),
        not_identifiable: count(|fit| &fit.not_identifiable),
    }
}

/// How many cells are flagged, and by which parameters.
fn flagged(cells: usize, parameters: &[ParameterReport], count: fn(&ParameterReport) -> usize) -> String {
    let names: Vec<_> = (parameters.iter())
        .filter(|one| count(one) > 0)
        .map(|one| format!("{} {}", one.name, count(one)))
        .collect();
    match names.is_empty() {
        true => output::count(cells, "cell"),
        false => format!("{} ({})", output::count(cells, "cell"), names.join(", ")),
    }
}

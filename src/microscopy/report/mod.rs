//! The report of a run: one HTML file that opens offline, with pictures, traces, fits, and a reason for what is missing.
//!
//! It is written as it is composed, a field of view after the other, so memory does not grow with the run. What cannot be
//! read or drawn becomes a line of the report; only a fault of writing ends it. The same results give the same bytes.

mod fits;
mod fov;
mod html;

use std::io::{self, Write};

use super::Results;
use super::summary::FovSummary;
use html::{count, escaped, table};

/// Fields of view that have a section of their own; further ones stand in the table of all.
const MOST_SECTIONS: usize = 200;
/// Points of traces in the whole report, and the fewest and the most in one plot: about 9 bytes each.
const TRACE_POINTS: usize = 600_000;
const PLOT_POINTS: [usize; 2] = [2_000, 30_000];
/// Pixels of pictures in the whole report, and the shortest and the longest long side of one.
const PICTURE_PIXELS: usize = 16_000_000;
const PICTURE_SIDES: [usize; 2] = [220, 760];

/// What a report holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportFigures {
    /// Fields of view with a section.
    pub fovs: usize,
    /// Pictures with outlines of cells.
    pub pictures: usize,
    /// Traces that were drawn, over all features.
    pub lines: usize,
    /// Tables of fits with a section.
    pub fits: usize,
}

/// How much one section may hold, so that the whole file stays bounded.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// Points of the traces of one plot.
    points: usize,
    /// Longest side of a picture, pixels.
    longest: usize,
}

impl Budget {
    fn of(fovs: usize, features: usize) -> Budget {
        let pictures = (fovs * fov::MOMENTS).max(1);
        let side = ((PICTURE_PIXELS / pictures) as f64).sqrt() as usize;
        Budget {
            points: (TRACE_POINTS / (fovs * features).max(1)).clamp(PLOT_POINTS[0], PLOT_POINTS[1]),
            longest: side.clamp(PICTURE_SIDES[0], PICTURE_SIDES[1]),
        }
    }
}

/// Writes the report of `results`, of all fields of view or of one.
///
/// # Errors
/// Those of `out`.
pub fn write_report(
    results: &Results,
    only: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<ReportFigures> {
    let fovs: Vec<&FovSummary> =
        results.fovs().iter().filter(|fov| only.is_none_or(|only| fov.fov == only)).collect();
    let mut figures = ReportFigures::default();
    let title = match results.id() {
        Some(id) => format!("Batch run {id}"),
        None => "Batch results".into(),
    };
    html::head(out, &title)?;
    overview(results, &fovs, only, out)?;
    fits::write(results, only, out, &mut figures)?;
    let shown = &fovs[..fovs.len().min(MOST_SECTIONS)];
    let features = results.features();
    let budget = Budget::of(shown.len(), features);
    for fov in shown {
        fov::write(results, fov, budget, out, &mut figures)?;
    }
    if shown.len() < fovs.len() {
        writeln!(
            out,
            "<p class=\"faint\">{} more fields of view are in the table above only; <code>ocellus batch show RESULTS --fov N --html \
             FILE</code> reports one of them.</p>",
            fovs.len() - shown.len()
        )?;
    }
    writeln!(out, "</main>\n</body>\n</html>")?;
    Ok(figures)
}

fn overview(
    results: &Results,
    fovs: &[&FovSummary],
    only: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let complete = fovs.iter().filter(|fov| fov.state == "complete").count();
    let cells: usize = fovs.iter().map(|fov| fov.cells).sum();
    let dropped: usize = fovs.iter().map(|fov| fov.dropped.len()).sum();
    let version = results.version().map_or("results of PyAMA".into(), |version| format!("Ocellus {version}"));
    let scope = match only {
        Some(fov) => format!("field of view {fov} of {}", results.fovs().len()),
        None => format!("{complete} of {} fields of view complete", fovs.len()),
    };
    let summary = format!("{version} · {scope} · {} kept, {dropped} dropped", count(cells, "trace"));
    writeln!(out, "<p class=\"faint\">{}</p>", escaped(summary))?;
    let rows: Vec<Vec<String>> = fovs.iter().map(|fov| row(results, fov)).collect();
    table(out, &["#fov", "state", "#frames", "#kept", "#marked bad", "#dropped", "why"], &rows)?;
    if !results.parameters().is_empty() {
        writeln!(out, "<details><summary>Parameters and input</summary>")?;
        let parameters = results.parameters().iter();
        let rows: Vec<_> = parameters.map(|(name, value)| vec![name.clone(), value.to_string()]).collect();
        table(out, &["parameter", "value"], &rows)?;
        let inputs = results.inputs().iter();
        let rows: Vec<_> = inputs
            .map(|file| vec![file.path.display().to_string(), file.bytes.to_string(), file.sha256.clone()])
            .collect();
        table(out, &["file", "#bytes", "SHA-256"], &rows)?;
        writeln!(out, "</details>")?;
    }
    Ok(())
}

fn row(results: &Results, fov: &FovSummary) -> Vec<String> {
    let bad = match results.is_inspected(fov.fov) {
        true => results.marked_bad(fov.fov).map_or("?".into(), |bad| bad.to_string()),
        false => "0".into(),
    };
    let why = fov.cause.clone().unwrap_or_else(|| fov.reasons_in_words());
    vec![
        fov.fov.to_string(),
        fov.state.replace('_', " "),
        fov.frames.to_string(),
        fov.cells.to_string(),
        bad,
        fov.dropped.len().to_string(),
        why,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_run_has_small_pictures_and_fewer_points() {
        let small = Budget::of(1, 2);
        assert_eq!((small.longest, small.points), (760, 30_000));
        let large = Budget::of(100, 2);
        assert_eq!((large.longest, large.points), (230, 3_000));
        // Three bytes of JPEG for ten pixels, in base64, and nine bytes a point: the largest report.
        let most = Budget::of(MOST_SECTIONS, 2);
        let pictures = MOST_SECTIONS * fov::MOMENTS * most.longest * most.longest * 4 / 10;
        assert!(pictures + MOST_SECTIONS * 2 * most.points * 9 < 25_000_000);
    }
}

//! The section of one field of view: pictures, traces, and the cells that have none.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::html::{count, escaped, fault, figure, table};
use super::{Budget, ReportFigures};
use crate::microscopy::Results;
use crate::microscopy::journal::Dropped;
use crate::microscopy::summary::FovSummary;
use crate::timelapse::report::{Axis, Line, every, median, thinned, traces};
use crate::timelapse::tables::{TraceRow, TraceTable};

/// Pictures of a field of view: its first, middle and last frame.
pub(super) const MOMENTS: usize = 3;
const JPEG_QUALITY: u8 = 82;
/// Fewest points of a line; there are fewer lines rather than shorter ones.
const LINE_POINTS: usize = 60;
/// Dropped cells that are listed.
const MOST_DROPPED: usize = 500;
const MINUTES_PER_HOUR: f64 = 60.0;
/// From here on, minutes, times are shown in hours.
const LONG_MINUTES: f64 = 180.0;

pub(super) fn write(
    results: &Results,
    fov: &FovSummary,
    budget: Budget,
    out: &mut dyn Write,
    figures: &mut ReportFigures,
) -> io::Result<()> {
    figures.fovs += 1;
    writeln!(out, "<section id=\"fov-{0}\">\n<h2>Field of view {0}</h2>", fov.fov)?;
    let mut words = vec![fov.state.replace('_', " "), count(fov.frames, "frame")];
    words.push(format!("{} kept, {} dropped", count(fov.cells, "trace"), fov.dropped.len()));
    writeln!(out, "<p class=\"faint\">{}</p>", escaped(words.join(" · ")))?;
    if let Some(cause) = &fov.cause {
        fault(out, cause)?;
    }
    pictures(results, fov, budget, out, figures)?;
    match results.traces(fov.fov) {
        Ok(table) => plots(results, &table, budget, out, figures)?,
        Err(error) => fault(out, &error.to_string())?,
    }
    dropped(&fov.dropped, out)?;
    writeln!(out, "</section>")
}

fn pictures(
    results: &Results,
    fov: &FovSummary,
    budget: Budget,
    out: &mut dyn Write,
    figures: &mut ReportFigures,
) -> io::Result<()> {
    let Some(last) = fov.frames.checked_sub(1) else { return Ok(()) };
    let mut moments = vec![0, last / 2, last];
    moments.dedup();
    writeln!(out, "<div class=\"pictures\">")?;
    for frame in moments {
        let picture = match results.overlay(fov.fov, frame, budget.longest) {
            Ok(picture) => picture,
            Err(error) => {
                // The other frames fail for the same reason.
                fault(out, &error.to_string())?;
                break;
            }
        };
        let alt = format!("Frame {frame} of field of view {} with the outlines of its cells", fov.fov);
        let jpeg = picture.jpeg(JPEG_QUALITY).map(|jpeg| {
            let (width, height) = (picture.width, picture.height);
            let data = STANDARD.encode(jpeg);
            format!(
                "<img alt=\"{alt}\" width=\"{width}\" height=\"{height}\" src=\"data:image/jpeg;base64,{data}\">"
            )
        });
        figures.pictures += usize::from(jpeg.is_ok());
        figure(out, jpeg, &format!("frame {frame} of {}", fov.frames))?;
    }
    writeln!(out, "</div>")
}

/// A plot for each feature: all good traces, or an even sample of them, and the median of all.
fn plots(
    results: &Results,
    table: &TraceTable,
    budget: Budget,
    out: &mut dyn Write,
    figures: &mut ReportFigures,
) -> io::Result<()> {
    let cells: Vec<&[TraceRow]> = table.rows.chunk_by(|row, next| row.cell == next.cell).collect();
    let good: Vec<&[TraceRow]> =
        cells.iter().copied().filter(|rows| rows.iter().all(|row| row.good)).collect();
    if good.is_empty() {
        return writeln!(out, "<p class=\"faint\">There are no traces to draw.</p>");
    }
    let (label, scale) = time_axis(table, results.time_units());
    for (at, feature) in table.features.iter().enumerate() {
        let line = |rows: &[TraceRow]| -> Line {
            rows.iter().map(|row| (row.time * scale, row.values[at])).collect()
        };
        let lines: Vec<Line> = good.iter().map(|rows| line(rows)).collect();
        let longest = lines.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let points = longest.min((budget.points / lines.len()).max(LINE_POINTS));
        let drawn = every(&lines, (budget.points / points).max(1));
        let drawn: Vec<Line> = drawn.into_iter().map(|line| thinned(line, points)).collect();
        figures.lines += drawn.len();
        let mut caption = format!("{feature}: {} and their median", count(good.len(), "trace"));
        if drawn.len() < good.len() {
            caption = format!("{feature}: {} of {} traces, and the median of all", drawn.len(), good.len());
        }
        if points < longest {
            caption.push_str(&format!("; {points} points of a line"));
        }
        if good.len() < cells.len() {
            let bad = count(cells.len() - good.len(), "trace");
            caption.push_str(&format!("; {bad} marked as bad left out"));
        }
        let axes = (Axis::linear(label), Axis::linear(feature));
        writeln!(out, "<div class=\"wide\">")?;
        figure(out, traces(&drawn, &median(&lines), axes.0, axes.1), &caption)?;
        writeln!(out, "</div>")?;
    }
    Ok(())
}

/// What the axis of times is called, and the factor of the table's times.
fn time_axis(table: &TraceTable, units: &str) -> (&'static str, f64) {
    let is_frame = |row: &TraceRow| row.time == row.frame as f64;
    let longest = table.rows.iter().map(|row| row.time).fold(0.0, f64::max);
    match units {
        _ if table.rows.iter().all(is_frame) => ("frame", 1.0),
        "min" if longest > LONG_MINUTES => ("time, h", 1.0 / MINUTES_PER_HOUR),
        "min" => ("time, min", 1.0),
        "h" => ("time, h", 1.0),
        "s" => ("time, s", 1.0),
        _ => ("time", 1.0),
    }
}

fn dropped(cells: &[Dropped], out: &mut dyn Write) -> io::Result<()> {
    if cells.is_empty() {
        return Ok(());
    }
    writeln!(out, "<details><summary>{} without a trace</summary>", count(cells.len(), "cell"))?;
    let shown = cells.iter().take(MOST_DROPPED);
    let rows: Vec<_> = shown.map(|cell| vec![cell.cell.to_string(), cell.in_words()]).collect();
    table(out, &["#cell", "why"], &rows)?;
    if cells.len() > MOST_DROPPED {
        let left = cells.len() - MOST_DROPPED;
        writeln!(out, "<p class=\"faint\">{left} more are in <code>summary.json</code>.</p>")?;
    }
    writeln!(out, "</details>")
}

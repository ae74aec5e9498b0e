//! The sections of fits: how good they are, their parameters, and some over their data.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::ReportFigures;
use super::html::{count, escaped, fault, figure, table};
use crate::microscopy::results::FittedFile;
use crate::microscopy::{MergedTable, Results};
use crate::timelapse::fit::{FitSettings, Fitter};
use crate::timelapse::report::{
    Axis, Dot, Histogram, Line, every, fit, histogram, quality, scatter, thinned,
};
use crate::timelapse::tables::{Curve, FittedCell, FittedTable};

/// Tables of fits that have a section.
const MOST_TABLES: usize = 40;
/// Dots of a scatter plot, and points of a trace beside its fit.
const MOST_DOTS: usize = 2_000;
const MOST_POINTS: usize = 300;
/// Points of a fitted curve.
const CURVE_POINTS: usize = 200;
/// Fits that are shown of the best, of the middle and of the worst.
const EXAMPLES: usize = 2;
/// How far R² of a curve may be from that of the table, if its fixed parameters are the model's own.
const SAME_R_SQUARED: f64 = 1e-3;
/// Factors of the curve, by which cells differ most.
const FACTORS: [&str; 3] = ["ktl", "G0", "amplitude"];

pub(super) fn write(
    results: &Results,
    only: Option<usize>,
    out: &mut dyn Write,
    figures: &mut ReportFigures,
) -> io::Result<()> {
    match results.merged() {
        Ok(tables) if tables.is_empty() => {}
        Ok(tables) => merged(results, &tables, out)?,
        Err(error) => fault(out, &error.to_string())?,
    }
    let fits = match results.fits() {
        Ok(fits) => fits,
        Err(error) => return fault(out, &error.to_string()),
    };
    for file in fits.iter().take(MOST_TABLES) {
        figures.fits += 1;
        section(results, file, only, out)?;
    }
    if let Some(left) = fits.len().checked_sub(MOST_TABLES).filter(|left| *left > 0) {
        writeln!(out, "<p class=\"faint\">{left} more tables of fits are left out.</p>")?;
    }
    Ok(())
}

fn merged(results: &Results, tables: &[MergedTable], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<details><summary>{}</summary>", count(tables.len(), "merged table"))?;
    let rows: Vec<_> =
        tables.iter().map(|one| vec![results.name_of(&one.path), one.rows.to_string()]).collect();
    table(out, &["file", "#rows"], &rows)?;
    writeln!(out, "</details>")
}

fn section(results: &Results, file: &FittedFile, only: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let fits = file.of(only);
    if only.is_some() && fits.cells.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section>\n<h2>Fits: {}</h2>", escaped(results.name_of(&file.path)))?;
    let [good, fair, poor] = fits.classes();
    writeln!(
        out,
        "<p class=\"faint\">{}, {}, {} failed<span class=\"swatch good\"></span>{good} good (R² over \
         0.9)<span class=\"swatch fair\"></span>{fair} fair (over 0.7)<span class=\"swatch poor\"></span>{poor} poor</p>",
        escaped(match &*fits.model {
            "" => "no fits",
            model => model,
        }),
        count(fits.cells.len(), "cell"),
        fits.failed()
    )?;
    if fits.cells.is_empty() {
        return writeln!(out, "</section>");
    }
    writeln!(out, "<div class=\"plots\">")?;
    let r_squared: Vec<f64> = fits.cells.iter().map(|cell| cell.r_squared).collect();
    figure(out, quality(&r_squared), "R² of all fits; those that failed have 0")?;
    for parameter in &fits.parameters {
        let values = fits.values(parameter).unwrap_or_default();
        if let Some(counts) = Histogram::of(&values) {
            let caption = match counts.logarithmic {
                true => format!("{parameter}, {}, logarithmic", count(values.len(), "cell")),
                false => format!("{parameter}, {}", count(values.len(), "cell")),
            };
            figure(out, histogram(&counts, parameter), &caption)?;
        }
    }
    pair(&fits, out)?;
    writeln!(out, "</div>")?;
    match file.curves() {
        Ok(curves) => examples(&fits, &curves, file.traces.is_some(), out)?,
        Err(error) => fault(out, &error.to_string())?,
    }
    writeln!(out, "</section>")
}

/// The factor of the curve against its onset, or the first two parameters.
fn pair(fits: &FittedTable, out: &mut dyn Write) -> io::Result<()> {
    let names = &fits.parameters;
    let find = |name: &str| names.iter().position(|known| known == name);
    let x = find("t0").unwrap_or(0);
    let factor = FACTORS.iter().find_map(|name| find(name));
    let Some(y) = factor.filter(|y| *y != x).or_else(|| (0..names.len()).find(|at| *at != x)) else {
        return Ok(());
    };
    let fitted: Vec<&FittedCell> = fits.cells.iter().filter(|cell| cell.success).collect();
    let shown = every(&fitted, MOST_DOTS);
    let dots: Vec<Dot> = shown
        .iter()
        .map(|cell| Dot { x: cell.values[x], y: cell.values[y], quality: cell.quality() })
        .collect();
    let axis = |at: usize| {
        let values = fits.values(&names[at]).unwrap_or_default();
        let logarithmic = Histogram::of(&values).is_some_and(|counts| counts.logarithmic);
        Axis { label: &names[at], logarithmic }
    };
    let mut caption = format!("{} against {}", names[y], names[x]);
    if shown.len() < fitted.len() {
        caption.push_str(&format!(", {} of {} cells", shown.len(), fitted.len()));
    }
    figure(out, scatter(&dots, axis(x), axis(y)), &caption)
}

/// Some of the best, the median and the worst fits over their data.
fn examples(fits: &FittedTable, curves: &[Curve], has_traces: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut fitted: Vec<&FittedCell> = fits.cells.iter().filter(|cell| cell.success).collect();
    if !has_traces {
        let why = "The traces of these fits are not beside their table, so no fit is shown over its data.";
        return writeln!(out, "<p class=\"faint\">{why}</p>");
    }
    fitted.sort_by(|one, next| next.r_squared.total_cmp(&one.r_squared));
    let curves: BTreeMap<(usize, u32), &Curve> =
        curves.iter().map(|curve| ((curve.fov, curve.cell), curve)).collect();
    let fitter = Fitter::new(&fits.model, &FitSettings::default());
    let fitter = fitter.ok().filter(|fitter| fitter.fitted() == fits.parameters);
    let middle = (fitted.len().saturating_sub(EXAMPLES)) / 2;
    let places = [("best", 0), ("median", middle), ("worst", fitted.len().saturating_sub(EXAMPLES))];
    let mut shown = Vec::new();
    writeln!(out, "<h3>Fits over their data</h3>\n<div class=\"plots\">")?;
    let mut without_curve = fitter.is_none();
    for (word, from) in places {
        for (at, cell) in fitted.iter().enumerate().skip(from).take(EXAMPLES) {
            let Some(curve) = curves.get(&(cell.fov, cell.cell)) else { continue };
            if shown.contains(&at) {
                continue;
            }
            shown.push(at);
            let data: Line = curve.hours.iter().copied().zip(curve.values.iter().copied()).collect();
            let fitted = fitter.as_ref().and_then(|fitter| fitted_line(fitter, cell, curve));
            without_curve |= fitted.is_none();
            let caption = format!("{word}: fov {}, cell {}, R² {:.3}", cell.fov, cell.cell, cell.r_squared);
            let (data, line) = (thinned(&data, MOST_POINTS), fitted.unwrap_or_default());
            let svg = fit(&data, &line, cell.quality(), Axis::linear("time, h"), Axis::linear("value"));
            figure(out, svg, &caption)?;
        }
    }
    writeln!(out, "</div>")?;
    if without_curve {
        let why = "Curves are missing where the fit was made with other fixed parameters (--set) than the model's own, \
                   or by a model that is not known here.";
        writeln!(out, "<p class=\"faint\">{}</p>", escaped(why))?;
    }
    Ok(())
}

/// The curve of a fit, if it is the one of the table: the fixed parameters are not in it.
fn fitted_line(fitter: &Fitter, cell: &FittedCell, curve: &Curve) -> Option<Line> {
    let model = fitter.curve(&cell.values, &curve.hours);
    let pairs =
        model.iter().zip(&curve.values).filter(|(model, value)| model.is_finite() && value.is_finite());
    let (count, sum) = pairs.clone().fold((0.0, 0.0), |(count, sum), (_, value)| (count + 1.0, sum + value));
    let mean = sum / count;
    let (residuals, total) = pairs.fold((0.0, 0.0), |(residuals, total), (model, value)| {
        (residuals + (value - model).powi(2), total + (value - mean).powi(2))
    });
    let r_squared = if total > 0.0 { (1.0 - residuals / total).clamp(0.0, 1.0) } else { 0.0 };
    if (r_squared - cell.r_squared).abs() > SAME_R_SQUARED {
        return None;
    }
    let (first, last) = (curve.hours.first()?, curve.hours.last()?);
    let place = |at: usize| first + (last - first) * at as f64 / (CURVE_POINTS - 1) as f64;
    let hours: Vec<f64> = (0..CURVE_POINTS).map(place).collect();
    let values = fitter.curve(&cell.values, &hours);
    Some(hours.into_iter().zip(values).collect())
}

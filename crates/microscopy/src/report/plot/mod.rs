//! Plots as SVG that stands in a page: lines of traces, histograms, scatter plots, fits over data.
//!
//! Colours are those of the page: custom properties such as `--plot-line`, each with a value of its own for pages that do
//! not set it, and `currentColor` for texts and axes.

mod canvas;
mod ticks;

use super::histogram::widened;
use super::{Histogram, Line};
use crate::fit::Quality;
pub use canvas::PlotError;
use canvas::{Canvas, Colour};

/// What an axis shows, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis<'a> {
    /// The text beside it.
    pub label: &'a str,
    /// Whether equal distances are equal factors; values that are not positive are left out then.
    pub logarithmic: bool,
}

impl<'a> Axis<'a> {
    /// An axis whose distances are differences.
    pub fn linear(label: &'a str) -> Axis<'a> {
        Axis { label, logarithmic: false }
    }

    fn scale(&self, value: f64) -> f64 {
        if self.logarithmic { value.log10() } else { value }
    }
}

/// A point of a scatter plot, with the class of its fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot {
    /// The value that is shown to the right.
    pub x: f64,
    /// The value that is shown upwards.
    pub y: f64,
    /// The class that colours it.
    pub quality: Quality,
}

/// Largest value that is drawn: beyond it, differences overflow.
const LARGEST: f64 = 1e150;

fn is_drawn((x, y): &(f64, f64)) -> bool {
    x.abs() < LARGEST && y.abs() < LARGEST
}

/// The least and the greatest of each coordinate, so that they differ; None without a point.
fn extent<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> Option<([f64; 2], [f64; 2])> {
    let mut extent: Option<([f64; 2], [f64; 2])> = None;
    for (x, y) in points.filter(|point| is_drawn(point)) {
        let (xs, ys) = extent.get_or_insert(([*x; 2], [*y; 2]));
        *xs = [xs[0].min(*x), xs[1].max(*x)];
        *ys = [ys[0].min(*y), ys[1].max(*y)];
    }
    extent.map(|([x0, x1], [y0, y1])| (widened(x0, x1), widened(y0, y1)))
}

/// A little space beyond the outermost points.
fn padded([from, to]: [f64; 2]) -> [f64; 2] {
    let margin = 0.04 * (to - from);
    [from - margin, to + margin]
}

/// All lines thin, and their median thick.
///
/// # Errors
/// The plot cannot be composed.
pub fn traces(lines: &[Line], median: &Line, x: Axis<'_>, y: Axis<'_>) -> Result<String, PlotError> {
    let points = lines.iter().flatten().chain(median);
    let is_whole = points.clone().all(|(x, _)| x.fract() == 0.0);
    let (xs, ys) = extent(points).unwrap_or(([0.0, 1.0], [0.0, 1.0]));
    let mut canvas = Canvas::wide();
    if is_whole {
        canvas = canvas.whole((xs[1] - xs[0]) as usize);
    }
    canvas.draw(xs, padded(ys), x, y, |chart| {
        for line in lines {
            chart.line(line, Colour::Line, 1)?;
        }
        chart.line(median, Colour::Median, 5)
    })?;
    Ok(canvas.svg())
}

/// Bars of the counts of a histogram.
///
/// # Errors
/// The plot cannot be composed.
pub fn histogram(histogram: &Histogram, label: &str) -> Result<String, PlotError> {
    bars(histogram, label, |_| Colour::Bar)
}

/// Bars of R², 0 to 1, in the colours of the classes.
///
/// # Errors
/// The plot cannot be composed.
pub fn quality(r_squared: &[f64]) -> Result<String, PlotError> {
    // Limits of the classes are limits of bins. Values on a limit belong to the class below it.
    let below: Vec<f64> = r_squared.iter().map(|value| (value - 1e-9).max(0.0)).collect();
    let counts = Histogram::between(&below, 0.0, 1.0, 20, false);
    bars(&counts, "R²", |centre| class(Quality::of(centre)))
}

fn class(quality: Quality) -> Colour {
    match quality {
        Quality::Good => Colour::Good,
        Quality::Fair => Colour::Fair,
        Quality::Poor => Colour::Poor,
    }
}

fn bars(histogram: &Histogram, label: &str, colour: impl Fn(f64) -> Colour) -> Result<String, PlotError> {
    let x = Axis { label, logarithmic: histogram.logarithmic };
    let most = histogram.counts.iter().copied().max().unwrap_or(0).max(1);
    let edges: Vec<f64> = histogram.edges.iter().map(|edge| x.scale(*edge)).collect();
    let (first, last) = (edges.first().copied().unwrap_or(0.0), edges.last().copied().unwrap_or(1.0));
    let mut canvas = Canvas::small().counts(most);
    canvas.draw([first, last], [0.0, most as f64 * 1.05], x, Axis::linear("cells"), |chart| {
        for (edge, count) in edges.windows(2).zip(&histogram.counts).filter(|(_, count)| **count > 0) {
            chart.bar([edge[0], edge[1]], *count as f64, colour(edge[0].midpoint(edge[1])))?;
        }
        Ok(())
    })?;
    Ok(canvas.svg())
}

/// A dot for each cell, in the colour of its class.
///
/// # Errors
/// The plot cannot be composed.
pub fn scatter(dots: &[Dot], x: Axis<'_>, y: Axis<'_>) -> Result<String, PlotError> {
    let scaled: Vec<((f64, f64), Quality)> = dots
        .iter()
        .map(|dot| ((x.scale(dot.x), y.scale(dot.y)), dot.quality))
        .filter(|(point, _)| is_drawn(point))
        .collect();
    let (xs, ys) = extent(scaled.iter().map(|(point, _)| point)).unwrap_or(([0.0, 1.0], [0.0, 1.0]));
    let mut canvas = Canvas::small();
    canvas.draw(padded(xs), padded(ys), x, y, |chart| {
        scaled.iter().try_for_each(|(point, quality)| chart.dot(*point, class(*quality), 6))
    })?;
    Ok(canvas.svg())
}

/// A trace as dots, and the curve of its fit over them; an empty curve is left out.
///
/// # Errors
/// The plot cannot be composed.
pub fn fit(
    data: &Line,
    curve: &Line,
    quality: Quality,
    x: Axis<'_>,
    y: Axis<'_>,
) -> Result<String, PlotError> {
    let (xs, ys) = extent(data.iter().chain(curve)).unwrap_or(([0.0, 1.0], [0.0, 1.0]));
    let mut canvas = Canvas::small();
    canvas.draw(padded(xs), padded(ys), x, y, |chart| {
        let shown = data.iter().filter(|point| is_drawn(point));
        shown.into_iter().try_for_each(|point| chart.dot(*point, Colour::Line, 4))?;
        chart.line(curve, class(quality), 5)
    })?;
    Ok(canvas.svg())
}

#[cfg(test)]
mod tests;

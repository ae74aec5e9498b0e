//! Axes, lines, bars and dots by the crate `plotters`, and the colours of the page in its SVG.

use std::error::Error;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::{Axis, is_drawn, ticks};

/// Size and height of texts of a wide drawing and a small one. Units are about half pixels of a page, so that whole numbers
/// are fine enough.
const WIDE: (u32, u32, u32) = (1800, 560, 24);
const SMALL: (u32, u32, u32) = (800, 540, 28);

/// Why a plot could not be composed.
#[derive(Debug, thiserror::Error)]
#[error("the plot cannot be drawn: {0}")]
pub struct PlotError(#[source] Box<dyn Error + Send + Sync>);

impl<E: Error + Send + Sync + 'static> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> PlotError {
        PlotError(Box::new(error))
    }
}

/// What a thing is; the page says in which colour that is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// All texts and both axes.
    Ink,
    /// Lines across the plot at the ticks.
    Grid,
    /// The trace of one cell, and points of data.
    Line,
    /// The median of all traces.
    Median,
    /// A bar of a histogram.
    Bar,
    /// A fit with R² over 0.9.
    Good,
    /// A fit with R² over 0.7.
    Fair,
    /// Every fit of lower R².
    Poor,
}

impl Colour {
    const ALL: [Colour; 8] = [
        Colour::Ink,
        Colour::Grid,
        Colour::Line,
        Colour::Median,
        Colour::Bar,
        Colour::Good,
        Colour::Fair,
        Colour::Poor,
    ];

    /// A colour that stands for it until the drawing is complete.
    fn mark(self) -> RGBColor {
        RGBColor(250, 251, self as u8)
    }

    /// How the page's colour is written in SVG.
    fn paint(self) -> &'static str {
        match self {
            Colour::Ink => "currentColor",
            Colour::Grid => "var(--plot-grid, #d8dde3)",
            Colour::Line => "var(--plot-line, #4a7fb5)",
            Colour::Median => "var(--plot-median, #b3261e)",
            Colour::Bar => "var(--plot-bar, #4a7fb5)",
            Colour::Good => "var(--plot-good, #2e7d32)",
            Colour::Fair => "var(--plot-fair, #b26a00)",
            Colour::Poor => "var(--plot-poor, #b3261e)",
        }
    }
}

/// One plot while it is drawn.
pub(super) struct Canvas {
    /// Width, height, height of texts.
    size: (u32, u32, u32),
    /// Most ticks to the right and upwards.
    ticks: (usize, usize),
    text: String,
}

/// The inside of the axes.
pub(super) struct Chart<'a, 'b> {
    chart: ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
}

impl Canvas {
    /// As wide as a page.
    pub(super) fn wide() -> Canvas {
        Canvas { size: WIDE, ticks: (12, 6), text: String::new() }
    }

    /// Two or three of them stand side by side.
    pub(super) fn small() -> Canvas {
        Canvas { size: SMALL, ticks: (6, 6), text: String::new() }
    }

    /// Upwards are counts up to `most`: ticks are whole numbers.
    pub(super) fn counts(mut self, most: usize) -> Canvas {
        self.ticks.1 = self.ticks.1.min(most + 1);
        self
    }

    /// To the right are whole numbers, `span` from the first to the last: ticks are whole numbers too.
    pub(super) fn whole(mut self, span: usize) -> Canvas {
        self.ticks.0 = self.ticks.0.min(span.saturating_add(1)).max(2);
        self
    }

    /// Draws axes for these ranges (of a logarithmic axis: of exponents), and what `draw` puts inside.
    pub(super) fn draw(
        &mut self,
        xs: [f64; 2],
        ys: [f64; 2],
        x: Axis<'_>,
        y: Axis<'_>,
        draw: impl FnOnce(&mut Chart<'_, '_>) -> Result<(), PlotError>,
    ) -> Result<(), PlotError> {
        let (width, height, size) = self.size;
        let root = SVGBackend::with_string(&mut self.text, (width, height)).into_drawing_area();
        let text = ("sans-serif", size).into_font().color(&Colour::Ink.mark());
        let mut builder = ChartBuilder::on(&root);
        builder.margin(12).margin_right(36).x_label_area_size(3 * size).y_label_area_size(9 * size / 2);
        let chart = builder.build_cartesian_2d(xs[0]..xs[1], ys[0]..ys[1])?;
        let mut chart = Chart { chart };
        let tick = |axis: Axis<'_>| if axis.logarithmic { ticks::power } else { ticks::number };
        let (x_tick, y_tick) = (tick(x), tick(y));
        chart
            .chart
            .configure_mesh()
            .x_labels(self.ticks.0)
            .y_labels(self.ticks.1)
            .x_label_formatter(&|value| x_tick(*value))
            .y_label_formatter(&|value| y_tick(*value))
            .x_desc(x.label)
            .y_desc(y.label)
            .label_style(text.clone())
            .axis_desc_style(text)
            .axis_style(Colour::Ink.mark())
            .bold_line_style(Colour::Grid.mark())
            .light_line_style(TRANSPARENT)
            .draw()?;
        draw(&mut chart)?;
        drop(chart);
        Ok(root.present()?)
    }

    /// The drawing, as wide as its place on the page.
    pub(super) fn svg(self) -> String {
        let (width, height, _) = self.size;
        // The head is written anew: without a size in pixels, the page decides.
        let body = self.text.find('>').map_or("", |end| &self.text[end + 1..]);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\">{body}"
        );
        for colour in Colour::ALL {
            let RGBColor(red, green, blue) = colour.mark();
            svg = svg.replace(&format!("#{red:02X}{green:02X}{blue:02X}"), colour.paint());
        }
        svg
    }
}

impl Chart<'_, '_> {
    /// A line through all points that can be drawn; where one cannot, it is interrupted.
    pub(super) fn line(&mut self, line: &[(f64, f64)], colour: Colour, width: u32) -> Result<(), PlotError> {
        // Many thin lines over one another stay legible where they are sheer.
        let mix = if width > 1 { 1.0 } else { 0.45 };
        let style = colour.mark().mix(mix).stroke_width(width.max(2));
        for part in line.split(|point| !is_drawn(point)).filter(|part| part.len() > 1) {
            self.chart.draw_series(LineSeries::new(part.iter().copied(), style))?;
        }
        Ok(())
    }

    /// A bar from 0 up to `top`.
    pub(super) fn bar(&mut self, [from, to]: [f64; 2], top: f64, colour: Colour) -> Result<(), PlotError> {
        let mut bar = Rectangle::new([(from, 0.0), (to, top)], colour.mark().filled());
        bar.set_margin(0, 0, 1, 1);
        self.chart.draw_series([bar])?;
        Ok(())
    }

    /// A dot of radius `radius`.
    pub(super) fn dot(&mut self, point: (f64, f64), colour: Colour, radius: u32) -> Result<(), PlotError> {
        self.chart.draw_series([Circle::new(point, radius, colour.mark().mix(0.7).filled())])?;
        Ok(())
    }
}

//! The background: medians of tiles without cells, and a smooth surface through them.

mod medians;
mod spline;
#[cfg(test)]
mod tests;
mod tiles;

use crate::{Pixels, Plane};

use super::bits::Bits;
use super::error::{check_frame, check_size};
use super::morphology::dilate;
use super::segment::is_usable;
use super::{BackgroundSettings, CellsError, Mask};

use medians::{Frame, Medians, Ordered};
use spline::Axis;
use tiles::Layout;

/// Figures of the background of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackgroundFigures {
    /// Pixels from which it was computed: usable ones that no cell covers or is near to. Where it is 0, the
    /// background is 0 everywhere.
    pub unmasked: usize,
    /// Tiles without such a pixel, for which the median of the whole frame stands in.
    pub empty_tiles: usize,
    /// Pixels that are no usable numbers: NaN, infinite, or beyond ±1.8e19.
    pub non_finite: usize,
}

/// Estimates the background of frames; holds scratch memory for one thread.
#[derive(Debug)]
pub struct Background {
    width: usize,
    height: usize,
    dilation: usize,
    rows: Layout,
    columns: Layout,
    /// The spline along y, and that along x.
    axes: [Axis; 2],
    masked: Bits,
    scratch: Bits,
    medians: Medians,
    /// Of each tile, row by row.
    support: Vec<f32>,
    coefficients: Vec<f64>,
    /// For each row of tiles the spline along x at each pixel; rows of zeros at the end.
    expanded: Vec<f64>,
}

/// Coefficients on which a pixel depends along each axis.
const SUPPORT: usize = 4;

impl Background {
    /// For frames of this size, down to one pixel.
    ///
    /// PyAMA needs four tiles a side. With three (sides up to two tiles' length) the surface is a parabola there, with one
    /// (up to one tile's length) it is constant.
    ///
    /// # Errors
    /// A setting is out of its limits, the frame is empty, or it has more than [`super::MAX_PIXELS`].
    pub fn new(width: usize, height: usize, settings: &BackgroundSettings) -> Result<Background, CellsError> {
        settings.validate()?;
        check_frame(width, height)?;
        let (rows, columns) = (Layout::new(height, settings.tile), Layout::new(width, settings.tile));
        let axes = [Axis::new(&rows.centres(), height), Axis::new(&columns.centres(), width)];
        let tiles = rows.tiles() * columns.tiles();
        Ok(Background {
            width,
            height,
            dilation: settings.dilation / 2,
            expanded: vec![0.0; (rows.tiles() + SUPPORT) * width],
            rows,
            columns,
            axes,
            masked: Bits::new(width, height),
            scratch: Bits::new(width, height),
            medians: Medians::default(),
            support: Vec::with_capacity(tiles),
            coefficients: Vec::with_capacity(tiles),
        })
    }

    /// Writes the background of `plane`, whose cells are `mask`, into `background`: `width * height` values.
    ///
    /// # Errors
    /// The plane or the mask has another size than this was made for.
    pub fn estimate(
        &mut self,
        plane: &Plane,
        mask: &Mask,
        background: &mut Vec<f32>,
    ) -> Result<BackgroundFigures, CellsError> {
        let size = (self.width, self.height);
        check_size("picture", size, (plane.width, plane.height), plane.pixels.len())?;
        check_size("mask", size, (mask.width, mask.height), mask.pixels.len())?;
        self.masked.pack(mask.width, mask.height, &mask.pixels);
        dilate(&mut self.masked, self.dilation, &mut self.scratch);
        let mut figures = BackgroundFigures::default();
        match &plane.pixels {
            Pixels::U16(pixels) => self.support(pixels, &mut figures),
            Pixels::F32(pixels) => {
                for (at, value) in pixels.iter().enumerate() {
                    if !is_usable(*value) {
                        self.masked.set_bit(at);
                        figures.non_finite += 1;
                    }
                }
                self.support(pixels, &mut figures);
            }
        }
        background.resize(self.width * self.height, 0.0);
        if figures.unmasked == 0 {
            background.fill(0.0);
        } else {
            self.surface(background);
        }
        Ok(figures)
    }

    /// Finds the median of each tile.
    fn support<P: Ordered>(&mut self, pixels: &[P], figures: &mut BackgroundFigures) {
        figures.unmasked = self.width * self.height - self.masked.count();
        if figures.unmasked == 0 {
            figures.empty_tiles = self.rows.tiles() * self.columns.tiles();
            return;
        }
        let frame = Frame { pixels, masked: &self.masked };
        self.medians.find(frame, &self.rows, &self.columns, &mut self.support);
        figures.empty_tiles = self.support.iter().filter(|median| median.is_nan()).count();
        if figures.empty_tiles > 0 {
            let whole = self.medians.whole(frame);
            self.support.iter_mut().filter(|median| median.is_nan()).for_each(|median| *median = whole);
        }
    }

    /// Evaluates the spline through the medians at each pixel.
    fn surface(&mut self, background: &mut [f32]) {
        let (down, across) = (self.rows.tiles(), self.columns.tiles());
        self.coefficients.clear();
        self.coefficients.extend(self.support.iter().map(|median| f64::from(*median)));
        let [y_axis, x_axis] = &self.axes;
        y_axis.solve(&mut self.coefficients, across, across, 1);
        x_axis.solve(&mut self.coefficients, 1, down, across);
        let width = self.width;
        for (row, out) in self.coefficients.chunks_exact(across).zip(self.expanded.chunks_exact_mut(width)) {
            for ((first, weights), out) in x_axis.weights.iter().zip(out) {
                let terms = row[*first as usize..].iter().zip(weights);
                *out = terms.map(|(coefficient, weight)| coefficient * weight).sum();
            }
        }
        for ((first, weights), out) in y_axis.weights.iter().zip(background.chunks_exact_mut(width)) {
            blend(&self.expanded[*first as usize * width..][..SUPPORT * width], weights, out);
        }
    }
}

/// The weighted sum of as many rows as there are weights, which lie behind each other.
fn blend(rows: &[f64], weights: &[f64; SUPPORT], out: &mut [f32]) {
    let width = out.len();
    let [a, b, c, d] = [0, 1, 2, 3].map(|row| &rows[row * width..][..width]);
    let terms = a.iter().zip(b).zip(c).zip(d);
    for (out, (((a, b), c), d)) in out.iter_mut().zip(terms) {
        *out = (a * weights[0] + b * weights[1] + c * weights[2] + d * weights[3]) as f32;
    }
}

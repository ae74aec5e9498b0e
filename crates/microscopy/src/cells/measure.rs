//! Measurement of cells: shape from the labels, intensity from a picture.

use std::ops::Range;

use crate::{Pixels, Plane};

use super::bits::{Bits, spans};
use super::components::Run;
use super::error::{check_frame, check_size};
use super::morphology::{Reach, erode, rim};
use super::{CellRow, CellsError, Feature, Labels, MeasureSettings, runs_of};

/// Figures of one measured frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasureFigures {
    /// Cells that were measured.
    pub cells: usize,
    /// Pixels of cells that were left out of a feature because their value is NaN or infinite.
    pub non_finite: usize,
}

/// Measures the cells of frames; holds scratch memory for one thread.
#[derive(Debug)]
pub struct Measurer {
    width: usize,
    height: usize,
    /// As single precision, in which PyAMA computes.
    weight: f32,
    erosion: usize,
    cells: Vec<Cell>,
    /// For each label the index of its cell, or [`NONE`].
    cell_of: Vec<u32>,
    /// All runs in raster order with their labels, then the same cell by cell.
    runs: Vec<(u16, Run)>,
    sorted: Vec<Run>,
    /// The pixels of one cell alone.
    bits: Bits,
    /// The pixels of one cell.
    values: Vec<f32>,
}

const NONE: u32 = u32::MAX;

/// A cell of the frame.
#[derive(Clone, Copy, Debug)]
struct Cell {
    id: u16,
    /// Its number of runs, then the end of its runs.
    runs: usize,
    area: usize,
    /// Columns and rows; the ends do not belong to it.
    x: [usize; 2],
    y: [usize; 2],
}

impl Measurer {
    /// For frames of this size.
    ///
    /// # Errors
    /// A setting is out of its limits, the frame is empty, or it has more than [`super::MAX_PIXELS`].
    pub fn new(width: usize, height: usize, settings: &MeasureSettings) -> Result<Measurer, CellsError> {
        settings.validate()?;
        check_frame(width, height)?;
        Ok(Measurer {
            width,
            height,
            weight: settings.background_weight as f32,
            erosion: settings.erosion,
            cells: Vec::new(),
            cell_of: vec![NONE; usize::from(u16::MAX) + 1],
            runs: Vec::new(),
            sorted: Vec::new(),
            bits: Bits::default(),
            values: Vec::new(),
        })
    }

    /// Measures `features` of every cell of `labels` in `plane`; one row a cell, by id, is added to `rows`.
    /// `background` is needed by features of intensity: empty means none.
    ///
    /// # Errors
    /// Labels, plane or background have another size than this was made for.
    pub fn measure(
        &mut self,
        frame: usize,
        labels: &Labels,
        plane: &Plane,
        background: &[f32],
        features: &[Feature],
        rows: &mut Vec<CellRow>,
    ) -> Result<MeasureFigures, CellsError> {
        let size = (self.width, self.height);
        check_size("label image", size, (labels.width, labels.height), labels.pixels.len())?;
        check_size("picture", size, (plane.width, plane.height), plane.pixels.len())?;
        if !background.is_empty() {
            check_size("background", size, size, background.len())?;
        }
        self.gather(labels);
        let mut figures = MeasureFigures { cells: self.cells.len(), non_finite: 0 };
        rows.reserve(self.cells.len());
        for at in 0..self.cells.len() {
            let cell = self.cells[at];
            let from = if at == 0 { 0 } else { self.cells[at - 1].runs };
            let runs = from..cell.runs;
            let values = features.iter().map(|feature| {
                // PyAMA's features are of single precision.
                f64::from(match feature {
                    Feature::Area => cell.area as f32,
                    Feature::Circularity => self.circularity(&cell, runs.clone()),
                    Feature::AspectRatio => aspect_ratio(&cell, &self.sorted[runs.clone()]),
                    Feature::IntensityTotal => {
                        self.total(&cell, runs.clone(), plane, background, &mut figures)
                    }
                    Feature::IntensityVariance => self.variance(runs.clone(), plane, &mut figures),
                })
            });
            let values = values.collect();
            let bbox = [cell.x[0], cell.y[0], cell.x[1] - 1, cell.y[1] - 1].map(|side| side as f64);
            let position = [(bbox[0] + bbox[2]) / 2.0, (bbox[1] + bbox[3]) / 2.0];
            rows.push(CellRow { cell: u32::from(cell.id), frame, position, bbox, values });
        }
        Ok(figures)
    }

    /// Finds the cells and sorts their runs by id.
    fn gather(&mut self, labels: &Labels) {
        let (cells, cell_of, runs) = (&mut self.cells, &mut self.cell_of, &mut self.runs);
        cells.clear();
        runs.clear();
        runs_of(labels, |id, run| {
            let at = &mut cell_of[usize::from(id)];
            let (x, y) = ([run.from as usize, run.to as usize], run.y as usize);
            if *at == NONE {
                *at = cells.len() as u32;
                cells.push(Cell { id, runs: 0, area: 0, x, y: [y, y] });
            }
            runs.push((id, run));
            let cell = &mut cells[*at as usize];
            cell.runs += 1;
            cell.area += run.length();
            cell.x = [cell.x[0].min(x[0]), cell.x[1].max(x[1])];
            cell.y[1] = y + 1;
        });
        cells.sort_unstable_by_key(|cell| cell.id);
        // From here on `cell_of` says where the next run of a cell goes.
        let mut end = 0;
        for cell in cells.iter_mut() {
            cell_of[usize::from(cell.id)] = end as u32;
            end += cell.runs;
            cell.runs = end;
        }
        self.sorted.clear();
        self.sorted.resize(end, Run { y: 0, from: 0, to: 0 });
        for (id, run) in runs.iter() {
            let place = &mut cell_of[usize::from(*id)];
            self.sorted[*place as usize] = *run;
            *place += 1;
        }
        for cell in cells.iter() {
            cell_of[usize::from(cell.id)] = NONE;
        }
    }

    /// Puts a cell alone into `bits`, whose first pixel is `x`, `y` of the frame.
    fn isolate(&mut self, runs: Range<usize>, x: Range<usize>, y: Range<usize>) {
        self.bits.reset(x.len(), y.len());
        for run in &self.sorted[runs] {
            self.bits.set_span(
                run.y as usize - y.start,
                run.from as usize - x.start,
                run.to as usize - x.start,
            );
        }
    }

    fn circularity(&mut self, cell: &Cell, runs: Range<usize>) -> f32 {
        // One pixel more on each side, unless the frame ends there.
        let around = |ends: [usize; 2], length: usize| ends[0].saturating_sub(1)..(ends[1] + 1).min(length);
        self.isolate(runs, around(cell.x, self.width), around(cell.y, self.height));
        let perimeter = rim(&self.bits) as f64;
        if perimeter == 0.0 {
            return 0.0;
        }
        (4.0 * std::f64::consts::PI * cell.area as f64 / (perimeter * perimeter)).min(1.0) as f32
    }

    fn total(
        &mut self,
        cell: &Cell,
        runs: Range<usize>,
        plane: &Plane,
        background: &[f32],
        figures: &mut MeasureFigures,
    ) -> f32 {
        self.values.clear();
        let (width, weight, values) = (self.width, self.weight, &mut self.values);
        if self.erosion == 0 {
            for run in &self.sorted[runs] {
                take(plane, run.range(width), background, weight, values);
            }
        } else {
            let [x, y] = [cell.x, cell.y].map(|ends| ends[0]..ends[1]);
            self.isolate(runs, x.clone(), y.clone());
            erode(&mut self.bits, Reach::side(self.erosion));
            for row in y.clone() {
                let start = row * width + x.start;
                spans(self.bits.row(row - y.start), |from, to| {
                    take(plane, start + from..start + to, background, weight, &mut self.values);
                });
            }
        }
        let total = pairwise_sum(&self.values);
        if total.is_finite() {
            return total;
        }
        figures.non_finite += drop_non_finite(&mut self.values);
        pairwise_sum(&self.values)
    }

    fn variance(&mut self, runs: Range<usize>, plane: &Plane, figures: &mut MeasureFigures) -> f32 {
        self.values.clear();
        for run in &self.sorted[runs] {
            take(plane, run.range(self.width), &[], 0.0, &mut self.values);
        }
        if self.values.iter().any(|value| !value.is_finite()) {
            figures.non_finite += drop_non_finite(&mut self.values);
        }
        if self.values.is_empty() {
            return 0.0;
        }
        let count = self.values.len() as f32;
        let mean = pairwise_sum(&self.values) / count;
        for value in &mut self.values {
            let difference = *value - mean;
            *value = difference * difference;
        }
        pairwise_sum(&self.values) / count
    }
}

/// Adds pixels of a plane to `values`, less the background.
fn take(plane: &Plane, range: Range<usize>, background: &[f32], weight: f32, values: &mut Vec<f32>) {
    let start = values.len();
    match &plane.pixels {
        Pixels::U16(pixels) => values.extend(pixels[range.clone()].iter().map(|pixel| f32::from(*pixel))),
        Pixels::F32(pixels) => values.extend_from_slice(&pixels[range.clone()]),
    }
    if !background.is_empty() {
        for (value, background) in values[start..].iter_mut().zip(&background[range]) {
            *value -= weight * background;
        }
    }
}

/// Takes out what is no number or infinite, and returns how many there were.
fn drop_non_finite(values: &mut Vec<f32>) -> usize {
    let before = values.len();
    values.retain(|value| value.is_finite());
    before - values.len()
}

/// The sum in single precision in the order in which numpy adds, so that totals come out the same.
pub(super) fn pairwise_sum(values: &[f32]) -> f32 {
    const LANES: usize = 8;
    if values.len() < LANES {
        return values.iter().sum();
    }
    if values.len() > 128 {
        let half = values.len() / 2;
        let (one, other) = values.split_at(half - half % LANES);
        return pairwise_sum(one) + pairwise_sum(other);
    }
    let mut lanes = [0.0; LANES];
    lanes.copy_from_slice(&values[..LANES]);
    let rest = values[LANES..].chunks_exact(LANES);
    let last = rest.remainder();
    for eight in rest {
        for (lane, value) in lanes.iter_mut().zip(eight) {
            *lane += value;
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    last.iter().fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |sum, value| sum + value)
}

/// The root of the ratio of the eigenvalues of the covariance of the coordinates; 1 where the smaller one is 0.
fn aspect_ratio(cell: &Cell, runs: &[Run]) -> f32 {
    // Sums over the pixels of a row in closed form, from the corner of the bounding box: whole numbers, hence exact.
    let (mut x_sum, mut y_sum, mut xx, mut yy, mut xy) = (0i128, 0i128, 0i128, 0i128, 0i128);
    for run in runs {
        let (from, to) = (run.from as usize - cell.x[0], run.to as usize - cell.x[0]);
        let [from, to, y] = [from, to, run.y as usize - cell.y[0]].map(|value| value as i128);
        let count = to - from;
        let row = count * (from + to - 1) / 2;
        let squares = |end: i128| (end - 1) * end * (2 * end - 1) / 6;
        x_sum += row;
        y_sum += count * y;
        xx += squares(to) - squares(from);
        yy += count * y * y;
        xy += row * y;
    }
    let area = cell.area as i128;
    let covariance = |product: i128, one: i128, other: i128| (area * product - one * other) as f64;
    let (xx, yy) = (covariance(xx, x_sum, x_sum), covariance(yy, y_sum, y_sum));
    let xy = covariance(xy, x_sum, y_sum);
    let (mean, half) = ((xx + yy) / 2.0, (xx - yy) / 2.0);
    let major = mean + half.hypot(xy);
    // The difference mean - hypot would cancel.
    let minor = (xx * yy - xy * xy) / major;
    if minor > 0.0 { (major / minor).sqrt() as f32 } else { 1.0 }
}

//! Prepares goldens and patch for the comparison: light, smoothing, flattening. By default it does nothing.

use super::light::{Correction, LightReference};
use super::{CompareSettings, PatchShape};

/// Memory of the passes, reused for each patch.
#[derive(Debug, Default)]
pub(super) struct Prepare {
    lit: Vec<u8>,
    smooth: Vec<u8>,
    flat: Vec<u8>,
    columns: Vec<u32>,
}

impl Prepare {
    /// The prepared samples and their stride: `source` itself where nothing is asked for.
    pub fn run<'a>(
        &'a mut self,
        shape: PatchShape,
        settings: &CompareSettings,
        light: Option<&LightReference>,
        source: (&'a [u8], usize),
    ) -> (&'a [u8], usize) {
        let Prepare { lit, smooth, flat, columns } = self;
        let (row, len) = (shape.row(), shape.row() * shape.height);
        let mut at = source;
        let correction = light.map_or(Correction::NONE, |light| light.correction(at.0, at.1));
        if light.is_some() {
            // Done also where this patch needs no correction, so that the next one allocates nothing.
            lit.resize(len, 0);
        }
        if correction != Correction::NONE {
            for (from, to) in at.0.chunks(at.1).zip(lit.chunks_exact_mut(row)) {
                correction.apply(&from[..row], to);
            }
            at = (lit, row);
        }
        if settings.smooth_px > 0 {
            smooth.resize(len, 0);
            average(shape, at, settings.smooth_px as usize, columns, smooth);
            at = (smooth, row);
        }
        if settings.flatten_px > 0 {
            flat.resize(len, 0);
            average(shape, at, settings.flatten_px as usize, columns, flat);
            for (from, to) in at.0.chunks(at.1).zip(flat.chunks_exact_mut(row)) {
                for (to, &from) in to.iter_mut().zip(from) {
                    *to = (128 + i16::from(from) - i16::from(*to)).clamp(0, 255) as u8;
                }
            }
            at = (flat, row);
        }
        at
    }
}

/// The mean over the square of `radius` px to each side, cut at the borders, rounded: running sums down, then across.
fn average(
    shape: PatchShape,
    (data, stride): (&[u8], usize),
    radius: usize,
    sums: &mut Vec<u32>,
    out: &mut [u8],
) {
    let (row, height) = (shape.row(), shape.height);
    let line = |y: usize| &data[y * stride..][..row];
    sums.clear();
    sums.resize(row, 0);
    for y in 0..radius.min(height) {
        sums.iter_mut().zip(line(y)).for_each(|(sum, &v)| *sum += u32::from(v));
    }
    for (y, out) in out.chunks_exact_mut(row).enumerate() {
        if y + radius < height {
            sums.iter_mut().zip(line(y + radius)).for_each(|(sum, &v)| *sum += u32::from(v));
        }
        if let Some(gone) = y.checked_sub(radius + 1) {
            sums.iter_mut().zip(line(gone)).for_each(|(sum, &v)| *sum -= u32::from(v));
        }
        let rows = (y + radius).min(height - 1) + 1 - y.saturating_sub(radius);
        average_row(shape, sums, radius, rows, out);
    }
}

/// One row of [`average`] from the sums of its columns over `rows` rows.
fn average_row(shape: PatchShape, columns: &[u32], radius: usize, rows: usize, out: &mut [u8]) {
    let (width, step) = (shape.width, shape.channels.count());
    for channel in 0..step {
        let column = |x: usize| columns[x * step + channel];
        let mut sum: u32 = (0..radius.min(width)).map(column).sum();
        for x in 0..width {
            if x + radius < width {
                sum += column(x + radius);
            }
            if let Some(gone) = x.checked_sub(radius + 1) {
                sum -= column(gone);
            }
            let across = (x + radius).min(width - 1) + 1 - x.saturating_sub(radius);
            let area = (across * rows) as u32;
            out[x * step + channel] = ((sum + area / 2) / area) as u8;
        }
    }
}

//! Copies a frame's planes into a [`Canvas`]: converted to JFIF's colours, and shrunk where they are larger.
//!
//! At its own size a frame is copied row by row; made smaller it goes through the same passes as into a tensor (the
//! mean of all px that one covers), luma and chroma each at the size that the canvas has for them.

use super::canvas::{Canvas, Sampling};
use super::colour::coefficients;
use super::plan::Plans;
use super::preprocess::{Buffers, Resampling};
use super::simd::{Isa, ToJfif};
use super::{ImageError, Target, planes};
use crate::{PixelFormat, Planes};

/// Number of sizes whose tables are kept, because a worker draws several cameras in turn.
const REMEMBERED: usize = 8;

/// Copies frames into canvases. Once it has seen a geometry it allocates nothing.
#[derive(Debug)]
pub struct Copier {
    isa: Isa,
    scalers: Vec<Scaler>,
    buffers: Buffers,
    rows: SplitRows,
}

/// The tables for one size of canvas.
#[derive(Debug)]
struct Scaler {
    full: (Target, Plans),
    half: (Target, Plans),
}

/// Two rows of what lies interleaved or resampled, taken apart, and the chroma that they share.
#[derive(Debug, Default)]
struct SplitRows {
    /// Luma, or red of an RGB picture.
    a: [Vec<u8>; 2],
    /// Interleaved chroma, or green of an RGB picture.
    b: [Vec<u8>; 2],
    /// Blue of an RGB picture, else unused.
    c: [Vec<u8>; 2],
    u: Vec<u8>,
    v: Vec<u8>,
    shifts: Vec<i16>,
}

impl SplitRows {
    fn fit(&mut self, width: usize) {
        let width = width.next_multiple_of(2);
        let whole = self.a.iter_mut().chain(&mut self.b).chain(&mut self.c);
        for row in whole.chain([&mut self.u, &mut self.v]) {
            if row.len() < width {
                row.resize(width, 0);
            }
        }
        if self.shifts.len() < width {
            self.shifts.resize(width, 0);
        }
    }
}

/// The size of a `width` × `height` picture that is at most `limit` px wide; never larger than it is.
pub fn size_within(width: usize, height: usize, limit: usize) -> (usize, usize) {
    if width <= limit {
        return (width, height);
    }
    let limit = limit.max(1);
    (limit, ((height as f64 * limit as f64 / width as f64).round() as usize).max(1))
}

impl Default for Copier {
    fn default() -> Copier {
        Copier {
            isa: Isa::detect(),
            scalers: Vec::new(),
            buffers: Buffers::default(),
            rows: SplitRows::default(),
        }
    }
}

impl Copier {
    /// Puts `planes` into `canvas` (4:2:0), at most `limit` px wide. Chroma siting is not shifted at the frame's own
    /// size (a quarter of a chroma sample).
    ///
    /// # Errors
    /// The planes are too short for their rows.
    pub fn copy(&mut self, planes: &Planes<'_>, limit: usize, canvas: &mut Canvas) -> Result<(), ImageError> {
        planes::check(planes)?;
        let size @ (width, height) = size_within(planes.width, planes.height, limit);
        canvas.resize(width, height, Sampling::Two);
        self.rows.fit(width);
        if size == (planes.width, planes.height) {
            self.copy_same(planes, canvas);
            return Ok(());
        }
        self.shrink(planes, canvas)
    }

    /// Puts a YUY2 picture into `canvas` with all of its chroma (4:2:2).
    pub(super) fn copy_packed(&mut self, planes: &Planes<'_>, canvas: &mut Canvas) -> Result<(), ImageError> {
        planes::check(planes)?;
        canvas.resize(planes.width, planes.height, Sampling::One);
        self.rows.fit(planes.width);
        let (isa, map) = (self.isa, ToJfif::new(planes.colour));
        let (wide, half) = (canvas.even_size().0, canvas.even_size().0 / 2);
        for y in 0..planes.height {
            let SplitRows { a, b, u, v, shifts, .. } = &mut self.rows;
            isa.unzip(row(planes, 0, y), &mut a[0][..wide], &mut b[0][..wide]);
            isa.unzip(&b[0][..wide], &mut u[..half], &mut v[..half]);
            let mut out = YuvOutput { isa, map: &map, shifts };
            out.chroma(u, v, y, canvas);
            out.luma(&a[0][..wide], y, canvas);
        }
        Ok(())
    }

    fn copy_same(&mut self, planes: &Planes<'_>, canvas: &mut Canvas) {
        let (isa, map) = (self.isa, ToJfif::new(planes.colour));
        for pair in 0..canvas.height().div_ceil(2) {
            let ys = [2 * pair, (2 * pair + 1).min(planes.height - 1)];
            match planes.format {
                PixelFormat::Rgb | PixelFormat::Bgr | PixelFormat::Rgba => {
                    self.rows.unpack(isa, planes, ys);
                    self.rows.rgb_pair(isa, planes.width, pair, canvas);
                }
                PixelFormat::Gray8 => write_grey(ys.map(|y| row(planes, 0, y)), pair, canvas),
                _ => self.yuv_pair(planes, &map, ys, pair, canvas),
            }
        }
    }

    /// Two rows of luma and the chroma that they share.
    fn yuv_pair(
        &mut self,
        planes: &Planes<'_>,
        map: &ToJfif,
        ys: [usize; 2],
        pair: usize,
        canvas: &mut Canvas,
    ) {
        let isa = self.isa;
        let (wide, half) = (canvas.even_size().0, canvas.even_size().0 / 2);
        let SplitRows { a: [a0, a1], b: [b0, b1], c: [mean, _], u, v, shifts } = &mut self.rows;
        let mut luma = ys.map(|y| row(planes, 0, y));
        let mut out = YuvOutput { isa, map, shifts };
        match planes.format {
            PixelFormat::I420 => out.chroma(row(planes, 1, pair), row(planes, 2, pair), pair, canvas),
            PixelFormat::Nv12 => {
                isa.unzip(row(planes, 1, pair), &mut u[..half], &mut v[..half]);
                out.chroma(u, v, pair, canvas);
            }
            _ => {
                isa.unzip(luma[0], &mut a0[..wide], &mut b0[..wide]);
                isa.unzip(luma[1], &mut a1[..wide], &mut b1[..wide]);
                isa.average(&b0[..wide], &b1[..wide], &mut mean[..wide]);
                isa.unzip(&mean[..wide], &mut u[..half], &mut v[..half]);
                out.chroma(u, v, pair, canvas);
                luma = [a0, a1];
            }
        }
        out.luma(luma[0], 2 * pair, canvas);
        out.luma(luma[1], 2 * pair + 1, canvas);
    }

    fn shrink(&mut self, planes: &Planes<'_>, canvas: &mut Canvas) -> Result<(), ImageError> {
        let at = self.scaler(canvas.width(), canvas.height());
        let Scaler { full, half } = &mut self.scalers[at];
        let (isa, map) = (self.isa, ToJfif::new(planes.colour));
        let colour = coefficients(planes.colour);
        let is_yuv = matches!(planes.format, PixelFormat::I420 | PixelFormat::Nv12 | PixelFormat::Yuy2);
        let whole = full.1.find(&full.0, planes, None)?;
        let sharp = Resampling { isa, planes: *planes, plan: whole, colour, gray: is_yuv, luma: true };
        let shared = half.1.find(&half.0, planes, None)?;
        let soft = Resampling { plan: shared, gray: false, luma: false, ..sharp };
        self.buffers.fit(whole, sharp.channels_read());
        self.buffers.fit(shared, soft.channels_read());
        let (width, chroma) = (canvas.width(), canvas.even_size().0 / 2);
        for pair in 0..canvas.height().div_ceil(2) {
            for (at, y) in [2 * pair, (2 * pair + 1).min(canvas.height() - 1)].into_iter().enumerate() {
                sharp.resample(y, &mut self.buffers);
                let SplitRows { a, b, c, .. } = &mut self.rows;
                let narrow = [&mut a[at], &mut b[at], &mut c[at]];
                for (samples, out) in self.buffers.samples.iter().zip(narrow).take(sharp.channels_read()) {
                    isa.narrow(&samples[..width], &mut out[..width]);
                }
            }
            if is_yuv {
                soft.resample(pair, &mut self.buffers);
                let [_, blue, red] = &self.buffers.samples;
                let SplitRows { a, u, v, shifts, .. } = &mut self.rows;
                isa.narrow(&blue[..chroma], &mut u[..chroma]);
                isa.narrow(&red[..chroma], &mut v[..chroma]);
                let mut out = YuvOutput { isa, map: &map, shifts };
                out.chroma(&u[..chroma], &v[..chroma], pair, canvas);
                out.luma(&a[0][..width], 2 * pair, canvas);
                out.luma(&a[1][..width], 2 * pair + 1, canvas);
            } else if planes.format == PixelFormat::Gray8 {
                let rows = [&self.rows.a[0][..width], &self.rows.a[1][..width]];
                write_grey(rows, pair, canvas);
            } else {
                self.rows.rgb_pair(isa, width, pair, canvas);
            }
        }
        Ok(())
    }

    /// The tables for a canvas of this size.
    fn scaler(&mut self, width: usize, height: usize) -> usize {
        let known =
            self.scalers.iter().position(|one| (one.full.0.width, one.full.0.height) == (width, height));
        known.unwrap_or_else(|| {
            if self.scalers.len() == REMEMBERED {
                self.scalers.remove(0);
            }
            self.scalers.push(Scaler {
                full: (Target::rgb(width, height), Plans::default()),
                half: (Target::rgb(width.div_ceil(2), height.div_ceil(2)), Plans::default()),
            });
            self.scalers.len() - 1
        })
    }
}

/// Writes rows of YUV into the canvas, converted to JFIF.
struct YuvOutput<'a> {
    isa: Isa,
    map: &'a ToJfif,
    /// What the pair's chroma adds to its luma.
    shifts: &'a mut [i16],
}

impl YuvOutput<'_> {
    /// A row of chroma; before the rows of luma that share it.
    fn chroma(&mut self, u: &[u8], v: &[u8], y: usize, canvas: &mut Canvas) {
        let half = canvas.even_size().0 / 2;
        let (u, v) = (&u[..half], &v[..half]);
        if self.map.is_identity() {
            canvas.row_mut(1, y).copy_from_slice(u);
            return canvas.row_mut(2, y).copy_from_slice(v);
        }
        let (to_u, to_v) = canvas.chroma_rows(y);
        self.isa.jfif_chroma(u, v, self.map, to_u, to_v);
        if self.map.moves_luma() {
            self.isa.jfif_shifts(u, v, self.map, &mut self.shifts[..2 * half]);
        }
    }

    fn luma(&self, luma: &[u8], y: usize, canvas: &mut Canvas) {
        let width = canvas.width();
        let (luma, out) = (&luma[..width], canvas.row_mut(0, y));
        if self.map.is_identity() {
            out[..width].copy_from_slice(luma);
        } else if self.map.moves_luma() {
            self.isa.jfif_luma_shifted(luma, &self.shifts[..width], self.map, &mut out[..width]);
        } else {
            self.isa.jfif_luma(luma, self.map, &mut out[..width]);
        }
        repeat_edge(out, width);
    }
}

impl SplitRows {
    /// Two rows of RGB, taken apart.
    fn unpack(&mut self, isa: Isa, planes: &Planes<'_>, ys: [usize; 2]) {
        let width = planes.width;
        for (at, y) in ys.into_iter().enumerate() {
            let (a, b, c) = (&mut self.a[at][..width], &mut self.b[at][..width], &mut self.c[at][..width]);
            let pixels = row(planes, 0, y);
            match planes.format {
                PixelFormat::Bgr => isa.unpack3(pixels, c, b, a),
                PixelFormat::Rgba => isa.unpack4(pixels, a, b, c),
                _ => isa.unpack3(pixels, a, b, c),
            }
        }
    }

    /// Writes two rows of red, green and blue to the canvas.
    fn rgb_pair(&mut self, isa: Isa, width: usize, pair: usize, canvas: &mut Canvas) {
        let even = width.next_multiple_of(2);
        for row in self.a.iter_mut().chain(&mut self.b).chain(&mut self.c) {
            repeat_edge(&mut row[..even], width);
        }
        let [r, g, b] = [&self.a, &self.b, &self.c].map(|rows| [&rows[0][..even], &rows[1][..even]]);
        for at in 0..2 {
            isa.rgb_luma(r[at], g[at], b[at], canvas.row_mut(0, 2 * pair + at));
        }
        let (u, v) = canvas.chroma_rows(pair);
        isa.rgb_chroma(r, g, b, u, v);
    }
}

fn write_grey(rows: [&[u8]; 2], pair: usize, canvas: &mut Canvas) {
    let width = canvas.width();
    for (at, row) in rows.into_iter().enumerate() {
        let out = canvas.row_mut(0, 2 * pair + at);
        out[..width].copy_from_slice(&row[..width]);
        repeat_edge(out, width);
    }
    canvas.row_mut(1, pair).fill(128);
    canvas.row_mut(2, pair).fill(128);
}

/// A plane's row without its padding.
fn row<'a>(planes: &Planes<'a>, plane: usize, y: usize) -> &'a [u8] {
    let (bytes, _) = planes.format.plane_sizes(planes.width, planes.height)[plane];
    &planes.data[plane][y * planes.stride[plane]..][..bytes]
}

/// The column that an odd width lacks shows the last one again.
fn repeat_edge(row: &mut [u8], width: usize) {
    if let Some(&edge) = width.checked_sub(1).and_then(|last| row.get(last)) {
        row[width..].fill(edge);
    }
}

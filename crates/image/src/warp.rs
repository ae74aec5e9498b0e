//! A region of a part, wherever the part lies in the frame, as an upright patch in recipe px.
//!
//! Row by row: bilinear samples along the row's line in the frame, then colour by the kernels that fill tensors.

use super::colour::{chroma_site, coefficients};
use super::rotated::Affine;
use super::sampler::{Channel, SamplePath};
use super::simd::{Isa, SAMPLE_BITS, YuvCoefficients};
use super::{Channels, ImageError, Patch, RotatedRect, planes};
use crate::{PixelFormat, Planes, Pose, Range};

/// A patch whose pixels lie so near to whole pixels of the frame is not interpolated, px.
const WHOLE_PX: f64 = 1e-3;
/// Most samples across one px of a patch that is smaller than what it shows; it begins to alias when 16 times smaller.
const MOST_ACROSS: usize = 16;
/// A px of the patch may be this much larger than a px of the frame before more than one sample is averaged.
const NEARLY_ONE: f64 = 0.05;

/// Cuts regions into patches. Each worker has one, which allocates nothing once its rows and the patch are
/// large enough.
#[derive(Clone, Debug)]
pub struct Cutter {
    isa: Isa,
    samples: [Vec<i16>; 3],
    /// Samples and sums of a row that takes several samples for each px.
    fine: Vec<i16>,
    sums: Vec<i32>,
    bytes: [Vec<u8>; 3],
}

/// What a patch shows where it reaches beyond the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outside {
    /// The picture's edge px go on.
    Edge,
    /// The patch is black there.
    Black,
}

/// How the px of a patch lie in the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Warp {
    /// Patch px to frame px; may scale.
    pub affine: Affine,
    /// The patch is the part of a larger one from this px on, rightwards and downwards: the same bits as there.
    pub from: usize,
    pub outside: Outside,
}

impl Default for Cutter {
    fn default() -> Cutter {
        Cutter::new()
    }
}

impl Cutter {
    /// A cutter for pictures of any format and size.
    pub fn new() -> Cutter {
        Cutter {
            isa: Isa::detect(),
            samples: Default::default(),
            fine: Vec::new(),
            sums: Vec::new(),
            bytes: Default::default(),
        }
    }

    /// Fills `out` with `region` of the part that lies at `pose`: `region.size()` px at scale 1, bilinear,
    /// the picture's edge px going on outside. Where the patch's px lie on whole px of the frame (to within
    /// 1/1000 px) nothing is interpolated, and grey is the luma plane itself (range expanded). The result has
    /// the same bits on every machine, within 1 count of the [`Preprocessor`](super::Preprocessor)'s.
    ///
    /// # Errors
    /// Planes that do not hold their rows; a region or pose that no patch can hold.
    pub fn cut(
        &mut self,
        planes: &Planes<'_>,
        region: &RotatedRect,
        pose: &Pose,
        channels: Channels,
        out: &mut Patch,
    ) -> Result<(), ImageError> {
        planes::check(planes)?;
        region.check(pose)?;
        let (width, height) = region.size();
        out.reshape(width, height, channels);
        let affine = region.affine(pose);
        let whole = whole_px(&affine, width.max(height) as f64);
        if let Some((x, y)) = whole
            && channels == Channels::Gray
            && (is_yuv(planes.format) || planes.format == PixelFormat::Gray8)
        {
            self.copy_luma(planes, (x, y), out);
            return Ok(());
        }
        let snapped = whole.map(|(x, y)| Affine { cos: 1.0, sin: 0.0, x: x as f64, y: y as f64 });
        let affine = snapped.unwrap_or(affine);
        self.resample(planes, &Warp { affine, from: 0, outside: Outside::Edge }, out);
        Ok(())
    }

    /// Luma where it is, row by row, edge px repeated; limited range expanded as [`Isa::luma`] does.
    fn copy_luma(&mut self, planes: &Planes<'_>, (x, y): (i64, i64), out: &mut Patch) {
        let coefficients = coefficients(planes.colour);
        let expand = is_yuv(planes.format) && coefficients.black != 0;
        let samples = &mut self.samples[0];
        samples.resize(samples.len().max(out.width), 0);
        let samples = &mut samples[..out.width];
        let channel = channel(planes, 0);
        let (right, bottom) = (channel.width as i64, channel.height as i64);
        // Patch columns left of the picture, then up to its right edge, then beyond.
        let width = out.width;
        let column = |edge: i64| (edge - x).clamp(0, width as i64) as usize;
        let (from, to) = (column(0), column(right));
        for (j, row) in out.data.chunks_exact_mut(width).enumerate() {
            let line = &channel.data[(y + j as i64).clamp(0, bottom - 1) as usize * channel.stride..];
            let source = |at: i64| line[at.clamp(0, right - 1) as usize * channel.step];
            row[..from].fill(source(0));
            row[to..].fill(source(right - 1));
            if from < to {
                let first = (x + from as i64) as usize;
                if channel.step == 1 {
                    row[from..to].copy_from_slice(&line[first..][..to - from]);
                } else {
                    let pixels = line[first * channel.step..].iter().step_by(channel.step);
                    row[from..to].iter_mut().zip(pixels).for_each(|(out, &luma)| *out = luma);
                }
            }
            if expand {
                // Through the vector kernel: a table would take one px at a time.
                samples.iter_mut().zip(&*row).for_each(|(to, &luma)| *to = i16::from(luma) << SAMPLE_BITS);
                self.isa.luma(samples, &coefficients, row);
            }
        }
    }

    /// Fills `out`, which has its shape, from checked planes. Bilinear; where the patch is smaller than what it shows,
    /// each px is the mean of bilinear samples all over it.
    pub(super) fn resample(&mut self, planes: &Planes<'_>, warp: &Warp, out: &mut Patch) {
        let colour = coefficients(planes.colour);
        let n = out.width;
        let gray = out.channels == Channels::Gray;
        let one = planes.format == PixelFormat::Gray8 || (gray && is_yuv(planes.format));
        let read = if one { 1 } else { 3 };
        self.samples[..read].iter_mut().for_each(|row| row.resize(row.len().max(n), 0));
        self.bytes.iter_mut().for_each(|row| row.resize(row.len().max(n), 0));
        let (channels, stride) = (out.channels, out.stride());
        for (y, row) in out.data.chunks_exact_mut(stride).enumerate() {
            for c in 0..read {
                self.sample_row(planes, c, warp, (y, n));
            }
            match channels {
                Channels::Gray => self.grey(planes.format, &colour, row),
                Channels::Rgb | Channels::Bgr => self.colour(planes.format, &colour, channels, row),
            }
        }
    }

    /// The samples of channel `c` for the `n` px of row `y`.
    fn sample_row(&mut self, planes: &Planes<'_>, c: usize, warp: &Warp, (y, n): (usize, usize)) {
        let (channel, across) = (channel(planes, c), across(planes, c, &warp.affine));
        let border = (warp.outside == Outside::Black).then(|| black(planes, c));
        let share = 1.0 / across as f64;
        let line = |step: usize| {
            let y = (warp.from + y) as f64 + (step as f64 + 0.5) * share;
            line(planes, c, &warp.affine, (0.5 * share, y), share).skip(warp.from * across)
        };
        let out = &mut self.samples[c][..n];
        if across == 1 {
            return channel.sample(line(0), border, out);
        }
        self.fine.resize(self.fine.len().max(n * across), 0);
        self.sums.clear();
        self.sums.resize(n, 0);
        for step in 0..across {
            let fine = &mut self.fine[..n * across];
            channel.sample(line(step), border, fine);
            for (sum, px) in self.sums.iter_mut().zip(fine.chunks_exact(across)) {
                *sum += px.iter().map(|&sample| i32::from(sample)).sum::<i32>();
            }
        }
        let count = (across * across) as i32;
        out.iter_mut().zip(&self.sums).for_each(|(out, sum)| *out = ((sum + count / 2) / count) as i16);
    }

    /// One row of samples to grey.
    fn grey(&self, format: PixelFormat, colour: &YuvCoefficients, out: &mut [u8]) {
        let n = out.len();
        let [a, b, c] = &self.samples;
        match format {
            PixelFormat::Gray8 => self.isa.narrow(&a[..n], out),
            _ if is_yuv(format) => self.isa.luma(&a[..n], colour, out),
            _ => self.isa.rgb_to_gray([&a[..n], &b[..n], &c[..n]], out),
        }
    }

    /// One row of samples to interleaved colour.
    fn colour(&mut self, format: PixelFormat, colour: &YuvCoefficients, channels: Channels, out: &mut [u8]) {
        let n = out.len() / 3;
        let isa = self.isa;
        let [a, b, c] = &self.samples;
        let [r, g, blue] = &mut self.bytes;
        let (r, g, blue) = (&mut r[..n], &mut g[..n], &mut blue[..n]);
        if format == PixelFormat::Gray8 {
            isa.narrow(&a[..n], r);
            return isa.interleave([r, r, r], 0, out);
        }
        if is_yuv(format) {
            isa.yuv_to_rgb([&a[..n], &b[..n], &c[..n]], colour, [&mut *r, &mut *g, &mut *blue]);
        } else {
            isa.narrow(&a[..n], r);
            isa.narrow(&b[..n], g);
            isa.narrow(&c[..n], blue);
        }
        let planes: [&[u8]; 3] = if channels == Channels::Bgr { [blue, g, r] } else { [r, g, blue] };
        isa.interleave(planes, 0, out);
    }
}

fn is_yuv(format: PixelFormat) -> bool {
    matches!(format, PixelFormat::Nv12 | PixelFormat::I420 | PixelFormat::Yuy2)
}

/// The whole px by which a patch of `side` px lies away from the frame's origin, if it is not turned and not between.
fn whole_px(affine: &Affine, side: f64) -> Option<(i64, i64)> {
    let off = |v: f64| (v - v.round()).abs();
    let upright = affine.cos > 0.0 && affine.sin.abs() * side < WHOLE_PX;
    (upright && off(affine.x) < WHOLE_PX && off(affine.y) < WHOLE_PX)
        .then(|| (affine.x.round() as i64, affine.y.round() as i64))
}

/// Whether channel `c` has half the samples across, and half the rows.
fn halved(format: PixelFormat, c: usize) -> (bool, bool) {
    match format {
        _ if c == 0 => (false, false),
        PixelFormat::Nv12 | PixelFormat::I420 => (true, true),
        PixelFormat::Yuy2 => (true, false),
        _ => (false, false),
    }
}

/// How many samples of channel `c` lie across one px of the patch.
fn across(planes: &Planes<'_>, c: usize, affine: &Affine) -> usize {
    let length = (affine.cos * affine.cos + affine.sin * affine.sin).sqrt();
    let length = if halved(planes.format, c) == (true, true) { length / 2.0 } else { length };
    ((length - NEARLY_ONE).ceil() as usize).clamp(1, MOST_ACROSS)
}

/// The byte that is black in channel `c`.
fn black(planes: &Planes<'_>, c: usize) -> u8 {
    match (is_yuv(planes.format), c, planes.colour.range) {
        (true, 0, Range::Limited) => 16,
        (true, 1 | 2, _) => 128,
        _ => 0,
    }
}

/// Positions in the samples of channel `c`: from patch position `start` on, `share` of a px apart.
fn line(planes: &Planes<'_>, c: usize, affine: &Affine, start: (f64, f64), share: f64) -> SamplePath {
    let (x, y) = affine.apply(start.0, start.1);
    let (cos, sin) = (affine.cos * share, affine.sin * share);
    let (half_x, half_y) = halved(planes.format, c);
    let (x, dx) = if half_x { (x / 2.0 + chroma_site(planes.colour.range), cos / 2.0) } else { (x, cos) };
    let (y, dy) = if half_y { (y / 2.0, sin / 2.0) } else { (y, sin) };
    SamplePath::new((x - 0.5, y - 0.5), (dx, dy))
}

/// Channel `c` (luma, U, V or red, green, blue) of planes that were checked.
fn channel<'a>(planes: &Planes<'a>, c: usize) -> Channel<'a> {
    let (plane, first, step) = match (planes.format, c) {
        (PixelFormat::Nv12, 1 | 2) => (1, c - 1, 2),
        (PixelFormat::I420, _) => (c, 0, 1),
        (PixelFormat::Yuy2, 1) => (0, 1, 4),
        (PixelFormat::Yuy2, 2) => (0, 3, 4),
        (PixelFormat::Yuy2, _) => (0, 0, 2),
        (PixelFormat::Rgb, _) => (0, c, 3),
        (PixelFormat::Bgr, _) => (0, 2 - c, 3),
        (PixelFormat::Rgba, _) => (0, c, 4),
        (PixelFormat::Nv12 | PixelFormat::Gray8, _) => (0, 0, 1),
    };
    let (half_x, half_y) = halved(planes.format, c);
    Channel {
        data: &planes.data[plane][first..],
        stride: planes.stride[plane],
        step,
        width: if half_x { planes.width.div_ceil(2) } else { planes.width },
        height: if half_y { planes.height.div_ceil(2) } else { planes.height },
    }
}

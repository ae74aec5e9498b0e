//! A picture's planes straight into a tensor: resample the planes, convert the colour, normalise, store.
//!
//! Row by row, so that what lies between the passes stays in the first-level cache and each source byte comes
//! from memory once:
//!
//! ```text
//! planes ──vertical pass──▶ mid (Q7, source width) ──horizontal──▶ samples (Q7, target width)
//!        ──colour──▶ bytes (r, g, b) ──store──▶ tensor row
//! ```

use super::colour::coefficients;
use super::plan::{GridWeights, Plans, ResamplePlan};
use super::simd::{Isa, Strip, YuvCoefficients};
use super::store::ElementWriter;
use super::{Channels, ImageError, Target, planes};
use crate::{PixelFormat, Placement, Planes, Rect};

/// Converts pictures into the tensor of one model. Each worker has one, which allocates nothing for a known
/// geometry.
#[derive(Debug)]
pub struct Preprocessor {
    target: Target,
    isa: Isa,
    store: ElementWriter,
    bar_row: Vec<u8>,
    plans: Plans,
    buffers: Buffers,
}

/// The rows between the passes; they only ever grow.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    wide: Vec<i16>,
    mid: [Vec<i16>; 3],
    /// Resampled, Q7: luma and chroma, or red, green and blue.
    pub samples: [Vec<i16>; 3],
    bytes: [Vec<u8>; 3],
}

impl Preprocessor {
    /// A preprocessor for `target`. Tables are computed at the first picture of each geometry.
    pub fn new(target: Target) -> Preprocessor {
        let store = ElementWriter::new(&target);
        let bar_row = if target.check(0).is_err_and(|e| matches!(e, ImageError::OutputSize { .. })) {
            store.bar_row(&target)
        } else {
            Vec::new()
        };
        Preprocessor {
            target,
            isa: Isa::detect(),
            store,
            bar_row,
            plans: Plans::default(),
            buffers: Buffers::default(),
        }
    }

    /// The target that it was made for.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Fills `out` (exactly height × width × channels × element bytes, NHWC) with `region` of the picture, in
    /// frame px; all of it if `None`. The region may be fractional and reach outside: there the edge pixels
    /// go on. Returns where the region lies in the tensor.
    ///
    /// # Errors
    /// An empty region, an `out` of another size, planes that do not hold their rows, an unsupported target.
    pub fn run(
        &mut self,
        planes: &Planes<'_>,
        region: Option<Rect>,
        out: &mut [u8],
    ) -> Result<Placement, ImageError> {
        self.target.check(out.len())?;
        planes::check(planes)?;
        let plan = self.plans.find(&self.target, planes, region)?;
        let road = Resampling {
            isa: self.isa,
            planes: *planes,
            plan,
            colour: coefficients(planes.colour),
            gray: self.target.channels == Channels::Gray,
            luma: true,
        };
        self.buffers.fit(plan, road.channels_read());
        let window = plan.window;
        let pixel = self.target.pixel_bytes();
        let picture = window.left * pixel..(window.left + window.width) * pixel;
        for (y, row) in out.chunks_exact_mut(self.bar_row.len()).enumerate() {
            if !(window.top..window.top + window.height).contains(&y) {
                row.copy_from_slice(&self.bar_row);
                continue;
            }
            row[..picture.start].copy_from_slice(&self.bar_row[..picture.start]);
            row[picture.end..].copy_from_slice(&self.bar_row[picture.end..]);
            road.resample(y - window.top, &mut self.buffers);
            road.colour(&mut self.buffers);
            self.buffers.store(&self.store, &self.target, &road, &mut row[picture.clone()]);
        }
        Ok(plan.placement)
    }
}

/// The data of one picture that the passes need.
pub(super) struct Resampling<'a> {
    pub isa: Isa,
    pub planes: Planes<'a>,
    pub plan: &'a ResamplePlan,
    pub colour: YuvCoefficients,
    /// Only what is grey is wanted: no chroma of YUV.
    pub gray: bool,
    /// Whether the luma of YUV is wanted.
    pub luma: bool,
}

impl<'a> Resampling<'a> {
    fn is_yuv(&self) -> bool {
        matches!(self.planes.format, PixelFormat::Nv12 | PixelFormat::I420 | PixelFormat::Yuy2)
    }

    /// Channels that are resampled: a grey tensor needs no chroma.
    pub fn channels_read(&self) -> usize {
        let one = self.planes.format == PixelFormat::Gray8 || (self.gray && self.is_yuv());
        if one { 1 } else { 3 }
    }

    /// The vertical source of output row `y`: `bytes` a sample, in `plane`, on `grid`.
    fn strip(&self, plane: usize, grid: &'a GridWeights, bytes: usize, y: usize) -> Strip<'a> {
        let (row, weights) = grid.rows.row(y);
        let stride = self.planes.stride[plane];
        let data = &self.planes.data[plane][row * stride + grid.first * bytes..];
        Strip { data, stride, weights, ahead: grid.rows.ahead(y) }
    }

    /// Both passes for output row `y`: planes to `buffers.samples`.
    pub fn resample(&self, y: usize, buffers: &mut Buffers) {
        self.vertical(y, buffers);
        let grids = if self.is_yuv() {
            [&self.plan.luma, &self.plan.chroma, &self.plan.chroma]
        } else {
            [&self.plan.luma; 3]
        };
        let first = usize::from(self.is_yuv() && !self.luma);
        for (c, grid) in grids.into_iter().enumerate().take(self.channels_read()).skip(first) {
            let samples = &mut buffers.samples[c][..grid.columns.padded()];
            self.isa.gather(&buffers.mid[c][..grid.mid_len()], &grid.columns, samples);
        }
    }

    /// The vertical pass for output row `y`: planes to `buffers.mid`, one channel a row.
    fn vertical(&self, y: usize, buffers: &mut Buffers) {
        let (isa, luma, chroma) = (self.isa, &self.plan.luma, &self.plan.chroma);
        let Buffers { wide, mid: [a, b, c], .. } = buffers;
        let (l, m) = (luma.count, chroma.count);
        let colour = self.channels_read() == 3;
        match self.planes.format {
            PixelFormat::Gray8 => isa.blend(self.strip(0, luma, 1, y), &mut a[..l]),
            PixelFormat::Nv12 => {
                if self.luma {
                    isa.blend(self.strip(0, luma, 1, y), &mut a[..l]);
                }
                if colour {
                    isa.blend_pairs(self.strip(1, chroma, 2, y), &mut b[..m], &mut c[..m]);
                }
            }
            PixelFormat::I420 => {
                if self.luma {
                    isa.blend(self.strip(0, luma, 1, y), &mut a[..l]);
                }
                if colour {
                    isa.blend(self.strip(1, chroma, 1, y), &mut b[..m]);
                    isa.blend(self.strip(2, chroma, 1, y), &mut c[..m]);
                }
            }
            PixelFormat::Yuy2 => {
                isa.blend_pairs(self.strip(0, luma, 2, y), &mut a[..l], &mut wide[..l]);
                if colour {
                    isa.split::<2, 2>(&wide[..l], [&mut b[..m], &mut c[..m]]);
                }
            }
            PixelFormat::Rgb | PixelFormat::Bgr => {
                isa.blend(self.strip(0, luma, 3, y), &mut wide[..3 * l]);
                let (first, last) = if self.planes.format == PixelFormat::Rgb { (a, c) } else { (c, a) };
                isa.split::<3, 3>(&wide[..3 * l], [&mut first[..l], &mut b[..l], &mut last[..l]]);
            }
            PixelFormat::Rgba => {
                isa.blend(self.strip(0, luma, 4, y), &mut wide[..4 * l]);
                isa.split::<4, 3>(&wide[..4 * l], [&mut a[..l], &mut b[..l], &mut c[..l]]);
            }
        }
    }

    /// `buffers.samples` to `buffers.bytes`: red, green, blue, or the first alone for what is grey.
    fn colour(&self, buffers: &mut Buffers) {
        let n = self.plan.window.width;
        let [a, b, c] = &buffers.samples;
        let [r, g, blue] = &mut buffers.bytes;
        let red = &mut r[..n];
        match (self.is_yuv(), self.channels_read()) {
            (true, 1) => self.isa.luma(&a[..n], &self.colour, red),
            (true, _) => {
                let planes = [&a[..n], &b[..n], &c[..n]];
                self.isa.yuv_to_rgb(planes, &self.colour, [red, &mut g[..n], &mut blue[..n]]);
            }
            (false, 3) if self.gray => self.isa.rgb_to_gray([&a[..n], &b[..n], &c[..n]], red),
            (false, 1) => self.isa.narrow(&a[..n], red),
            (false, _) => {
                self.isa.narrow(&a[..n], red);
                self.isa.narrow(&b[..n], &mut g[..n]);
                self.isa.narrow(&c[..n], &mut blue[..n]);
            }
        }
    }
}

impl Buffers {
    /// Makes every row long enough for `plan`.
    pub fn fit(&mut self, plan: &ResamplePlan, channels: usize) {
        let grow = |row: &mut Vec<i16>, len: usize| {
            if row.len() < len {
                row.resize(len, 0);
            }
        };
        grow(&mut self.wide, 4 * plan.luma.count);
        let mid = plan.luma.mid_len().max(plan.chroma.mid_len());
        for c in 0..channels {
            grow(&mut self.mid[c], mid);
            grow(&mut self.samples[c], plan.luma.columns.padded());
        }
        for bytes in &mut self.bytes {
            if bytes.len() < plan.window.width {
                bytes.resize(plan.window.width, 0);
            }
        }
    }

    /// `bytes` into one row of the picture in the tensor.
    fn store(&self, store: &ElementWriter, target: &Target, road: &Resampling<'_>, out: &mut [u8]) {
        let n = road.plan.window.width;
        let [r, g, b] = &self.bytes;
        let planes = match (target.channels, road.planes.format) {
            (Channels::Gray, _) => return store.row1(&r[..n], out),
            (_, PixelFormat::Gray8) => [r, r, r],
            (Channels::Rgb, _) => [r, g, b],
            (Channels::Bgr, _) => [b, g, r],
        };
        store.row3(road.isa, planes.map(|plane| &plane[..n]), out);
    }
}

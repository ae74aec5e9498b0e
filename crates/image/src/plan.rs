//! Computes once for each geometry what depends on it alone: the picture's place and the coefficient tables.

use super::colour::chroma_site;
use super::fit::{Window, place};
use super::weights::{ColumnWeights, ResampleAxis, RowWeights};
use super::{ImageError, Target};
use crate::{PixelFormat, Placement, Planes, Range, Rect};

/// Geometries remembered at once. Several cameras or regions that alternate find theirs again;
/// regions that never repeat rebuild the oldest in place.
const REMEMBERED: usize = 8;

/// The geometry that a plan was made for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct PlanKey {
    format: PixelFormat,
    width: usize,
    height: usize,
    range: Range,
    region: Rect,
}

/// The tables of one sampling grid (luma's or chroma's).
#[derive(Debug, Default)]
pub(super) struct GridWeights {
    pub rows: RowWeights,
    pub columns: ColumnWeights,
    /// First source sample of each row that is touched, and how many are.
    pub first: usize,
    pub count: usize,
}

impl GridWeights {
    fn rebuild(&mut self, x: &ResampleAxis, y: &ResampleAxis, scratch: &mut Vec<f64>) {
        self.rows.rebuild(y, scratch);
        self.columns.rebuild(x, scratch);
        let (first, end) = self.columns.touched();
        (self.first, self.count) = (first, end - first);
    }

    /// Length of a row between the passes: the touched samples, and what whole blocks read beyond.
    pub fn mid_len(&self) -> usize {
        self.count + self.columns.slack()
    }
}

/// The tables and the placement of one geometry.
#[derive(Debug)]
pub(super) struct ResamplePlan {
    key: Option<PlanKey>,
    last_used: u64,
    pub window: Window,
    pub placement: Placement,
    pub luma: GridWeights,
    pub chroma: GridWeights,
}

impl ResamplePlan {
    fn empty() -> ResamplePlan {
        ResamplePlan {
            key: None,
            last_used: 0,
            window: Window { left: 0, top: 0, width: 0, height: 0 },
            placement: Placement { offset: [0.0; 2], scale: [1.0; 2], origin: [0.0; 2] },
            luma: GridWeights::default(),
            chroma: GridWeights::default(),
        }
    }

    fn rebuild(&mut self, key: PlanKey, target: &Target, scratch: &mut Vec<f64>) {
        (self.window, self.placement) = place(target, key.region);
        let axis = |size, origin, length, count| ResampleAxis {
            size,
            origin,
            scale: length / count as f64,
            count,
            resize: target.resize,
        };
        let [x, y, w, h] = [key.region.x, key.region.y, key.region.w, key.region.h].map(f64::from);
        let (columns, rows) = (self.window.width, self.window.height);
        let luma_y = axis(key.height, y, h, rows);
        self.luma.rebuild(&axis(key.width, x, w, columns), &luma_y, scratch);
        let chroma_y = match key.format {
            PixelFormat::Nv12 | PixelFormat::I420 => axis(key.height.div_ceil(2), y / 2.0, h / 2.0, rows),
            PixelFormat::Yuy2 => luma_y,
            _ => return self.finish(key),
        };
        let site = chroma_site(key.range);
        let chroma_x = axis(key.width.div_ceil(2), x / 2.0 + site, w / 2.0, columns);
        self.chroma.rebuild(&chroma_x, &chroma_y, scratch);
        if key.format == PixelFormat::Yuy2 {
            self.align_packed();
        }
        self.finish(key);
    }

    /// Luma and chroma of YUY2 share their bytes: both grids begin and end with the same pair of pixels.
    fn align_packed(&mut self) {
        let (luma, chroma) = (&mut self.luma, &mut self.chroma);
        let first = chroma.first.min(luma.first / 2);
        let end = (chroma.first + chroma.count).max((luma.first + luma.count).div_ceil(2));
        (chroma.first, chroma.count) = (first, end - first);
        (luma.first, luma.count) = (2 * first, 2 * (end - first));
    }

    fn finish(&mut self, key: PlanKey) {
        self.luma.columns.rebase(self.luma.first);
        if matches!(key.format, PixelFormat::Nv12 | PixelFormat::I420 | PixelFormat::Yuy2) {
            self.chroma.columns.rebase(self.chroma.first);
        }
        self.key = Some(key);
    }
}

/// The plans of the geometries seen last.
#[derive(Debug, Default)]
pub(super) struct Plans {
    plans: Vec<ResamplePlan>,
    scratch: Vec<f64>,
    clock: u64,
}

impl Plans {
    /// The plan for `region` (the whole picture if `None`) of `planes`; computed if it is a new one.
    pub fn find(
        &mut self,
        target: &Target,
        planes: &Planes<'_>,
        region: Option<Rect>,
    ) -> Result<&ResamplePlan, ImageError> {
        let Planes { format, width, height, .. } = *planes;
        let whole = Rect { x: 0.0, y: 0.0, w: width as f32, h: height as f32 };
        let region = region.unwrap_or(whole);
        let Rect { x, y, w, h } = region;
        if ![x, y, w, h].into_iter().all(f32::is_finite) || w <= 0.0 || h <= 0.0 {
            return Err(ImageError::RegionEmpty { x, y, w, h });
        }
        let key = PlanKey { format, width, height, range: planes.colour.range, region };
        let at = match self.plans.iter().position(|plan| plan.key == Some(key)) {
            Some(at) => at,
            None => {
                let at = self.oldest();
                self.plans[at].rebuild(key, target, &mut self.scratch);
                at
            }
        };
        self.clock += 1;
        self.plans[at].last_used = self.clock;
        Ok(&self.plans[at])
    }

    /// The plan to overwrite: a new one while fewer than the limit exist, then the least recently used.
    fn oldest(&mut self) -> usize {
        if self.plans.len() < REMEMBERED {
            self.plans.push(ResamplePlan::empty());
            return self.plans.len() - 1;
        }
        (0..REMEMBERED).min_by_key(|&at| self.plans[at].last_used).unwrap_or(0)
    }
}

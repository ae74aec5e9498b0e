//! Compares one patch with the learned goldens.

use super::bits::Bits;
use super::prepare::Prepare;
use super::regions::RegionLabeller;
use super::{CompareError, Learned, PatchShape};
use crate::Patch;
use crate::Rect;
use crate::simd::Isa;

/// Defects that are listed; those beyond, the smallest, are only counted.
pub const MAX_DEFECTS: usize = 64;

/// One area of the patch that differs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PatchDifference {
    /// Its bounds, patch px.
    pub rect: Rect,
    /// Pixels of the region that differ from the goldens.
    pub area_px: u32,
    /// How far beyond what is good its worst sample is, grey values; at least 1.
    pub peak: u8,
}

/// The result of a comparison, whose memory is reused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Largest first; those of one area from top to bottom. At most [`MAX_DEFECTS`].
    pub defects: Vec<PatchDifference>,
    /// Defects found, listed or not.
    pub found: usize,
    /// Px of all defects, listed or not.
    pub area_px: u32,
    /// Px that differ once noise is removed, also those in groups too small for a defect.
    pub differing_px: u32,
    /// The defects' share of the px that count, 0 to 1.
    pub score: f32,
    pub(super) bits: Bits,
}

impl Comparison {
    /// Whether the px at (`x`, `y`) differs.
    pub fn differs(&self, x: usize, y: usize) -> bool {
        self.bits.get(x, y)
    }
}

/// Compares; one for each worker. Holds the memory of the passes: after the first patch of a size it asks the heap
/// for more only when a patch has more separate differences than any before.
#[derive(Debug)]
pub struct Comparer {
    isa: Isa,
    prepare: Prepare,
    /// One bit a sample of a row, where a px has more than one.
    samples: Vec<u64>,
    spare: Bits,
    joined: Bits,
    regions: RegionLabeller,
}

impl Default for Comparer {
    fn default() -> Comparer {
        Comparer::new()
    }
}

impl Comparer {
    /// One for this machine's instruction set.
    pub fn new() -> Comparer {
        Comparer {
            isa: Isa::detect(),
            prepare: Prepare::default(),
            samples: Vec::new(),
            spare: Bits::default(),
            joined: Bits::default(),
            regions: RegionLabeller::default(),
        }
    }

    /// Compares a patch.
    ///
    /// # Errors
    /// Its size is not that of the goldens.
    pub fn run(&mut self, learned: &Learned, test: &Patch, out: &mut Comparison) -> Result<(), CompareError> {
        let (shape, goldens) = (PatchShape::of(test), learned.shape());
        if shape != goldens {
            return Err(CompareError::TestSize { shape, goldens });
        }
        self.run_rows(learned, &test.data, test.stride(), out)
    }

    /// Compares rows of the goldens' shape that lie `stride` bytes apart, such as a window of a larger picture.
    ///
    /// # Errors
    /// `data` ends before the last row does, or rows overlap.
    pub fn run_rows(
        &mut self,
        learned: &Learned,
        data: &[u8],
        stride: usize,
        out: &mut Comparison,
    ) -> Result<(), CompareError> {
        let (shape, settings) = (learned.shape(), learned.settings());
        shape.check(data.len(), stride)?;
        let Comparer { isa, prepare, samples, spare, joined, regions } = self;
        let (data, stride) = prepare.run(shape, settings, learned.light(), (data, stride));
        let row = |y: usize| &data[y * stride..][..shape.row()];
        out.bits.reshape(shape.width, shape.height);
        let mut any = 0;
        for y in 0..shape.height {
            any |= out
                .bits
                .write_row(y, |words| outside(*isa, shape, row(y), learned.bounds(y), samples, words));
        }
        out.clear();
        if any == 0 {
            return Ok(());
        }
        out.bits.open(settings.noise_px, spare);
        let joined = (settings.join_px > 0).then(|| {
            out.bits.dilated(settings.join_px.div_ceil(2), joined, spare);
            &*joined
        });
        let step = shape.channels.count();
        out.differing_px = regions.find(&out.bits, joined, |y, x| {
            let (low, high) = learned.bounds(y);
            let x = x.start * step..x.end * step;
            beyond(&row(y)[x.clone()], &low[x.clone()], &high[x])
        });
        out.take(regions, settings.min_area_px, learned.counted_px());
        Ok(())
    }
}

impl Comparison {
    fn clear(&mut self) {
        self.defects.clear();
        (self.found, self.area_px, self.differing_px, self.score) = (0, 0, 0, 0.0);
    }

    fn take(&mut self, regions: &mut RegionLabeller, min_area_px: u32, counted_px: usize) {
        // Allocated all at once, so that a patch with more defects than those before needs no more.
        self.defects.reserve(MAX_DEFECTS);
        let list = regions.largest(min_area_px);
        self.found = list.len();
        for region in list {
            self.area_px += region.area;
            if self.defects.len() < MAX_DEFECTS {
                let [x, y, x1, y1] = [region.x0, region.y0, region.x1, region.y1].map(|v| v as f32);
                let rect = Rect::from_corners(x, y, x1, y1);
                self.defects.push(PatchDifference { rect, area_px: region.area, peak: region.peak });
            }
        }
        self.score = self.area_px as f32 / counted_px as f32;
    }
}

/// Sets a bit for each px of a row with a sample outside of its bounds; gives all words or-ed.
fn outside(
    isa: Isa,
    shape: PatchShape,
    row: &[u8],
    (low, high): (&[u8], &[u8]),
    samples: &mut Vec<u64>,
    out: &mut [u64],
) -> u64 {
    if shape.channels.count() == 1 {
        return isa.outside(row, low, high, out);
    }
    samples.resize(row.len().div_ceil(64), 0);
    out.fill(0);
    if isa.outside(row, low, high, samples) == 0 {
        return 0;
    }
    for (i, &word) in samples.iter().enumerate() {
        let mut left = word;
        while left != 0 {
            let px = (i * 64 + left.trailing_zeros() as usize) / 3;
            out[px / 64] |= 1 << (px % 64);
            left &= left - 1;
        }
    }
    out.iter().fold(0, |any, word| any | word)
}

/// The most that a sample is beyond its bounds.
fn beyond(row: &[u8], low: &[u8], high: &[u8]) -> u8 {
    let excess = |((&v, &low), &high): ((&u8, &u8), &u8)| low.saturating_sub(v).max(v.saturating_sub(high));
    row.iter().zip(low).zip(high).map(excess).max().unwrap_or(0)
}

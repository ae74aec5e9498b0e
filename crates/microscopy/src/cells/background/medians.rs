//! The exact median of the unmasked pixels of each tile.
//!
//! Each pixel lies in up to four tiles. It is counted once, in the histogram of its block (half a tile each way);
//! the histograms of four blocks say in which class of values the median of a tile lies. Where a class is one value,
//! that is the median; else it is selected among the pixels of that class, which are few: the classes are laid over
//! the range of a sample, and what is below or above shares the first and the last class.

use std::ops::Range;

use super::super::bits::Bits;
use super::super::bits::gaps_within;
use super::tiles::Layout;

/// A pixel whose order is that of a whole number.
pub(super) trait Ordered: Copy {
    fn key(self) -> u32;
    fn value(key: u32) -> f32;
}

impl Ordered for u16 {
    /// One more than the value, so that the first class stays free of pixels that are 0.
    #[inline(always)]
    fn key(self) -> u32 {
        u32::from(self) + 1
    }

    fn value(key: u32) -> f32 {
        (key - 1) as f32
    }
}

impl Ordered for f32 {
    /// The bits, changed so that negative numbers come first, and the greatest of them last.
    #[inline(always)]
    fn key(self) -> u32 {
        let bits = self.to_bits();
        bits ^ (((bits as i32 >> 31) as u32) | 0x8000_0000)
    }

    fn value(key: u32) -> f32 {
        let negative = key & 0x8000_0000 == 0;
        f32::from_bits(key ^ if negative { u32::MAX } else { 0x8000_0000 })
    }
}

/// Classes of a histogram.
const CLASSES: usize = 2048;
/// Pixels whose classes are computed together.
const BLOCK: usize = 16;
/// Pixels that are looked at to lay the classes; about as many.
const SAMPLE: usize = 1024;

/// How values fall into classes.
#[derive(Clone, Copy, Debug, Default)]
struct Classes {
    base: u32,
    shift: u32,
}

impl Classes {
    #[inline(always)]
    fn of(self, key: u32) -> usize {
        (key.saturating_sub(self.base) >> self.shift).min(CLASSES as u32 - 1) as usize
    }

    /// The only value of a class, if it is the only one.
    fn only(self, class: usize) -> Option<u32> {
        (self.shift == 0 && class > 0 && class < CLASSES - 1).then(|| self.base + class as u32)
    }
}

/// Pixels, and which of them do not count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'f, P> {
    pub(super) pixels: &'f [P],
    pub(super) masked: &'f Bits,
}

/// A rectangle of a frame.
#[derive(Clone, Debug)]
struct Area {
    rows: Range<usize>,
    columns: Range<usize>,
}

impl<P> Frame<'_, P> {
    /// Calls `part` with each unbroken part of a row of unmasked pixels in `area`.
    #[inline(always)]
    fn each(&self, area: &Area, mut part: impl FnMut(&[P])) {
        let width = self.masked.width;
        for y in area.rows.clone() {
            let row = &self.pixels[y * width..][..width];
            gaps_within(self.masked.row(y), area.columns.clone(), |from, to| part(&row[from..to]));
        }
    }
}

/// Scratch memory of the medians of a frame.
#[derive(Debug, Default)]
pub(super) struct Medians {
    /// Histograms of the blocks of two rows of blocks. Two counts for each class, used in turn: one that was just written
    /// is slow to read, and neighbours are often of one class.
    counts: Vec<[u32; 2]>,
    /// The histogram of a tile.
    tile: Vec<u32>,
    /// Keys among which one is selected.
    keys: Vec<u32>,
    classes: Classes,
}

impl Medians {
    /// Writes the median of each tile into `medians`, row by row, and NaN where all pixels of a tile are masked.
    pub(super) fn find<P: Ordered>(
        &mut self,
        frame: Frame<'_, P>,
        rows: &Layout,
        columns: &Layout,
        medians: &mut Vec<f32>,
    ) {
        medians.clear();
        self.lay_classes(frame);
        self.counts.resize(2 * columns.blocks() * CLASSES, [0; 2]);
        self.tile.resize(CLASSES, 0);
        for block in 0..rows.blocks() {
            self.count(frame, rows.edges[block]..rows.edges[block + 1], columns, block % 2);
            if block == 0 {
                continue;
            }
            for tile in 0..columns.tiles() {
                self.add_up(tile, columns.blocks());
                let area = Area {
                    rows: rows.edges[block - 1]..rows.edges[block + 1],
                    columns: columns.edges[tile]..columns.edges[tile + 2],
                };
                medians.push(self.median(frame, &area));
            }
        }
    }

    /// The median of all unmasked pixels, or NaN where there are none.
    pub(super) fn whole<P: Ordered>(&mut self, frame: Frame<'_, P>) -> f32 {
        let keys = &mut self.keys;
        keys.clear();
        let area = Area { rows: 0..frame.masked.height, columns: 0..frame.masked.width };
        frame.each(&area, |pixels| keys.extend(pixels.iter().map(|pixel| pixel.key())));
        let Some(last) = keys.len().checked_sub(1) else { return f32::NAN };
        let lower = *keys.select_nth_unstable(last / 2).1;
        let upper = *keys.select_nth_unstable(last.div_ceil(2)).1;
        (P::value(lower) + P::value(upper)) / 2.0
    }

    /// Chooses the classes so that nearly all of a sample of pixels fall between the first and the last.
    fn lay_classes<P: Ordered>(&mut self, frame: Frame<'_, P>) {
        let (width, height) = (frame.masked.width, frame.masked.height);
        let keys = &mut self.keys;
        keys.clear();
        // Every row at other columns; an odd step meets all columns of patterns with a period.
        let step = (width * height / SAMPLE) | 1;
        for at in (0..width * height).step_by(step) {
            if !frame.masked.bit(at) {
                keys.push(frame.pixels[at].key());
            }
        }
        keys.sort_unstable();
        self.classes = Classes::default();
        let Some(last) = keys.len().checked_sub(1) else { return };
        let (low, high) = (keys[last / 64], keys[last - last / 64]);
        let mut classes = Classes { base: low.saturating_sub(1), shift: 0 };
        while (high - classes.base) >> classes.shift >= CLASSES as u32 - 1 {
            classes.shift += 1;
            classes.base = low.saturating_sub(1 << classes.shift);
        }
        self.classes = classes;
    }

    /// Counts the unmasked pixels of the blocks of `rows`.
    fn count<P: Ordered>(&mut self, frame: Frame<'_, P>, rows: Range<usize>, columns: &Layout, slot: usize) {
        let row = columns.blocks() * CLASSES;
        let counts = &mut self.counts[slot * row..][..row];
        counts.fill([0; 2]);
        for (block, counts) in counts.as_chunks_mut().0.iter_mut().enumerate() {
            let area = Area { rows: rows.clone(), columns: columns.edges[block]..columns.edges[block + 1] };
            frame.each(&area, |pixels| count_row(pixels, self.classes, counts));
        }
    }

    /// Adds the histograms of the four blocks of a tile.
    fn add_up(&mut self, tile: usize, blocks: usize) {
        let (upper, lower) = self.counts.split_at(blocks * CLASSES);
        let upper = upper[tile * CLASSES..][..2 * CLASSES].split_at(CLASSES);
        let lower = lower[tile * CLASSES..][..2 * CLASSES].split_at(CLASSES);
        let four = upper.0.iter().zip(upper.1).zip(lower.0).zip(lower.1);
        for (sum, (((a, b), c), d)) in self.tile.iter_mut().zip(four) {
            *sum = (a[0] + a[1]) + (b[0] + b[1]) + (c[0] + c[1]) + (d[0] + d[1]);
        }
    }

    /// The median of a tile, whose histogram is `tile`.
    fn median<P: Ordered>(&mut self, frame: Frame<'_, P>, area: &Area) -> f32 {
        let pixels: u32 = self.tile.iter().sum();
        if pixels == 0 {
            return f32::NAN;
        }
        let (lower, upper) = ((pixels - 1) / 2, pixels / 2);
        let (class, below) = self.class_of(lower);
        let lower = self.ranked(frame, area, class, lower - below);
        let upper = match self.class_of(upper) {
            _ if pixels % 2 == 1 => lower,
            // The pixels of the class are at hand.
            (other, _) if other == class => self.again(class, upper - below),
            (other, below) => self.ranked(frame, area, other, upper - below),
        };
        (P::value(lower) + P::value(upper)) / 2.0
    }

    /// The class of the pixel of a tile before which `rank` pixels come, and how many pixels come before the class.
    fn class_of(&self, rank: u32) -> (usize, u32) {
        let (mut class, mut below) = (0, 0);
        while below + self.tile[class] <= rank {
            below += self.tile[class];
            class += 1;
        }
        (class, below)
    }

    /// The key of the pixel of a tile that has this rank in its class.
    fn ranked<P: Ordered>(&mut self, frame: Frame<'_, P>, area: &Area, class: usize, rank: u32) -> u32 {
        if self.classes.only(class).is_none() {
            let (keys, classes) = (&mut self.keys, self.classes);
            // Every pixel is written, and the next one takes its place unless it is of the class: no branch to guess.
            let mut count = 0;
            keys.clear();
            keys.resize(self.tile[class] as usize + 1, 0);
            frame.each(area, |pixels| {
                for pixel in pixels {
                    let key = pixel.key();
                    keys[count] = key;
                    count += usize::from(classes.of(key) == class);
                }
            });
            keys.truncate(count);
        }
        self.again(class, rank)
    }

    /// The same for the class that was looked at last.
    fn again(&mut self, class: usize, rank: u32) -> u32 {
        match self.classes.only(class) {
            Some(only) => only,
            None => *self.keys.select_nth_unstable(rank as usize).1,
        }
    }
}

/// Counts pixels that lie beside each other.
#[inline(always)]
fn count_row<P: Ordered>(pixels: &[P], classes: Classes, counts: &mut [[u32; 2]; CLASSES]) {
    let (blocks, rest) = pixels.as_chunks::<BLOCK>();
    for block in blocks {
        let mut found = [0; BLOCK];
        for (found, pixel) in found.iter_mut().zip(block) {
            *found = classes.of(pixel.key()) as u32;
        }
        for [one, other] in found.as_chunks().0 {
            counts[*one as usize % CLASSES][0] += 1;
            counts[*other as usize % CLASSES][1] += 1;
        }
    }
    for pixel in rest {
        counts[classes.of(pixel.key())][0] += 1;
    }
}

//! Connected parts (8 neighbours) of a picture of bits, by runs and union-find, in one pass from top to bottom.

use std::ops::Range;

use super::bits::Bits;

/// One part, where its parent is itself. `x0..x1`, `y0..y1` are its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PixelRegion {
    parent: u32,
    pub area: u32,
    pub x0: u32,
    pub y0: u32,
    pub x1: u32,
    pub y1: u32,
    /// Grey values beyond the bounds, at most.
    pub peak: u8,
}

impl PixelRegion {
    fn new(parent: u32) -> PixelRegion {
        PixelRegion { parent, area: 0, x0: u32::MAX, y0: u32::MAX, x1: 0, y1: 0, peak: 0 }
    }

    fn add(&mut self, other: PixelRegion) {
        self.area += other.area;
        (self.x0, self.y0) = (self.x0.min(other.x0), self.y0.min(other.y0));
        (self.x1, self.y1) = (self.x1.max(other.x1), self.y1.max(other.y1));
        self.peak = self.peak.max(other.peak);
    }
}

/// A run of the row, and the region it was given.
#[derive(Clone, Debug)]
struct PixelRun {
    x: Range<usize>,
    region: u32,
}

/// The parts of a picture. The memory is reused, and grows to the most parts that a picture had.
#[derive(Debug, Default)]
pub(super) struct RegionLabeller {
    table: Vec<PixelRegion>,
    above: Vec<PixelRun>,
    here: Vec<PixelRun>,
    largest: Vec<u32>,
}

impl RegionLabeller {
    /// Finds the parts of `joined` (which contains `bits`; `bits` itself where there is none) and measures on `bits`:
    /// area, bounds, and the greatest of `peak(y, columns)` over the runs. Gives the bits that are set.
    pub fn find(
        &mut self,
        bits: &Bits,
        joined: Option<&Bits>,
        mut peak: impl FnMut(usize, Range<usize>) -> u8,
    ) -> u32 {
        let (shapes, mut total) = (joined.unwrap_or(bits), 0);
        self.table.clear();
        // The two are swapped, since each has room for the most runs that a row can have.
        for runs in [&mut self.above, &mut self.here] {
            runs.clear();
            runs.reserve(shapes.width().div_ceil(2));
        }
        for y in 0..shapes.height() {
            self.here.clear();
            let (mut x, mut above) = (if shapes.is_empty(y) { shapes.width() } else { 0 }, 0);
            while let Some(run) = shapes.run(y, x) {
                let region = self.join(&run, &mut above);
                let measured = match joined {
                    Some(_) => bits.within(y, run.clone()),
                    None => Some((run.len() as u32, run.clone())),
                };
                if let Some((area, x)) = measured {
                    let (y0, y1) = (y as u32, y as u32 + 1);
                    let (x0, x1, peak) = (x.start as u32, x.end as u32, peak(y, x));
                    self.table[region as usize].add(PixelRegion { parent: 0, area, x0, y0, x1, y1, peak });
                    total += area;
                }
                x = run.end;
                self.here.push(PixelRun { x: run, region });
            }
            std::mem::swap(&mut self.above, &mut self.here);
        }
        self.settle();
        total
    }

    /// The region of a run: that of the first run above which it touches, joined with those of the others; or a new
    /// one. `from` is the first run above that may touch, and moves on.
    fn join(&mut self, run: &Range<usize>, from: &mut usize) -> u32 {
        while self.above.get(*from).is_some_and(|above| above.x.end < run.start) {
            *from += 1;
        }
        let mut found = None;
        let mut i = *from;
        while self.above.get(i).is_some_and(|above| above.x.start <= run.end) {
            let other = self.root(self.above[i].region);
            let (parent, child) = found.map_or((other, other), |one: u32| (one.min(other), one.max(other)));
            self.table[child as usize].parent = parent;
            found = Some(parent);
            i += 1;
        }
        found.unwrap_or_else(|| {
            let new = self.table.len() as u32;
            self.table.push(PixelRegion::new(new));
            new
        })
    }

    fn root(&mut self, mut region: u32) -> u32 {
        loop {
            let parent = self.table[region as usize].parent;
            if parent == region {
                return region;
            }
            // Path halving.
            let above = self.table[parent as usize].parent;
            self.table[region as usize].parent = above;
            region = above;
        }
    }

    /// Adds every region to its root: parents stand before their children, so one walk backwards does it.
    fn settle(&mut self) {
        for i in (0..self.table.len()).rev() {
            let region = self.table[i];
            if region.parent as usize != i {
                self.table[region.parent as usize].add(region);
            }
        }
    }

    /// The parts of at least `min_area` px, largest first, those of one size from top to bottom.
    pub fn largest(&mut self, min_area: u32) -> impl ExactSizeIterator<Item = &PixelRegion> {
        let table = &self.table;
        self.largest.clear();
        self.largest.extend((0..table.len() as u32).filter(|&i| {
            let region = &table[i as usize];
            region.parent == i && region.area >= min_area.max(1)
        }));
        self.largest.sort_unstable_by_key(|&i| {
            let region = &table[i as usize];
            (std::cmp::Reverse(region.area), region.y0, region.x0, i)
        });
        self.largest.iter().map(|&i| &table[i as usize])
    }
}

//! Connected components (4 neighbours) of a mask, by runs of rows and union-find; holes are filled the same way.

use std::ops::Range;

use super::bits::{Bits, gaps, spans};

/// Pixels `from..to` of row `y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) y: u32,
    pub(super) from: u32,
    pub(super) to: u32,
}

impl Run {
    pub(super) fn length(&self) -> usize {
        (self.to - self.from) as usize
    }

    /// Its pixels in a frame of this width.
    pub(super) fn range(&self, width: usize) -> Range<usize> {
        let start = self.y as usize * width;
        start + self.from as usize..start + self.to as usize
    }
}

/// Scratch memory of components.
#[derive(Debug, Default)]
pub(super) struct Components {
    /// The runs in raster order.
    pub(super) runs: Vec<Run>,
    /// After [`Components::label`]: the component of each run, from 0 in the raster order of their first pixels.
    /// Before: the index of an earlier run of the same component, or its own.
    pub(super) owner: Vec<u32>,
}

impl Components {
    /// Finds the components, and returns their number.
    pub(super) fn label(&mut self, bits: &Bits) -> usize {
        self.runs.clear();
        self.owner.clear();
        let mut above = 0..0;
        for y in 0..bits.height {
            let first = self.runs.len();
            let runs = &mut self.runs;
            spans(bits.row(y), |from, to| {
                runs.push(Run { y: y as u32, from: from as u32, to: to as u32 });
            });
            self.owner.extend(first as u32..self.runs.len() as u32);
            self.join(above, first);
            above = first..self.runs.len();
        }
        // The earliest run of a component owns it: numbers follow the order of first pixels.
        let mut components = 0;
        for at in 0..self.owner.len() {
            let owner = self.owner[at] as usize;
            self.owner[at] = if owner == at {
                components += 1;
                components - 1
            } else {
                // An earlier run, which has its number already.
                self.owner[owner]
            };
        }
        components as usize
    }

    /// Sets all background that is not connected to the border of the frame.
    pub(super) fn fill_holes(&mut self, bits: &mut Bits) {
        self.runs.clear();
        self.owner.clear();
        // Run 0 stands for what is outside the frame: as the earliest of all it owns everything connected to it.
        self.runs.push(Run { y: 0, from: 0, to: 0 });
        self.owner.push(0);
        let (width, height) = (bits.width as u32, bits.height as u32);
        let mut above = 0..0;
        for y in 0..height {
            let first = self.runs.len();
            let (runs, owners) = (&mut self.runs, &mut self.owner);
            gaps(bits.row(y as usize), bits.width, |from, to| {
                let run = Run { y, from: from as u32, to: to as u32 };
                let open = y == 0 || y + 1 == height || run.from == 0 || run.to == width;
                owners.push(if open { 0 } else { runs.len() as u32 });
                runs.push(run);
            });
            self.join(above, first);
            above = first..self.runs.len();
        }
        for at in 1..self.runs.len() {
            if root(&mut self.owner, at) != 0 {
                let run = self.runs[at];
                bits.set_span(run.y as usize, run.from as usize, run.to as usize);
            }
        }
    }

    /// Joins the runs from `first` on with those of the row above that share a column.
    fn join(&mut self, above: Range<usize>, first: usize) {
        let owner = &mut self.owner[..];
        let mut upper = above.start;
        for lower in first..self.runs.len() {
            let run = self.runs[lower];
            while upper < above.end && self.runs[upper].from < run.to {
                let other = self.runs[upper];
                if other.to > run.from && owner[upper] != owner[lower] {
                    let (one, other) = (root(owner, upper), root(owner, lower));
                    owner[one.max(other)] = one.min(other) as u32;
                }
                if other.to > run.to {
                    // It may reach the next run too.
                    break;
                }
                upper += 1;
            }
        }
    }
}

/// The earliest run that is known to belong to the same component; the way to it is made shorter.
fn root(owner: &mut [u32], mut run: usize) -> usize {
    loop {
        let next = owner[run] as usize;
        if next == run {
            return run;
        }
        owner[run] = owner[next];
        run = owner[run] as usize;
    }
}

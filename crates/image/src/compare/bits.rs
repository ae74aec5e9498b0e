//! One bit a px, in words of 64: morphology on them costs a sixty-fourth of that on bytes.

use std::ops::Range;

/// A picture of bits. Bits beyond the width are 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    width: usize,
    height: usize,
    per_row: usize,
    words: Vec<u64>,
    /// All words of each row or-ed: most rows of a good part are empty, and are passed by.
    any: Vec<u64>,
}

impl Bits {
    /// Changes the size, keeping the memory; the content is undefined until written.
    pub fn reshape(&mut self, width: usize, height: usize) {
        (self.width, self.height, self.per_row) = (width, height, width.div_ceil(64));
        self.words.resize(self.per_row * height, 0);
        self.any.resize(height, 0);
    }

    fn copy_from(&mut self, other: &Bits) {
        self.reshape(other.width, other.height);
        self.words.copy_from_slice(&other.words);
        self.any.copy_from_slice(&other.any);
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    pub fn row(&self, y: usize) -> &[u64] {
        &self.words[y * self.per_row..][..self.per_row]
    }

    /// Lets `write` fill the words of row `y`; it gives all of them or-ed, and so does this.
    pub fn write_row(&mut self, y: usize, write: impl FnOnce(&mut [u64]) -> u64) -> u64 {
        self.any[y] = write(&mut self.words[y * self.per_row..][..self.per_row]);
        self.any[y]
    }

    pub fn get(&self, x: usize, y: usize) -> bool {
        self.row(y)[x / 64] >> (x % 64) & 1 != 0
    }

    /// Removes what is thinner than 2 × `px` + 1: `px` times eroded, then dilated, by 3×3. What is beyond the border
    /// counts as set when eroding, so that a defect cut off by it stays.
    pub fn open(&mut self, px: u32, spare: &mut Bits) {
        (0..px).for_each(|_| self.grow(spare, true));
        (0..px).for_each(|_| self.grow(spare, false));
    }

    /// `self` dilated `px` times, into `out`.
    pub fn dilated(&self, px: u32, out: &mut Bits, spare: &mut Bits) {
        out.copy_from(self);
        (0..px).for_each(|_| out.grow(spare, false));
    }

    /// Dilates by 3×3, or erodes: which is dilating what is not set.
    fn grow(&mut self, spare: &mut Bits, inverse: bool) {
        let flip = if inverse { u64::MAX } else { 0 };
        let last = u64::MAX >> (self.per_row * 64 - self.width);
        spare.reshape(self.width, self.height);
        for y in 0..self.height {
            let to = &mut spare.words[y * self.per_row..][..self.per_row];
            if self.any[y] == 0 {
                to.fill(flip);
                continue;
            }
            let row = &self.words[y * self.per_row..][..self.per_row];
            // Inverted bits beyond the width would spread inwards.
            let at = |i: usize| (row[i] ^ flip) & if i + 1 == row.len() { last } else { u64::MAX };
            for (i, to) in to.iter_mut().enumerate() {
                let left = if i > 0 { at(i - 1) >> 63 } else { 0 };
                let right = if i + 1 < row.len() { at(i + 1) << 63 } else { 0 };
                *to = at(i) | at(i) << 1 | left | at(i) >> 1 | right;
            }
        }
        for y in 0..self.height {
            let (above, below) = (y.saturating_sub(1), (y + 1).min(self.height - 1));
            let near = if inverse { 0 } else { self.any[above] | self.any[below] };
            let to = &mut self.words[y * self.per_row..][..self.per_row];
            spare.any[y] = 0;
            if near | self.any[y] == 0 {
                continue;
            }
            let rows = spare.row(above).iter().zip(spare.row(y)).zip(spare.row(below));
            for (i, (to, ((&a, &b), &c))) in to.iter_mut().zip(rows).enumerate() {
                *to = ((a | b | c) ^ flip) & if i + 1 == self.per_row { last } else { u64::MAX };
            }
            spare.any[y] = to.iter().fold(0, |any, word| any | word);
        }
        std::mem::swap(&mut self.any, &mut spare.any);
    }

    /// Whether row `y` has no bit set.
    pub fn is_empty(&self, y: usize) -> bool {
        self.any[y] == 0
    }

    /// The next run of set bits in row `y` from `x` on.
    pub fn run(&self, y: usize, x: usize) -> Option<Range<usize>> {
        let row = self.row(y);
        let start = seek(row, x, 0)?;
        let end = seek(row, start, u64::MAX).unwrap_or(self.width);
        Some(start..end.min(self.width))
    }

    /// How many bits are set in a range of row `y`, and between which columns.
    pub fn within(&self, y: usize, range: Range<usize>) -> Option<(u32, Range<usize>)> {
        let (mut count, mut bounds, mut x) = (0, None, range.start);
        while let Some(run) = self.run(y, x).filter(|run| run.start < range.end) {
            let end = run.end.min(range.end);
            count += (end - run.start) as u32;
            bounds = Some(bounds.map_or(run.start, |known: Range<usize>| known.start)..end);
            x = end;
        }
        bounds.map(|bounds| (count, bounds))
    }
}

/// The first bit from `x` on that is set in `word ^ flip`.
fn seek(row: &[u64], x: usize, flip: u64) -> Option<usize> {
    let mut mask = u64::MAX << (x % 64);
    for (i, word) in row.iter().enumerate().skip(x / 64) {
        let found = (word ^ flip) & mask;
        if found != 0 {
            return Some(i * 64 + found.trailing_zeros() as usize);
        }
        mask = u64::MAX;
    }
    None
}

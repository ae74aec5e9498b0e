//! Masks as bits, 64 pixels a word: what is done to one word is done to 64 pixels.

/// Rows of bits. Bits behind the last column are 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Words of a row.
    pub(super) stride: usize,
    pub(super) words: Vec<u64>,
}

/// 1 in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

impl Bits {
    pub(super) fn new(width: usize, height: usize) -> Bits {
        let mut bits = Bits::default();
        bits.reset(width, height);
        bits
    }

    /// Gives it a size, all 0; memory is kept.
    pub(super) fn reset(&mut self, width: usize, height: usize) {
        (self.width, self.height, self.stride) = (width, height, width.div_ceil(64));
        self.words.clear();
        self.words.resize(self.stride * height, 0);
    }

    pub(super) fn row(&self, y: usize) -> &[u64] {
        &self.words[y * self.stride..][..self.stride]
    }

    pub(super) fn row_mut(&mut self, y: usize) -> &mut [u64] {
        &mut self.words[y * self.stride..][..self.stride]
    }

    pub(super) fn copy_from(&mut self, other: &Bits) {
        (self.width, self.height, self.stride) = (other.width, other.height, other.stride);
        self.words.clear();
        self.words.extend_from_slice(&other.words);
    }

    /// The bits of a mask of bytes: 1 where the byte is not 0. `pixels` has `width * height` values.
    pub(super) fn pack(&mut self, width: usize, height: usize, pixels: &[u8]) {
        self.reset(width, height);
        for (y, row) in pixels.chunks_exact(width).enumerate() {
            pack_row(row, self.row_mut(y));
        }
    }

    /// Writes 0 or 1 for each pixel.
    pub(super) fn unpack(&self, pixels: &mut Vec<u8>) {
        pixels.resize(self.width * self.height, 0);
        for (y, row) in pixels.chunks_exact_mut(self.width).enumerate() {
            for (bytes, &word) in row.chunks_mut(64).zip(self.row(y)) {
                let mut eights = bytes.chunks_exact_mut(8);
                let mut shift = 0;
                for eight in &mut eights {
                    // Byte i keeps bit i alone, and 0x7f more moves any such bit into the top one.
                    let spread = (((word >> shift) & 0xff) * ONES) & 0x8040_2010_0804_0201;
                    let bytes = ((spread + 0x7f * ONES) >> 7) & ONES;
                    eight.copy_from_slice(&bytes.to_le_bytes());
                    shift += 8;
                }
                for byte in eights.into_remainder() {
                    *byte = (word >> shift) as u8 & 1;
                    shift += 1;
                }
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn bit(&self, at: usize) -> bool {
        let (y, x) = (at / self.width, at % self.width);
        self.words[y * self.stride + x / 64] >> (x % 64) & 1 == 1
    }

    pub(super) fn set_bit(&mut self, at: usize) {
        let (y, x) = (at / self.width, at % self.width);
        self.words[y * self.stride + x / 64] |= 1 << (x % 64);
    }

    pub(super) fn clear_bit(&mut self, at: usize) {
        let (y, x) = (at / self.width, at % self.width);
        self.words[y * self.stride + x / 64] &= !(1 << (x % 64));
    }

    /// Sets the pixels `from..to` of a row.
    pub(super) fn set_span(&mut self, y: usize, from: usize, to: usize) {
        let row = self.row_mut(y);
        let (first, last) = (from / 64, (to - 1) / 64);
        let (low, high) = (u64::MAX << (from % 64), u64::MAX >> (63 - (to - 1) % 64));
        if first == last {
            row[first] |= low & high;
            return;
        }
        row[first] |= low;
        row[first + 1..last].fill(u64::MAX);
        row[last] |= high;
    }
}

/// Packs a row of bytes: 1 where a byte is not 0.
fn pack_row(bytes: &[u8], words: &mut [u64]) {
    let (blocks, rest) = bytes.as_chunks();
    for (block, word) in blocks.iter().zip(&mut *words) {
        *word = pack_word(block);
    }
    if let (false, Some(word)) = (rest.is_empty(), words.last_mut()) {
        let mut block = [0; 64];
        block[..rest.len()].copy_from_slice(rest);
        *word = pack_word(&block);
    }
}

/// Packs 64 bytes: 1 where a byte is not 0.
#[inline(always)]
pub(super) fn pack_word(bytes: &[u8; 64]) -> u64 {
    let mut packed = 0;
    for (at, eight) in bytes.as_chunks().0.iter().enumerate() {
        let value = u64::from_le_bytes(*eight);
        // The top bit of each byte: set if it was, or if 0x7f more reaches it.
        let top = 0x80 * ONES;
        let set = ((((value & !top) + 0x7f * ONES) | value) & top) >> 7;
        // The product collects the lowest bit of byte i in bit i of the top byte.
        packed |= (set.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at);
    }
    packed
}

/// Calls `span` with the beginning and the end of each unbroken row of ones.
pub(super) fn spans(words: &[u64], mut span: impl FnMut(usize, usize)) {
    let (mut carry, mut start) = (0, None);
    for (at, &word) in words.iter().enumerate() {
        // A bit of `changes` is set where a pixel differs from the one before it.
        let mut changes = word ^ ((word << 1) | carry);
        carry = word >> 63;
        while changes != 0 {
            let x = at * 64 + changes.trailing_zeros() as usize;
            changes &= changes - 1;
            match start.take() {
                Some(from) => span(from, x),
                None => start = Some(x),
            }
        }
    }
    if let Some(from) = start {
        span(from, words.len() * 64);
    }
}

/// Calls `gap` with the beginning and the end of each unbroken row of zeros in `0..width`.
pub(super) fn gaps(words: &[u64], width: usize, mut gap: impl FnMut(usize, usize)) {
    let mut end = 0;
    spans(words, |from, to| {
        if from > end {
            gap(end, from);
        }
        end = to;
    });
    if end < width {
        gap(end, width);
    }
}

/// Calls `gap` with the beginning and the end of each unbroken row of zeros in `columns`.
pub(super) fn gaps_within(words: &[u64], columns: std::ops::Range<usize>, mut gap: impl FnMut(usize, usize)) {
    let mut x = columns.start;
    while x < columns.end {
        let from = next(words, x, columns.end, 0);
        let to = next(words, from, columns.end, u64::MAX);
        if from < to {
            gap(from, to);
        }
        x = to;
    }
}

/// The first column from `x` on, and before `end`, whose bit differs from those of `skipped` (all 0 or all 1), else
/// `end`.
fn next(words: &[u64], x: usize, end: usize, skipped: u64) -> usize {
    let mut at = x / 64;
    let mut found = !(words.get(at).copied().unwrap_or(0)) ^ skipped;
    let mut low = u64::MAX << (x % 64);
    while at * 64 < end {
        found &= low;
        if found != 0 {
            return (at * 64 + found.trailing_zeros() as usize).min(end);
        }
        at += 1;
        low = u64::MAX;
        found = !(words.get(at).copied().unwrap_or(0)) ^ skipped;
    }
    end
}

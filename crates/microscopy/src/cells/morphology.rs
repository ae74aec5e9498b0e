//! Erosion and dilation by rectangles, on bits: windows of any side by doubling, rows and columns apart.
//!
//! Everything outside the frame is background, as in `scipy.ndimage` with its border value of 0.

use super::bits::Bits;

/// Pixels to each side of a pixel that a window takes in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// To the left and upwards.
    pub(super) before: usize,
    /// To the right and downwards.
    pub(super) after: usize,
}

impl Reach {
    pub(super) fn both(pixels: usize) -> Reach {
        Reach { before: pixels, after: pixels }
    }

    /// That of a square of `side` pixels around a pixel, as `scipy.ndimage` centres it where the side is even.
    pub(super) fn side(side: usize) -> Reach {
        Reach { before: side / 2, after: side - 1 - side / 2 }
    }
}

/// A pixel stays if all pixels of its window are set.
pub(super) fn erode(bits: &mut Bits, reach: Reach) {
    let length = reach.before + reach.after + 1;
    if length == 1 {
        return;
    }
    // A window longer than the frame reaches over its border whatever its place.
    if length > bits.width || length > bits.height {
        bits.words.fill(0);
        return;
    }
    for y in 0..bits.height {
        let row = bits.row_mut(y);
        doubling(length, |step| and_from(row, step));
        shift_up(row, reach.before);
    }
    // Nothing crosses the last column: a window there reaches over the border and was cleared above.
    let stride = bits.stride;
    doubling(length, |step| {
        let (height, words) = (bits.height, &mut bits.words);
        for at in 0..(height - step) * stride {
            words[at] &= words[at + step * stride];
        }
        words[(height - step) * stride..].fill(0);
    });
    let rows = bits.words.len();
    bits.words.copy_within(..rows - reach.before * stride, reach.before * stride);
    bits.words[..reach.before * stride].fill(0);
}

/// A pixel is set if any pixel of its window is. `scratch` is overwritten.
pub(super) fn dilate(bits: &mut Bits, pixels: usize, scratch: &mut Bits) {
    if pixels == 0 {
        return;
    }
    let (width, height, stride) = (bits.width, bits.height, bits.stride);
    let across = pixels.min(width - 1) + 1;
    let tail = tail(width);
    scratch.copy_from(bits);
    for y in 0..height {
        let row = bits.row_mut(y);
        doubling(across, |step| or_from(row, step));
        let other = scratch.row_mut(y);
        doubling(across, |step| or_up(other, step));
        for (word, other) in row.iter_mut().zip(other) {
            *word |= *other;
        }
        row[stride - 1] &= tail;
    }
    let down = pixels.min(height - 1) + 1;
    scratch.copy_from(bits);
    doubling(down, |step| {
        let words = &mut bits.words;
        for at in 0..(height - step) * stride {
            words[at] |= words[at + step * stride];
        }
        let words = &mut scratch.words;
        for at in (step * stride..height * stride).rev() {
            words[at] |= words[at - step * stride];
        }
    });
    for (word, other) in bits.words.iter_mut().zip(&scratch.words) {
        *word |= *other;
    }
}

/// Pixels that are not set and have a neighbour above, below, left or right that is.
pub(super) fn rim(bits: &Bits) -> usize {
    let tail = tail(bits.width);
    let mut pixels = 0;
    for y in 0..bits.height {
        let row = bits.row(y);
        for at in 0..bits.stride {
            let above = if y == 0 { 0 } else { bits.row(y - 1)[at] };
            let below = if y + 1 == bits.height { 0 } else { bits.row(y + 1)[at] };
            let around = above | below | right(row, at, 1) | left(row, at, 1);
            let inside = if at + 1 == bits.stride { tail } else { u64::MAX };
            pixels += (around & !row[at] & inside).count_ones() as usize;
        }
    }
    pixels
}

/// The bits of the last word of a row that belong to the frame.
fn tail(width: usize) -> u64 {
    u64::MAX >> ((64 - width % 64) % 64)
}

/// Grows a window from 1 to `length` pixels: each step joins it with itself, moved by `step` pixels.
fn doubling(length: usize, mut join: impl FnMut(usize)) {
    let mut grown = 1;
    while grown < length {
        let step = grown.min(length - grown);
        join(step);
        grown += step;
    }
}

/// Each bit of a row becomes itself and the one `step` pixels to the right.
fn and_from(row: &mut [u64], step: usize) {
    let (words, shift) = (step / 64, step % 64);
    for at in 0..row.len() {
        row[at] &= right(row, at + words, shift);
    }
}

/// Each bit of a row becomes itself or the one `step` pixels to the right.
fn or_from(row: &mut [u64], step: usize) {
    let (words, shift) = (step / 64, step % 64);
    for at in 0..row.len() {
        row[at] |= right(row, at + words, shift);
    }
}

/// Each bit of a row becomes itself or the one `step` pixels to the left.
fn or_up(row: &mut [u64], step: usize) {
    let (words, shift) = (step / 64, step % 64);
    for at in (words..row.len()).rev() {
        row[at] |= left(row, at - words, shift);
    }
}

/// Moves a row `step` pixels to the right.
fn shift_up(row: &mut [u64], step: usize) {
    let (words, shift) = (step / 64, step % 64);
    for at in (words..row.len()).rev() {
        row[at] = left(row, at - words, shift);
    }
    row[..words].fill(0);
}

/// The word `at`, its bits moved by `shift` towards the first pixel; behind the row is background.
fn right(row: &[u64], at: usize, shift: usize) -> u64 {
    let word = row.get(at).copied().unwrap_or(0);
    if shift == 0 {
        return word;
    }
    (word >> shift) | (row.get(at + 1).copied().unwrap_or(0) << (64 - shift))
}

/// The word `at`, its bits moved by `shift` away from the first pixel.
fn left(row: &[u64], at: usize, shift: usize) -> u64 {
    if shift == 0 {
        return row[at];
    }
    (row[at] << shift) | if at == 0 { 0 } else { row[at - 1] >> (64 - shift) }
}

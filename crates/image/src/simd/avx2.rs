//! The kernels for x86-64 with AVX2: the two passes by hand, the rest compiled again from `portable`.

use std::arch::x86_64::*;

use super::{CORRELATE_BLOCK, Strip, YuvCoefficients, portable};
use crate::weights::{BLOCK, ColumnWeights, GROUP};

/// Bytes of a 256-bit register.
const WIDE: usize = 32;

/// Walks `count` source bytes in steps of 128, then of 32; the last step overlaps the one before it,
/// which only computes the same outputs again. Fewer than 32 bytes are left to the caller.
macro_rules! walk {
    ($count:expr, $at:ident, $wide:block, $narrow:block) => {
        let mut $at = 0;
        while $at + 4 * WIDE <= $count {
            $wide
            $at += 4 * WIDE;
        }
        while $at < $count {
            $at = $at.min($count - WIDE);
            $narrow
            $at += WIDE;
        }
    };
}

#[target_feature(enable = "avx2")]
pub(super) fn blend(strip: Strip<'_>, out: &mut [i16]) {
    let count = out.len();
    if count < WIDE {
        return portable::blend(strip, out);
    }
    strip.assert_holds(count);
    walk!(
        count,
        at,
        {
            // SAFETY: 4 × WIDE bytes from `at` lie inside every row (asserted above) and inside `out`.
            unsafe { blend_step::<4>(&strip, at, out.as_mut_ptr().add(at)) }
        },
        {
            // SAFETY: as above, with WIDE bytes.
            unsafe { blend_step::<1>(&strip, at, out.as_mut_ptr().add(at)) }
        }
    );
}

/// Sums `N` registers of every row: low and high bytes of each 128-bit half, as v × 256 in `u16`.
///
/// # Safety
/// `N` × 32 bytes from `at` are readable in every row of the strip.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn sum_rows<const N: usize, const PAIRS: bool>(
    strip: &Strip<'_>,
    at: usize,
) -> ([__m256i; N], [__m256i; N]) {
    let zero = _mm256_setzero_si256();
    let high_bytes = _mm256_set1_epi16(0xFF00u16 as i16);
    let bias = _mm256_set1_epi16(strip.bias() as i16);
    let (mut low, mut high) = ([bias; N], [bias; N]);
    // SAFETY: the caller vouches for the bytes of every row.
    let mut row = unsafe { strip.data.as_ptr().add(at) };
    for &weight in strip.weights {
        let weight = _mm256_set1_epi16(weight as i16);
        for n in 0..N {
            // SAFETY: as above.
            let bytes = unsafe { _mm256_loadu_si256(row.add(n * WIDE).cast()) };
            let (a, b) = if PAIRS {
                (_mm256_slli_epi16(bytes, 8), _mm256_and_si256(bytes, high_bytes))
            } else {
                (_mm256_unpacklo_epi8(zero, bytes), _mm256_unpackhi_epi8(zero, bytes))
            };
            low[n] = _mm256_add_epi16(low[n], _mm256_mulhi_epu16(a, weight));
            high[n] = _mm256_add_epi16(high[n], _mm256_mulhi_epu16(b, weight));
        }
        row = row.wrapping_add(strip.stride);
    }
    // While this row is multiplied, the next one's new bytes come from memory: a dozen rows at once are
    // more streams than the hardware follows by itself. Prefetching never faults, wherever it points.
    let mut row = strip.data.as_ptr().wrapping_add(at + strip.ahead.start * strip.stride);
    for _ in strip.ahead.clone() {
        for line in 0..N.div_ceil(2) {
            _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(line * 64).cast());
        }
        row = row.wrapping_add(strip.stride);
    }
    (low, high)
}

/// # Safety
/// `N` × 32 bytes from `at` are readable in every row, and as many samples writable at `out`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn blend_step<const N: usize>(strip: &Strip<'_>, at: usize, out: *mut i16) {
    // SAFETY: the caller's promise.
    let (low, high) = unsafe { sum_rows::<N, false>(strip, at) };
    for n in 0..N {
        let first = _mm256_permute2x128_si256(low[n], high[n], 0x20);
        let second = _mm256_permute2x128_si256(low[n], high[n], 0x31);
        // SAFETY: 32 samples from n × 32 are the caller's promise.
        unsafe {
            _mm256_storeu_si256(out.add(n * WIDE).cast(), first);
            _mm256_storeu_si256(out.add(n * WIDE + WIDE / 2).cast(), second);
        }
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn blend_pairs(strip: Strip<'_>, even: &mut [i16], odd: &mut [i16]) {
    let count = even.len() * 2;
    if count < WIDE {
        return portable::blend_pairs(strip, even, odd);
    }
    assert_eq!(even.len(), odd.len());
    strip.assert_holds(count);
    let (even, odd) = (even.as_mut_ptr(), odd.as_mut_ptr());
    walk!(
        count,
        at,
        {
            // SAFETY: 4 × WIDE bytes from `at` lie inside every row; half as many samples in each output.
            unsafe { blend_pairs_step::<4>(&strip, at, even.add(at / 2), odd.add(at / 2)) }
        },
        {
            // SAFETY: as above, with WIDE bytes.
            unsafe { blend_pairs_step::<1>(&strip, at, even.add(at / 2), odd.add(at / 2)) }
        }
    );
}

/// # Safety
/// `N` × 32 bytes from `at` are readable in every row, and half as many samples writable at `even` and `odd`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn blend_pairs_step<const N: usize>(strip: &Strip<'_>, at: usize, even: *mut i16, odd: *mut i16) {
    // SAFETY: the caller's promise.
    let (low, high) = unsafe { sum_rows::<N, true>(strip, at) };
    for n in 0..N {
        // SAFETY: 16 samples from n × 16 are the caller's promise.
        unsafe {
            _mm256_storeu_si256(even.add(n * WIDE / 2).cast(), low[n]);
            _mm256_storeu_si256(odd.add(n * WIDE / 2).cast(), high[n]);
        }
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn gather(mid: &[i16], columns: &ColumnWeights, out: &mut [i16]) {
    assert!(columns.reach() <= mid.len());
    // One and two blocks are the common cases (factors up to 3.5 and 7.5): unrolled, they need no loop.
    match columns.blocks() {
        _ if columns.pairs() => gather_pairs(mid, columns, out),
        1 => gather_blocks::<1>(mid, columns, out),
        2 => gather_blocks::<2>(mid, columns, out),
        _ => gather_blocks::<0>(mid, columns, out),
    }
}

/// Two weights an output: eight pairs of samples fill one register, one multiply makes eight outputs.
#[target_feature(enable = "avx2")]
fn gather_pairs(mid: &[i16], columns: &ColumnWeights, out: &mut [i16]) {
    let starts = columns.starts().as_chunks::<GROUP>().0;
    let weights = columns.weights().as_chunks::<{ 2 * GROUP }>().0;
    for ((starts, weights), out) in starts.iter().zip(weights).zip(out.as_chunks_mut::<GROUP>().0) {
        // SAFETY: `gather` asserted that every start + one block of eight lies inside `mid`.
        let pair = starts.map(|at| unsafe { mid.as_ptr().add(at as usize).cast::<i32>().read_unaligned() });
        let [a, b, c, d, e, f, g, h] = pair;
        // SAFETY: `weights` is sixteen values.
        let weights = unsafe { _mm256_loadu_si256(weights.as_ptr().cast()) };
        let sums = _mm256_madd_epi16(_mm256_setr_epi32(a, b, c, d, e, f, g, h), weights);
        finish(sums, out);
    }
}

/// Rounds eight sums to Q7 and stores them.
#[inline]
#[target_feature(enable = "avx2")]
fn finish(sums: __m256i, out: &mut [i16; GROUP]) {
    let eight = _mm256_srai_epi32(_mm256_add_epi32(sums, _mm256_set1_epi32(1 << 13)), 14);
    let packed = _mm_packs_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    // SAFETY: `out` is 8 samples.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), packed) };
}

/// `BLOCKS` blocks of weights, as many as the table says if 0.
#[target_feature(enable = "avx2")]
fn gather_blocks<const BLOCKS: usize>(mid: &[i16], columns: &ColumnWeights, out: &mut [i16]) {
    let blocks = if BLOCKS == 0 { columns.blocks() } else { BLOCKS };
    let starts = columns.starts().as_chunks::<GROUP>().0;
    let weights = columns.weights().chunks_exact(blocks * GROUP * BLOCK);
    for ((starts, weights), out) in starts.iter().zip(weights).zip(out.as_chunks_mut::<GROUP>().0) {
        let starts = starts.map(|start| start as usize);
        // SAFETY: `gather` asserted that every start + all blocks lies
        // inside `mid`; `weights` holds blocks × GROUP × BLOCK values, `out` GROUP.
        unsafe { gather_group(mid.as_ptr(), starts, weights.as_ptr(), blocks, out) };
    }
}

/// Eight outputs: two in each register, summed by a tree of pairwise adds.
///
/// # Safety
/// `blocks` × 8 samples are readable at each of `starts` in `mid`, `blocks` × 64 values at `weights`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn gather_group(
    mid: *const i16,
    starts: [usize; GROUP],
    weights: *const i16,
    blocks: usize,
    out: &mut [i16; GROUP],
) {
    // SAFETY: the caller's promise, for every `block` below `blocks`.
    let product = |block: usize, k: usize| unsafe {
        let low = _mm_loadu_si128(mid.add(starts[k] + block * BLOCK).cast());
        let high = _mm_loadu_si128(mid.add(starts[k + 4] + block * BLOCK).cast());
        let weights = _mm256_loadu_si256(weights.add((block * GROUP + k * 2) * BLOCK).cast());
        _mm256_madd_epi16(_mm256_set_m128i(high, low), weights)
    };
    let mut sums = [product(0, 0), product(0, 1), product(0, 2), product(0, 3)];
    for block in 1..blocks {
        for (k, sum) in sums.iter_mut().enumerate() {
            *sum = _mm256_add_epi32(*sum, product(block, k));
        }
    }
    let (ab, cd) = (_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
    finish(_mm256_hadd_epi32(ab, cd), out);
}

#[target_feature(enable = "avx2")]
pub(super) fn split<const N: usize, const M: usize>(mid: &[i16], out: [&mut [i16]; M]) {
    portable::split::<N, M>(mid, out)
}

#[target_feature(enable = "avx2")]
pub(super) fn yuv_to_rgb(yuv: [&[i16]; 3], coefficients: &YuvCoefficients, rgb: [&mut [u8]; 3]) {
    portable::yuv_to_rgb(yuv, coefficients, rgb)
}

#[target_feature(enable = "avx2")]
pub(super) fn luma(y: &[i16], coefficients: &YuvCoefficients, out: &mut [u8]) {
    portable::luma(y, coefficients, out)
}

#[target_feature(enable = "avx2")]
pub(super) fn rgb_to_gray(rgb: [&[i16]; 3], out: &mut [u8]) {
    portable::rgb_to_gray(rgb, out)
}

#[target_feature(enable = "avx2")]
pub(super) fn narrow(samples: &[i16], out: &mut [u8]) {
    portable::narrow(samples, out)
}

#[target_feature(enable = "avx2")]
pub(super) fn interleave(planes: [&[u8]; 3], flip: u8, out: &mut [u8]) {
    portable::interleave(planes, flip, out)
}

#[target_feature(enable = "avx2")]
pub(super) fn interleave_f32(planes: [&[u8]; 3], mul: [f32; 3], add: [f32; 3], out: &mut [u8]) {
    portable::interleave_f32(planes, mul, add, out)
}

/// Weights after which a correlation's eight 32-bit lanes are emptied: 8 × 2³¹ / (255 × 1024).
const CORRELATE_LIMIT: usize = 65536;

#[target_feature(enable = "avx2")]
pub(super) fn correlate(window: &[u8], stride: usize, weights: &[i16], width: usize) -> i64 {
    let rows_at_once = (CORRELATE_LIMIT / width).max(1);
    let mut total = 0;
    for (group, weights) in weights.chunks(rows_at_once * width).enumerate() {
        let mut lanes = _mm256_setzero_si256();
        for (y, weights) in weights.chunks_exact(width).enumerate() {
            let bytes = &window[(group * rows_at_once + y) * stride..][..width];
            let blocks = weights.as_chunks::<CORRELATE_BLOCK>().0.iter();
            for (bytes, weights) in bytes.as_chunks::<CORRELATE_BLOCK>().0.iter().zip(blocks) {
                // SAFETY: sixteen bytes and sixteen weights.
                let (bytes, weights) = unsafe {
                    (_mm_loadu_si128(bytes.as_ptr().cast()), _mm256_loadu_si256(weights.as_ptr().cast()))
                };
                lanes = _mm256_add_epi32(lanes, _mm256_madd_epi16(_mm256_cvtepu8_epi16(bytes), weights));
            }
        }
        let mut sums = [0i32; 8];
        // SAFETY: `sums` is 256 bits.
        unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), lanes) };
        total += sums.iter().map(|&sum| i64::from(sum)).sum::<i64>();
    }
    total
}

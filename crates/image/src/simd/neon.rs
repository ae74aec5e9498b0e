//! The kernels for AArch64: the two passes by hand, the rest `portable` (NEON is in the baseline).

use std::arch::aarch64::*;

pub(super) use super::portable::{
    correlate, interleave, interleave_f32, luma, narrow, rgb_to_gray, split, yuv_to_rgb,
};
use super::{Strip, portable};
use crate::weights::{BLOCK, ColumnWeights, GROUP};

/// Bytes of a 128-bit register.
const WIDE: usize = 16;

/// (v × 128 × w × 2) >> 16 for eight samples: the same truncation as `portable::term`.
#[inline]
#[target_feature(enable = "neon")]
fn add_term(sum: int16x8_t, samples: uint8x8_t, weight: int16x8_t) -> int16x8_t {
    let wide = vreinterpretq_s16_u16(vshll_n_u8::<7>(samples));
    vaddq_s16(sum, vqdmulhq_s16(wide, weight))
}

pub(super) fn blend(strip: Strip<'_>, out: &mut [i16]) {
    let count = out.len();
    if count < WIDE {
        return portable::blend(strip, out);
    }
    strip.assert_holds(count);
    let mut at = 0;
    while at < count {
        // The last step overlaps the one before it, computing the same outputs again.
        at = at.min(count - WIDE);
        // SAFETY: NEON is in the baseline; WIDE bytes from `at` lie inside every row (asserted) and in `out`.
        unsafe { blend_step(&strip, at, out.as_mut_ptr().add(at)) };
        at += WIDE;
    }
}

/// # Safety
/// 16 bytes from `at` are readable in every row, 16 samples writable at `out`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn blend_step(strip: &Strip<'_>, at: usize, out: *mut i16) {
    let bias = vdupq_n_s16(strip.bias() as i16);
    let (mut low, mut high) = (bias, bias);
    let mut row = strip.data.as_ptr().wrapping_add(at);
    for &weight in strip.weights {
        let weight = vdupq_n_s16(weight as i16);
        // SAFETY: the caller's promise.
        let bytes = unsafe { vld1q_u8(row) };
        low = add_term(low, vget_low_u8(bytes), weight);
        high = add_term(high, vget_high_u8(bytes), weight);
        row = row.wrapping_add(strip.stride);
    }
    // SAFETY: the caller's promise.
    unsafe {
        vst1q_s16(out, low);
        vst1q_s16(out.add(8), high);
    }
}

pub(super) fn blend_pairs(strip: Strip<'_>, even: &mut [i16], odd: &mut [i16]) {
    let count = even.len() * 2;
    if count < WIDE {
        return portable::blend_pairs(strip, even, odd);
    }
    assert_eq!(even.len(), odd.len());
    strip.assert_holds(count);
    let (even, odd) = (even.as_mut_ptr(), odd.as_mut_ptr());
    let mut at = 0;
    while at < count {
        at = at.min(count - WIDE);
        // SAFETY: as in `blend`, with half as many samples in each output.
        unsafe { blend_pairs_step(&strip, at, even.add(at / 2), odd.add(at / 2)) };
        at += WIDE;
    }
}

/// # Safety
/// 16 bytes from `at` are readable in every row, 8 samples writable at `even` and at `odd`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn blend_pairs_step(strip: &Strip<'_>, at: usize, even: *mut i16, odd: *mut i16) {
    let bias = vdupq_n_s16(strip.bias() as i16);
    let (mut a, mut b) = (bias, bias);
    let mut row = strip.data.as_ptr().wrapping_add(at);
    for &weight in strip.weights {
        let weight = vdupq_n_s16(weight as i16);
        // SAFETY: the caller's promise.
        let pair = unsafe { vld2_u8(row) };
        a = add_term(a, pair.0, weight);
        b = add_term(b, pair.1, weight);
        row = row.wrapping_add(strip.stride);
    }
    // SAFETY: the caller's promise.
    unsafe {
        vst1q_s16(even, a);
        vst1q_s16(odd, b);
    }
}

pub(super) fn gather(mid: &[i16], columns: &ColumnWeights, out: &mut [i16]) {
    if columns.pairs() {
        return portable::gather_pairs(mid, columns, out);
    }
    let per_group = columns.blocks() * GROUP * BLOCK;
    let groups = columns.starts().chunks_exact(GROUP).zip(columns.weights().chunks_exact(per_group));
    for ((starts, weights), out) in groups.zip(out.chunks_exact_mut(GROUP)) {
        for (lane, (&start, out)) in starts.iter().zip(out).enumerate() {
            let slot = (lane % 4) * 2 + lane / 4;
            // SAFETY: NEON is in the baseline; `Isa::gather` asserted that every start + all blocks lies in `mid`.
            let sum = unsafe { dot(&mid[start as usize..], &weights[slot * BLOCK..], columns.blocks()) };
            *out = ((sum + (1 << 13)) >> 14) as i16;
        }
    }
}

/// # Safety
/// `samples` holds `blocks` × 8 values, `weights` 8 values at every multiple of 64 below `blocks` × 64.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn dot(samples: &[i16], weights: &[i16], blocks: usize) -> i32 {
    let mut sum = vdupq_n_s32(0);
    for block in 0..blocks {
        // SAFETY: the caller's promise.
        let (s, w) = unsafe {
            (
                vld1q_s16(samples.as_ptr().add(block * BLOCK)),
                vld1q_s16(weights.as_ptr().add(block * GROUP * BLOCK)),
            )
        };
        sum = vmlal_s16(sum, vget_low_s16(s), vget_low_s16(w));
        sum = vmlal_high_s16(sum, s, w);
    }
    vaddvq_s32(sum)
}

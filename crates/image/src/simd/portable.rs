//! The kernels in plain Rust, written so that LLVM can vectorise them for the instruction set of the caller.

use super::{SAMPLE_BITS, Strip, YuvCoefficients};
use crate::weights::{BLOCK, ColumnWeights, GROUP};

/// One term of the vertical sum, truncated as the SIMD multiplies truncate: (v × 256 × w) >> 16.
#[inline(always)]
fn term(sample: u8, weight: u16) -> u16 {
    ((u32::from(sample) * u32::from(weight)) >> 8) as u16
}

#[inline(always)]
pub(super) fn blend(strip: Strip<'_>, out: &mut [i16]) {
    for (x, out) in out.iter_mut().enumerate() {
        let rows = strip.data[x..].iter().step_by(strip.stride).zip(strip.weights);
        let sum: u16 = rows.map(|(&sample, &weight)| term(sample, weight)).sum();
        *out = (sum + strip.bias()) as i16;
    }
}

#[inline(always)]
pub(super) fn blend_pairs(strip: Strip<'_>, even: &mut [i16], odd: &mut [i16]) {
    for (x, (even, odd)) in even.iter_mut().zip(odd).enumerate() {
        let (mut a, mut b) = (strip.bias(), strip.bias());
        for (row, &weight) in strip.weights.iter().enumerate() {
            let at = row * strip.stride + 2 * x;
            a += term(strip.data[at], weight);
            b += term(strip.data[at + 1], weight);
        }
        (*even, *odd) = (a as i16, b as i16);
    }
}

#[inline(always)]
pub(super) fn gather(mid: &[i16], columns: &ColumnWeights, out: &mut [i16]) {
    if columns.pairs() {
        return gather_pairs(mid, columns, out);
    }
    let per_group = columns.blocks() * GROUP * BLOCK;
    let groups = columns.starts().chunks_exact(GROUP).zip(columns.weights().chunks_exact(per_group));
    for ((starts, weights), out) in groups.zip(out.chunks_exact_mut(GROUP)) {
        for (lane, (&start, out)) in starts.iter().zip(out).enumerate() {
            let slot = (lane % 4) * 2 + lane / 4;
            let mut sum = 1 << 13;
            for block in 0..columns.blocks() {
                let at = start as usize + block * BLOCK;
                let weights = &weights[(block * GROUP + slot) * BLOCK..][..BLOCK];
                sum += dot(&mid[at..at + BLOCK], weights);
            }
            *out = (sum >> 14) as i16;
        }
    }
}

/// The horizontal pass where no output has more than two weights.
#[inline(always)]
pub(super) fn gather_pairs(mid: &[i16], columns: &ColumnWeights, out: &mut [i16]) {
    let weights = columns.weights().as_chunks::<2>().0;
    for ((&start, weights), out) in columns.starts().iter().zip(weights).zip(out) {
        let start = start as usize;
        *out = ((dot(&mid[start..start + 2], weights) + (1 << 13)) >> 14) as i16;
    }
}

#[inline(always)]
fn dot(samples: &[i16], weights: &[i16]) -> i32 {
    samples.iter().zip(weights).map(|(&sample, &weight)| i32::from(sample) * i32::from(weight)).sum()
}

#[inline(always)]
pub(super) fn split<const N: usize, const M: usize>(mid: &[i16], out: [&mut [i16]; M]) {
    let count = out[0].len();
    let pixels = mid.as_chunks::<N>().0;
    assert!(count <= pixels.len() && out.iter().all(|out| out.len() == count));
    for (i, pixel) in pixels[..count].iter().enumerate() {
        for channel in 0..M {
            out[channel][i] = pixel[channel];
        }
    }
}

/// The high half of a product, as `pmulhw`: Q7 × Q13 gives Q4.
#[inline(always)]
fn mul_high(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

/// Q4 to a byte. Each of the `terms` products lost half a unit on average; 8 rounds.
#[inline(always)]
fn byte(sum: i16, terms: i16) -> u8 {
    ((sum + 8 + terms / 2) >> 4).clamp(0, 255) as u8
}

#[inline(always)]
pub(super) fn yuv_to_rgb([y, u, v]: [&[i16]; 3], k: &YuvCoefficients, [r, g, b]: [&mut [u8]; 3]) {
    let count = r.len();
    let (y, u, v) = (&y[..count], &u[..count], &v[..count]);
    let (g, b) = (&mut g[..count], &mut b[..count]);
    let grey = 128 << SAMPLE_BITS;
    for i in 0..count {
        let luma = mul_high(y[i] - k.black, k.y);
        let (u, v) = (u[i] - grey, v[i] - grey);
        r[i] = byte(luma + mul_high(v, k.r_v), 2);
        g[i] = byte(luma + mul_high(u, k.g_u) + mul_high(v, k.g_v), 3);
        b[i] = byte(luma + mul_high(u, k.b_u), 2);
    }
}

#[inline(always)]
pub(super) fn luma(y: &[i16], k: &YuvCoefficients, out: &mut [u8]) {
    for (&y, out) in y.iter().zip(out) {
        *out = byte(mul_high(y - k.black, k.y), 1);
    }
}

#[inline(always)]
pub(super) fn rgb_to_gray([r, g, b]: [&[i16]; 3], out: &mut [u8]) {
    for (((&r, &g), &b), out) in r.iter().zip(g).zip(b).zip(out) {
        // 0.299, 0.587, 0.114 in Q14, as Pillow; they sum to 16384.
        let sum = i32::from(r) * 4899 + i32::from(g) * 9617 + i32::from(b) * 1868;
        *out = ((sum + (1 << 20)) >> 21).clamp(0, 255) as u8;
    }
}

#[inline(always)]
pub(super) fn narrow(samples: &[i16], out: &mut [u8]) {
    for (&sample, out) in samples.iter().zip(out) {
        *out = ((sample.min(i16::MAX - 64) + 64) >> SAMPLE_BITS).clamp(0, 255) as u8;
    }
}

#[inline(always)]
pub(super) fn interleave([a, b, c]: [&[u8]; 3], flip: u8, out: &mut [u8]) {
    let pixels = out.as_chunks_mut::<3>().0;
    let count = pixels.len();
    let (a, b, c) = (&a[..count], &b[..count], &c[..count]);
    for i in 0..count {
        pixels[i] = [a[i] ^ flip, b[i] ^ flip, c[i] ^ flip];
    }
}

#[inline(always)]
pub(super) fn interleave_f32([a, b, c]: [&[u8]; 3], mul: [f32; 3], add: [f32; 3], out: &mut [u8]) {
    let pixels = out.as_chunks_mut::<4>().0.as_chunks_mut::<3>().0;
    let count = pixels.len();
    let (a, b, c) = (&a[..count], &b[..count], &c[..count]);
    for i in 0..count {
        let value = |v: u8, c: usize| (f32::from(v) * mul[c] + add[c]).to_ne_bytes();
        pixels[i] = [value(a[i], 0), value(b[i], 1), value(c[i], 2)];
    }
}

#[inline(always)]
pub(super) fn correlate(window: &[u8], stride: usize, weights: &[i16], width: usize) -> i64 {
    let row = |(y, weights): (usize, &[i16])| -> i64 {
        let bytes = &window[y * stride..][..width];
        let products = bytes.iter().zip(weights).map(|(&byte, &weight)| i32::from(byte) * i32::from(weight));
        // A row has at most 1024 + 15 weights: 2²⁸.
        i64::from(products.sum::<i32>())
    };
    weights.chunks_exact(width).enumerate().map(row).sum()
}

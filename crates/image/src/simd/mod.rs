//! The inner loops. Each exists once in plain Rust (`portable`), and, where the compiler does not find the
//! good instructions by itself, once by hand for AVX2 and once for NEON; all give the same bits.
//!
//! Fixed point: samples between the passes are Q7 in `i16` (0..=32640), vertical weights Q15, horizontal Q14.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod dots;
mod jfif;
#[cfg(target_arch = "aarch64")]
mod neon;
mod outside;
mod portable;

pub(super) use jfif::ToJfif;

use std::ops::Range;

use super::weights::ColumnWeights;

/// Fraction bits of the samples between the passes.
pub(super) const SAMPLE_BITS: u32 = 7;

/// Weights of a correlation come in blocks of this many.
pub(super) const CORRELATE_BLOCK: usize = 16;

/// Values of a row of scalar products come in blocks of this many.
pub(super) const DOT_BLOCK: usize = 16;

/// The source of a vertical pass: rows `stride` bytes apart, one for each weight, from the first touched byte on.
#[derive(Clone)]
pub(super) struct Strip<'a> {
    pub data: &'a [u8],
    pub stride: usize,
    pub weights: &'a [u16],
    /// Rows that the next output row will want, counted from the first: fetched ahead where that can be asked for.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "only the kernels for AVX2 ask for it")
    )]
    pub ahead: Range<usize>,
}

impl Strip<'_> {
    /// What each product loses by truncation is half a unit on average; adding it back keeps the mean.
    fn bias(&self) -> u16 {
        (self.weights.len() / 2).min(127) as u16
    }

    /// Panics where `row` bytes of the last row are not there: what the kernels' raw reads rest on.
    fn assert_holds(&self, row: usize) {
        let rows = self.weights.len();
        assert!(rows > 0 && (rows - 1) * self.stride + row <= self.data.len());
    }
}

/// The coefficients of YUV to RGB in Q13, for Q7 samples; see [`super::colour`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct YuvCoefficients {
    /// The value of black, Q7.
    pub black: i16,
    pub y: i16,
    pub r_v: i16,
    pub g_u: i16,
    pub g_v: i16,
    pub b_u: i16,
}

/// The instruction set, found once when a preprocessor is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isa {
    #[allow(dead_code, reason = "AArch64 always has NEON; its tests compare with this one")]
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// The best that this machine has.
    pub fn detect() -> Isa {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Isa::Avx2;
        }
        #[cfg(target_arch = "aarch64")]
        return Isa::Neon;
        #[cfg(not(target_arch = "aarch64"))]
        Isa::Portable
    }
}

/// Calls the AVX2, NEON or portable twin of a kernel.
macro_rules! dispatch {
    ($isa:expr, $kernel:ident $(::<$($size:ident),*>)? ($($argument:expr),*)) => {
        match $isa {
            // SAFETY: `Isa::detect` saw AVX2 on this machine; the kernels check their own slices.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::$kernel$(::<$($size),*>)?($($argument),*) },
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => neon::$kernel$(::<$($size),*>)?($($argument),*),
            Isa::Portable => portable::$kernel$(::<$($size),*>)?($($argument),*),
        }
    };
}

impl Isa {
    /// Vertical pass: `out[x]` = Σ weight × row\[x\], Q7.
    pub fn blend(self, strip: Strip<'_>, out: &mut [i16]) {
        strip.assert_holds(out.len());
        dispatch!(self, blend(strip, out))
    }

    /// Vertical pass over two interleaved channels, taken apart on the way.
    pub fn blend_pairs(self, strip: Strip<'_>, even: &mut [i16], odd: &mut [i16]) {
        assert_eq!(even.len(), odd.len());
        strip.assert_holds(even.len() * 2);
        dispatch!(self, blend_pairs(strip, even, odd))
    }

    /// Horizontal pass: `out[i]` = Σ weight(i, k) × mid\[start(i) + k\], Q7.
    pub fn gather(self, mid: &[i16], columns: &ColumnWeights, out: &mut [i16]) {
        assert!(out.len() == columns.padded() && columns.reach() <= mid.len());
        dispatch!(self, gather(mid, columns, out))
    }

    /// Takes `N` interleaved channels apart; channels beyond `out`'s are skipped.
    pub fn split<const N: usize, const M: usize>(self, mid: &[i16], out: [&mut [i16]; M]) {
        dispatch!(self, split::<N, M>(mid, out))
    }

    /// YUV to RGB, Q7 to bytes.
    pub fn yuv_to_rgb(self, yuv: [&[i16]; 3], coefficients: &YuvCoefficients, rgb: [&mut [u8]; 3]) {
        dispatch!(self, yuv_to_rgb(yuv, coefficients, rgb))
    }

    /// Luma to grey, Q7 to bytes: the first line of [`Isa::yuv_to_rgb`].
    pub fn luma(self, y: &[i16], coefficients: &YuvCoefficients, out: &mut [u8]) {
        dispatch!(self, luma(y, coefficients, out))
    }

    /// RGB to grey by BT.601, Q7 to bytes.
    pub fn rgb_to_gray(self, rgb: [&[i16]; 3], out: &mut [u8]) {
        dispatch!(self, rgb_to_gray(rgb, out))
    }

    /// Σ weight × byte over rows of `width` weights, the window's rows `stride` bytes apart. `width` is in whole
    /// blocks of 16, the weights within ±1024; rows may overlap where the weights at their end are 0.
    pub fn correlate(self, window: &[u8], stride: usize, weights: &[i16], width: usize) -> i64 {
        assert!(width > 0 && width.is_multiple_of(CORRELATE_BLOCK) && weights.len().is_multiple_of(width));
        let rows = weights.len() / width;
        assert!(rows > 0 && (rows - 1) * stride + width <= window.len());
        dispatch!(self, correlate(window, stride, weights, width))
    }

    /// Rounds Q7 to bytes.
    pub fn narrow(self, samples: &[i16], out: &mut [u8]) {
        dispatch!(self, narrow(samples, out))
    }

    /// Three planes to interleaved bytes, each xored with `flip` (0, or 0x80 for v − 128 as i8).
    pub fn interleave(self, planes: [&[u8]; 3], flip: u8, out: &mut [u8]) {
        dispatch!(self, interleave(planes, flip, out))
    }

    /// Interleaved f32, native byte order: channel c is `mul[c]` × v + `add[c]`.
    pub fn interleave_f32(self, planes: [&[u8]; 3], mul: [f32; 3], add: [f32; 3], out: &mut [u8]) {
        dispatch!(self, interleave_f32(planes, mul, add, out))
    }
}

#[cfg(test)]
mod tests;

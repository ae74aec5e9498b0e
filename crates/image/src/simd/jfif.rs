//! Rows of any colours to JFIF's, and back into planes what is interleaved. Written so that LLVM vectorises them.
//!
//! Fixed point: differences from black or grey are Q7, gains Q13, their products Q4.

use super::Isa;

/// Y'CbCr of any matrix and range to JFIF's. Grey is grey in each of them, so luma never moves chroma; chroma moves
/// luma only where the matrices differ. Gains are Q13.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ToJfif {
    /// The value of black, Q7.
    pub black: i16,
    /// Gain from luma to luma, Q13.
    pub y: i16,
    /// Both differences to luma.
    pub y_uv: [i16; 2],
    /// Both to the blue difference.
    pub u_uv: [i16; 2],
    /// Both to the red difference.
    pub v_uv: [i16; 2],
}

/// Gives each kernel its two faces: compiled for what the target has anyway, and again for AVX2.
macro_rules! kernels {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*);)*) => {
        impl Isa {
            $($(#[$doc])*
            pub fn $name(self, $($argument: $type),*) {
                match self {
                    // SAFETY: `Isa::detect` saw AVX2 on this machine; the kernels index checked slices.
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => unsafe { avx2::$name($($argument),*) },
                    _ => portable::$name($($argument),*),
                }
            })*
        }

        #[cfg(target_arch = "x86_64")]
        mod avx2 {
            use super::*;

            $(#[target_feature(enable = "avx2")]
            pub fn $name($($argument: $type),*) {
                portable::$name($($argument),*)
            })*
        }
    };
}

kernels! {
    /// Luma where chroma does not move it.
    fn jfif_luma(y: &[u8], k: &ToJfif, out: &mut [u8]);
    /// Luma with what chroma adds to it: `shifts`, one a px.
    fn jfif_luma_shifted(y: &[u8], shifts: &[i16], k: &ToJfif, out: &mut [u8]);
    /// What each sample of chroma adds to the luma of its two px.
    fn jfif_shifts(u: &[u8], v: &[u8], k: &ToJfif, out: &mut [i16]);
    /// Both chroma differences of JFIF from those of the source.
    fn jfif_chroma(u: &[u8], v: &[u8], k: &ToJfif, out_u: &mut [u8], out_v: &mut [u8]);
    /// Takes two interleaved channels apart.
    fn unzip(pairs: &[u8], even: &mut [u8], odd: &mut [u8]);
    /// The mean of two rows.
    fn average(a: &[u8], b: &[u8], out: &mut [u8]);
    /// Takes px of three bytes apart.
    fn unpack3(pixels: &[u8], a: &mut [u8], b: &mut [u8], c: &mut [u8]);
    /// Takes px of four bytes apart; the fourth is left out.
    fn unpack4(pixels: &[u8], a: &mut [u8], b: &mut [u8], c: &mut [u8]);
    /// JFIF luma of red, green and blue.
    fn rgb_luma(r: &[u8], g: &[u8], b: &[u8], out: &mut [u8]);
    /// JFIF chroma of 2 × 2 px: two rows each of red, green and blue.
    fn rgb_chroma(r: [&[u8]; 2], g: [&[u8]; 2], b: [&[u8]; 2], out_u: &mut [u8], out_v: &mut [u8]);
    /// Moves `row` towards `value` by `share` of 256.
    fn tint(row: &mut [u8], value: u8, share: u16);
    /// As [`Isa::tint`], by the share of each sample that is covered, 0 to 255.
    fn tint_covered(row: &mut [u8], cover: &[u8], value: u8, share: u16);
    /// The mean cover of 2 × 2 samples.
    fn halve_cover(upper: &[u8], lower: &[u8], out: &mut [u8]);
    /// The greater of both.
    fn greatest(row: &mut [u8], other: &[u8]);
}

mod portable {
    use super::ToJfif;

    /// The high half of a product, as `pmulhw`: Q7 × Q13 gives Q4.
    #[inline(always)]
    fn mul_high(a: i16, b: i16) -> i16 {
        ((i32::from(a) * i32::from(b)) >> 16) as i16
    }

    /// Q4 to a byte about `zero`. Each of the `terms` products lost half a unit on average; 8 rounds.
    #[inline(always)]
    fn byte(sum: i16, terms: i16, zero: i16) -> u8 {
        (zero + ((sum + 8 + terms / 2) >> 4)).clamp(0, 255) as u8
    }

    #[inline(always)]
    fn q7(sample: u8, zero: i16) -> i16 {
        (i16::from(sample) << 7) - zero
    }

    const GREY: i16 = 128 << 7;

    #[inline(always)]
    pub fn jfif_luma(y: &[u8], k: &ToJfif, out: &mut [u8]) {
        for (&y, out) in y.iter().zip(out) {
            *out = byte(mul_high(q7(y, k.black), k.y), 1, 0);
        }
    }

    #[inline(always)]
    pub fn jfif_luma_shifted(y: &[u8], shifts: &[i16], k: &ToJfif, out: &mut [u8]) {
        for ((&y, &shift), out) in y.iter().zip(shifts).zip(out) {
            *out = byte(mul_high(q7(y, k.black), k.y) + shift, 3, 0);
        }
    }

    #[inline(always)]
    pub fn jfif_shifts(u: &[u8], v: &[u8], k: &ToJfif, out: &mut [i16]) {
        for ((&u, &v), out) in u.iter().zip(v).zip(out.as_chunks_mut::<2>().0) {
            *out = [mul_high(q7(u, GREY), k.y_uv[0]) + mul_high(q7(v, GREY), k.y_uv[1]); 2];
        }
    }

    #[inline(always)]
    pub fn jfif_chroma(u: &[u8], v: &[u8], k: &ToJfif, out_u: &mut [u8], out_v: &mut [u8]) {
        let count = out_u.len();
        let (u, v, out_v) = (&u[..count], &v[..count], &mut out_v[..count]);
        for i in 0..count {
            let (u, v) = (q7(u[i], GREY), q7(v[i], GREY));
            out_u[i] = byte(mul_high(u, k.u_uv[0]) + mul_high(v, k.u_uv[1]), 2, 128);
            out_v[i] = byte(mul_high(u, k.v_uv[0]) + mul_high(v, k.v_uv[1]), 2, 128);
        }
    }

    #[inline(always)]
    pub fn unzip(pairs: &[u8], even: &mut [u8], odd: &mut [u8]) {
        for ((&[a, b], even), odd) in pairs.as_chunks::<2>().0.iter().zip(even).zip(odd) {
            (*even, *odd) = (a, b);
        }
    }

    #[inline(always)]
    pub fn average(a: &[u8], b: &[u8], out: &mut [u8]) {
        for ((&a, &b), out) in a.iter().zip(b).zip(out) {
            *out = (u16::from(a) + u16::from(b)).div_ceil(2) as u8;
        }
    }

    #[inline(always)]
    fn unpack<const N: usize>(pixels: &[u8], a: &mut [u8], b: &mut [u8], c: &mut [u8]) {
        let pixels = pixels.as_chunks::<N>().0;
        let count = pixels.len();
        let (a, b, c) = (&mut a[..count], &mut b[..count], &mut c[..count]);
        for i in 0..count {
            (a[i], b[i], c[i]) = (pixels[i][0], pixels[i][1], pixels[i][2]);
        }
    }

    #[inline(always)]
    pub fn unpack3(pixels: &[u8], a: &mut [u8], b: &mut [u8], c: &mut [u8]) {
        unpack::<3>(pixels, a, b, c);
    }

    #[inline(always)]
    pub fn unpack4(pixels: &[u8], a: &mut [u8], b: &mut [u8], c: &mut [u8]) {
        unpack::<4>(pixels, a, b, c);
    }

    #[inline(always)]
    pub fn rgb_luma(r: &[u8], g: &[u8], b: &[u8], out: &mut [u8]) {
        for (((&r, &g), &b), out) in r.iter().zip(g).zip(b).zip(out) {
            // 0.299, 0.587, 0.114 in Q14; they sum to 16384.
            let sum = i32::from(r) * 4899 + i32::from(g) * 9617 + i32::from(b) * 1868;
            *out = ((sum + (1 << 13)) >> 14) as u8;
        }
    }

    #[inline(always)]
    pub fn rgb_chroma(
        [r0, r1]: [&[u8]; 2],
        [g0, g1]: [&[u8]; 2],
        [b0, b1]: [&[u8]; 2],
        out_u: &mut [u8],
        out_v: &mut [u8],
    ) {
        let count = out_u.len();
        let four = |a: &[u8; 2], b: &[u8; 2]| -> i32 {
            i32::from(u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]))
        };
        // Q14 gains on sums of four: 16 bits to go.
        let byte = |sum: i32| (128 + ((sum + (1 << 15)) >> 16)).clamp(0, 255) as u8;
        let (r0, r1) = (&r0.as_chunks::<2>().0[..count], &r1.as_chunks::<2>().0[..count]);
        let (g0, g1) = (&g0.as_chunks::<2>().0[..count], &g1.as_chunks::<2>().0[..count]);
        let (b0, b1) = (&b0.as_chunks::<2>().0[..count], &b1.as_chunks::<2>().0[..count]);
        let out_v = &mut out_v[..count];
        for i in 0..count {
            let (r, g, b) = (four(&r0[i], &r1[i]), four(&g0[i], &g1[i]), four(&b0[i], &b1[i]));
            out_u[i] = byte(8192 * b - 2765 * r - 5427 * g);
            out_v[i] = byte(8192 * r - 6860 * g - 1332 * b);
        }
    }

    #[inline(always)]
    fn mix(sample: u8, value: u16, share: u16) -> u8 {
        ((u16::from(sample) * (256 - share) + value * share + 128) >> 8) as u8
    }

    #[inline(always)]
    pub fn tint(row: &mut [u8], value: u8, share: u16) {
        let (value, share) = (u16::from(value), share.min(256));
        row.iter_mut().for_each(|sample| *sample = mix(*sample, value, share));
    }

    #[inline(always)]
    pub fn tint_covered(row: &mut [u8], cover: &[u8], value: u8, share: u16) {
        let (value, share) = (u16::from(value), share.min(256));
        for (sample, &cover) in row.iter_mut().zip(cover) {
            // 255 stands for all of it; 256 × 256 does not fit, so it is one less and rounded up.
            let cover = u16::from(cover) + u16::from(cover >> 7);
            *sample = mix(*sample, value, ((cover * share.min(255)) >> 8) + (cover >> 8) * (share >> 8));
        }
    }

    #[inline(always)]
    pub fn halve_cover(upper: &[u8], lower: &[u8], out: &mut [u8]) {
        let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        for (([a, b], [c, d]), out) in pairs.zip(out) {
            *out = ((u16::from(*a) + u16::from(*b) + u16::from(*c) + u16::from(*d) + 2) >> 2) as u8;
        }
    }

    #[inline(always)]
    pub fn greatest(row: &mut [u8], other: &[u8]) {
        row.iter_mut().zip(other).for_each(|(sample, &other)| *sample = (*sample).max(other));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_instruction_set_gives_the_same_bytes(bytes in prop::collection::vec(0u8.., 24..400), share in 0u16..=256) {
            let n = bytes.len() / 12 * 2;
            let row = |at: usize| &bytes[at * n..][..n];
            let k = ToJfif { black: 16 << 7, y: 9539, y_uv: [815, -1600], u_uv: [9000, 800], v_uv: [-700, 9100] };
            let all = |isa: Isa| {
                let mut out = vec![vec![0u8; n]; 12];
                let mut shifts = vec![0i16; n];
                isa.jfif_luma(row(0), &k, &mut out[0]);
                isa.jfif_shifts(&row(0)[..n / 2], &row(1)[..n / 2], &k, &mut shifts);
                isa.jfif_luma_shifted(row(0), &shifts, &k, &mut out[1]);
                let (u, v) = out.split_at_mut(3);
                isa.jfif_chroma(row(2), row(3), &k, &mut u[2], &mut v[0]);
                let (r, g, b) = ([row(0), row(1)], [row(2), row(3)], [row(4), row(5)]);
                isa.rgb_chroma(r, g, b, &mut u[1][..n / 2], &mut v[1][..n / 2]);
                isa.rgb_luma(row(0), row(1), row(2), &mut v[2]);
                isa.average(row(0), row(1), &mut v[3]);
                isa.halve_cover(row(0), row(1), &mut v[4][..n / 2]);
                v[5].copy_from_slice(row(4));
                isa.tint(&mut v[5], 200, share);
                v[6].copy_from_slice(row(4));
                isa.tint_covered(&mut v[6], row(5), 200, share);
                v[7].copy_from_slice(row(4));
                isa.greatest(&mut v[7], row(5));
                out
            };
            prop_assert_eq!(all(Isa::detect()), all(Isa::Portable));
        }
    }

    #[test]
    fn a_sample_that_is_covered_wholly_becomes_the_colour_and_an_uncovered_one_stays() {
        let mut row = [7, 7, 7];
        Isa::Portable.tint_covered(&mut row, &[255, 0, 128], 207, 256);
        assert_eq!(row, [207, 7, 107]);
        Isa::Portable.tint(&mut row, 100, 256);
        assert_eq!(row, [100; 3]);
    }
}

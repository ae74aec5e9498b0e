//! Samples outside of their bounds, one bit each: the inner loop of the golden comparison, and its three twins.

use super::Isa;

/// Samples of one word of bits.
const BLOCK: usize = 64;

impl Isa {
    /// Bit i of `out` is 1 where `row[i]` < `low[i]` or > `high[i]`; bits beyond the row are 0. Gives all words or-ed.
    ///
    /// # Panics
    /// When the three are not of one length, or `out` does not have one word for each 64 samples begun.
    pub fn outside(self, row: &[u8], low: &[u8], high: &[u8], out: &mut [u64]) -> u64 {
        let count = row.len();
        assert!(low.len() == count && high.len() == count && out.len() == count.div_ceil(BLOCK));
        let (rows, row_tail) = row.as_chunks::<BLOCK>();
        let (lows, low_tail) = low.as_chunks::<BLOCK>();
        let (highs, high_tail) = high.as_chunks::<BLOCK>();
        let (words, last) = out.split_at_mut(rows.len());
        let mut any = self.outside_blocks(rows, lows, highs, words);
        if let Some(last) = last.first_mut() {
            // Filled up with zeros, which lie within 0 and 0.
            let fill = |tail: &[u8]| {
                let mut block = [0; BLOCK];
                block[..tail.len()].copy_from_slice(tail);
                [block]
            };
            let last = std::slice::from_mut(last);
            any |= self.outside_blocks(&fill(row_tail), &fill(low_tail), &fill(high_tail), last);
        }
        any
    }

    fn outside_blocks(
        self,
        row: &[[u8; BLOCK]],
        low: &[[u8; BLOCK]],
        high: &[[u8; BLOCK]],
        out: &mut [u64],
    ) -> u64 {
        match self {
            // SAFETY: `Isa::detect` saw AVX2 on this machine.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::blocks(row, low, high, out) },
            // SAFETY: NEON is in the baseline of AArch64.
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => unsafe { neon::blocks(row, low, high, out) },
            Isa::Portable => portable(row, low, high, out),
        }
    }
}

fn portable(row: &[[u8; BLOCK]], low: &[[u8; BLOCK]], high: &[[u8; BLOCK]], out: &mut [u64]) -> u64 {
    let mut any = 0;
    for (((row, low), high), out) in row.iter().zip(low).zip(high).zip(out) {
        *out = (0..BLOCK).fold(0, |word, i| word | u64::from(row[i] < low[i] || row[i] > high[i]) << i);
        any |= *out;
    }
    any
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::BLOCK;

    #[target_feature(enable = "avx2")]
    pub fn blocks(row: &[[u8; BLOCK]], low: &[[u8; BLOCK]], high: &[[u8; BLOCK]], out: &mut [u64]) -> u64 {
        let mut any = 0;
        for (((row, low), high), out) in row.iter().zip(low).zip(high).zip(out) {
            *out = u64::from(half(row, low, high, 0)) | u64::from(half(row, low, high, 32)) << 32;
            any |= *out;
        }
        any
    }

    /// 32 samples from `at`, which is 0 or 32. What saturates to 0 both ways lies within.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn half(row: &[u8; BLOCK], low: &[u8; BLOCK], high: &[u8; BLOCK], at: usize) -> u32 {
        let load = |block: &[u8; BLOCK]| {
            let half: &[u8; 32] = block[at..].first_chunk().expect("at is 0 or 32");
            // SAFETY: 32 readable bytes.
            unsafe { _mm256_loadu_si256(half.as_ptr().cast()) }
        };
        let (v, low, high) = (load(row), load(low), load(high));
        let beyond = _mm256_or_si256(_mm256_subs_epu8(low, v), _mm256_subs_epu8(v, high));
        !_mm256_movemask_epi8(_mm256_cmpeq_epi8(beyond, _mm256_setzero_si256())) as u32
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use std::arch::aarch64::*;

    use super::BLOCK;

    #[target_feature(enable = "neon")]
    pub fn blocks(row: &[[u8; BLOCK]], low: &[[u8; BLOCK]], high: &[[u8; BLOCK]], out: &mut [u64]) -> u64 {
        const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
        let mut any = 0;
        // SAFETY: 16 readable bytes.
        let bits = unsafe { vld1q_u8(BITS.as_ptr()) };
        for (((row, low), high), out) in row.iter().zip(low).zip(high).zip(out) {
            let quarter = |at: usize| {
                let load = |block: &[u8; BLOCK]| {
                    let quarter: &[u8; 16] = block[at..].first_chunk().expect("at is 0, 16, 32 or 48");
                    // SAFETY: 16 readable bytes.
                    unsafe { vld1q_u8(quarter.as_ptr()) }
                };
                let v = load(row);
                vandq_u8(vorrq_u8(vcltq_u8(v, load(low)), vcgtq_u8(v, load(high))), bits)
            };
            // Each pairwise addition halves: 64 lanes of one bit become 8 bytes.
            let low_half = vpaddq_u8(quarter(0), quarter(16));
            let high_half = vpaddq_u8(quarter(32), quarter(48));
            let sum = vpaddq_u8(low_half, high_half);
            *out = vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sum, sum)));
            any |= *out;
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_instruction_set_finds_the_same_samples_outside(
            samples in prop::collection::vec((0u8.., 0u8.., 0u8..), 1..300),
        ) {
            let row: Vec<u8> = samples.iter().map(|s| s.0).collect();
            let low: Vec<u8> = samples.iter().map(|s| s.1).collect();
            let high: Vec<u8> = samples.iter().map(|s| s.2).collect();
            let words = row.len().div_ceil(BLOCK);
            let (mut ours, mut plain) = (vec![7; words], vec![7; words]);
            let any = Isa::detect().outside(&row, &low, &high, &mut ours);
            prop_assert_eq!(any, Isa::Portable.outside(&row, &low, &high, &mut plain));
            prop_assert_eq!(&ours, &plain);
            for i in 0..words * BLOCK {
                let expected = samples.get(i).is_some_and(|&(v, low, high)| v < low || v > high);
                prop_assert_eq!(ours[i / 64] >> (i % 64) & 1 == 1, expected);
            }
            prop_assert_eq!(any != 0, ours.iter().any(|&word| word != 0));
        }
    }

    #[test]
    #[should_panic(expected = "assertion failed")]
    fn bounds_that_are_too_short_are_never_read() {
        Isa::detect().outside(&[0; 64], &[0; 63], &[0; 64], &mut [0]);
    }
}

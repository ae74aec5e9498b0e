//! Scalar products of one vector with many rows: the inner loop of a search through embeddings, and its twins.

use super::{DOT_BLOCK, Isa};

impl Isa {
    /// `out[i]` = Σ row i × `query`; rows of the query's length lie behind one another.
    ///
    /// # Panics
    /// When the query is not of whole blocks, or `rows` does not hold one row for each of `out`.
    pub fn dots(self, rows: &[i8], query: &[i16], out: &mut [i32]) {
        assert!(!query.is_empty() && query.len().is_multiple_of(DOT_BLOCK));
        assert!(rows.len() == query.len() * out.len());
        match self {
            // SAFETY: `Isa::detect` saw AVX2 on this machine.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2(rows, query, out) },
            // The compiler's own vectors are as good there: widening multiply-adds are in the baseline.
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => portable(rows, query, out),
            Isa::Portable => portable(rows, query, out),
        }
    }
}

fn portable(rows: &[i8], query: &[i16], out: &mut [i32]) {
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        *out = row.iter().zip(query).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(rows: &[i8], query: &[i16], out: &mut [i32]) {
    use std::arch::x86_64::*;
    let query = query.as_chunks::<DOT_BLOCK>().0;
    for (row, out) in rows.chunks_exact(query.len() * DOT_BLOCK).zip(out) {
        let mut lanes = _mm256_setzero_si256();
        for (row, query) in row.as_chunks::<DOT_BLOCK>().0.iter().zip(query) {
            // SAFETY: sixteen bytes and sixteen words.
            let (row, query) =
                unsafe { (_mm_loadu_si128(row.as_ptr().cast()), _mm256_loadu_si256(query.as_ptr().cast())) };
            lanes = _mm256_add_epi32(lanes, _mm256_madd_epi16(_mm256_cvtepi8_epi16(row), query));
        }
        let four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes));
        let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
        *out = _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_instruction_set_gives_the_same_products(
            blocks in 1usize..9,
            count in 0usize..7,
            bytes in prop::collection::vec(any::<i8>(), 8 * 16 * 7),
            words in prop::collection::vec(-8191i16..=8191, 8 * 16),
        ) {
            let (rows, query) = (&bytes[..blocks * 16 * count], &words[..blocks * 16]);
            let (mut ours, mut plain) = (vec![7; count], vec![7; count]);
            Isa::detect().dots(rows, query, &mut ours);
            Isa::Portable.dots(rows, query, &mut plain);
            prop_assert_eq!(ours, plain);
        }
    }

    #[test]
    fn the_longest_rows_do_not_overflow() {
        let mut out = [0];
        Isa::detect().dots(&[-128; 1024], &[8191; 1024], &mut out);
        assert_eq!(out, [-128 * 8191 * 1024]);
    }

    #[test]
    #[should_panic(expected = "assertion failed")]
    fn rows_that_are_too_short_are_never_read() {
        Isa::detect().dots(&[0; 31], &[0; 16], &mut [0; 2]);
    }
}

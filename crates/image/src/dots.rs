//! Scalar products of one vector with many in whole numbers, the first step of a search through thousands of
//! embeddings.

use super::simd::{DOT_BLOCK, Isa};

/// Multiplies one vector with many.
#[derive(Clone, Copy, Debug)]
pub struct Dots(Isa);

impl Default for Dots {
    fn default() -> Dots {
        Dots::new()
    }
}

impl Dots {
    /// Rows are filled up with zeros to whole blocks of this many values.
    pub const BLOCK: usize = DOT_BLOCK;

    /// Uses the best instructions of this machine, which all give the same numbers.
    pub fn new() -> Dots {
        Dots(Isa::detect())
    }

    /// `out[i]` = Σ row i × `query`, for rows of the query's length that follow one another in `rows`. The query's
    /// values lie within ±8191 and there are at most 1024 of them, so that no sum overflows.
    ///
    /// # Panics
    /// When the query's length is not a multiple of [`Dots::BLOCK`], or there is not one row for each of
    /// `out`.
    pub fn run(self, rows: &[i8], query: &[i16], out: &mut [i32]) {
        self.0.dots(rows, query, out);
    }
}

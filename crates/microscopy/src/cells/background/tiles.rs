//! Tiles that overlap by half: where they lie along an axis.

/// Where tiles lie along one axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    /// Borders of blocks, half a tile each. Tile i is block i and block i + 1.
    pub(super) edges: Vec<usize>,
}

impl Layout {
    /// For `length` pixels and tiles of about `tile`.
    pub(super) fn new(length: usize, tile: usize) -> Layout {
        let tiles = (length.div_ceil(tile) + 1).max(2);
        let blocks = 2 * tiles - 2;
        // As numpy.linspace computes them; numpy.rint rounds halves to the even number.
        let step = length as f64 / blocks as f64;
        let edges = (0..blocks).map(|at| (at as f64 * step).round_ties_even() as usize);
        Layout { edges: edges.chain([length]).collect() }
    }

    pub(super) fn blocks(&self) -> usize {
        self.edges.len() - 1
    }

    pub(super) fn tiles(&self) -> usize {
        self.edges.len() - 2
    }

    /// Centres of tiles, pixels.
    pub(super) fn centres(&self) -> Vec<f64> {
        self.edges.windows(3).map(|edges| (edges[0] + edges[2]) as f64 / 2.0).collect()
    }
}

//! Lowest and highest value of each sample's neighbourhood, channel by channel.

use super::PatchShape;

/// Over the square of `radius` px to each side, cut at the borders; separable, so 2 × (2 × radius + 1) steps a sample.
pub(super) fn extremes(shape: PatchShape, samples: &[u8], radius: usize) -> (Vec<u8>, Vec<u8>) {
    (fold(shape, samples, radius, u8::min), fold(shape, samples, radius, u8::max))
}

fn fold(shape: PatchShape, samples: &[u8], radius: usize, pick: impl Fn(u8, u8) -> u8 + Copy) -> Vec<u8> {
    let (row, step) = (shape.row(), shape.channels.count());
    let mut across = samples.to_vec();
    for (from, to) in samples.chunks_exact(row).zip(across.chunks_exact_mut(row)) {
        for shift in (1..=radius.min(shape.width - 1)).map(|px| px * step) {
            blend(&from[shift..], &mut to[..row - shift], pick);
            blend(&from[..row - shift], &mut to[shift..], pick);
        }
    }
    let mut down = across.clone();
    for shift in (1..=radius.min(shape.height - 1)).map(|px| px * row) {
        let kept = across.len() - shift;
        blend(&across[shift..], &mut down[..kept], pick);
        blend(&across[..kept], &mut down[shift..], pick);
    }
    down
}

fn blend(from: &[u8], to: &mut [u8], pick: impl Fn(u8, u8) -> u8 + Copy) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = pick(*to, from);
    }
}

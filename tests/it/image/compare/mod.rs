//! The golden comparison by pixels as a user sees it: against a plain scalar reference, what it forgives, its errors,
//! its silence on the heap.

mod against_reference;
mod allocations;
mod errors;
mod forgiven;

use ocellus::image::compare::{
    CompareError, CompareSettings, Comparer, Comparison, DifferencePolarity, Learned,
};
use ocellus::image::{Channels, Patch};

/// Nothing is forgiven.
const EXACT: CompareSettings = CompareSettings {
    threshold: 0,
    edge_threshold: 0,
    edge_tolerance_px: 0,
    spread: 0.0,
    min_area_px: 1,
    noise_px: 0,
    join_px: 0,
    smooth_px: 0,
    flatten_px: 0,
    normalise: false,
    polarity: DifferencePolarity::Both,
};

fn compare(goldens: &[Patch], test: &Patch, settings: &CompareSettings) -> Comparison {
    try_compare(goldens, None, test, settings).expect("patches of one size")
}

fn try_compare(
    goldens: &[Patch],
    mask: Option<&[u8]>,
    test: &Patch,
    settings: &CompareSettings,
) -> Result<Comparison, CompareError> {
    let mut out = Comparison::default();
    Comparer::new().run(&Learned::from(goldens, mask, settings)?, test, &mut out)?;
    Ok(out)
}

fn grey(width: usize, height: usize, value: impl Fn(usize, usize) -> u8) -> Patch {
    let mut patch = Patch::new(width, height, Channels::Gray);
    for (i, v) in patch.data.iter_mut().enumerate() {
        *v = value(i % width, i / width);
    }
    patch
}

/// Noise about `level`: every error of an index shows.
fn noise(width: usize, height: usize, channels: Channels, (level, range): (u8, u8), seed: u64) -> Patch {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut patch = Patch::new(width, height, channels);
    for v in &mut patch.data {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *v = level.saturating_add(((state >> 32) % (u64::from(range) + 1)) as u8);
    }
    patch
}

//! Presence by pixel statistics: how much of a region has grey values in a range.

use std::ops::RangeInclusive;

use super::{Channels, ImageError, Mask, Patch};

/// The grey values of a region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GreyLevels {
    /// Share of the px in range, 0 to 1.
    pub share: f32,
    /// Mean grey value, 0 to 255.
    pub mean: f32,
    /// Standard deviation of the grey values (of all px, not estimated from a sample).
    pub deviation: f32,
    /// Number of px that were counted.
    pub counted: usize,
}

impl GreyLevels {
    /// Measures the px of a grey patch that `mask` leaves in; all of them if `None`.
    ///
    /// # Errors
    /// A patch that is not grey, a mask of another size, a mask with nothing inside.
    pub fn measure(
        patch: &Patch,
        mask: Option<&Mask>,
        range: RangeInclusive<u8>,
    ) -> Result<GreyLevels, ImageError> {
        if patch.channels != Channels::Gray {
            return Err(ImageError::PatchChannels { need: Channels::Gray, got: patch.channels });
        }
        Mask::check(mask, patch)?;
        let histogram = histogram(&patch.data, mask.map(|mask| &mask.data[..]));
        let sum_of = |of: fn(u64) -> u64| -> u64 {
            histogram.iter().enumerate().map(|(value, &count)| of(value as u64) * count).sum()
        };
        let (counted, sum, squares) = (sum_of(|_| 1), sum_of(|v| v), sum_of(|v| v * v));
        if counted == 0 {
            return Err(ImageError::MaskEmpty);
        }
        let within: u64 = range.map(|value| histogram[usize::from(value)]).sum();
        let n = counted as f64;
        let spread = u128::from(counted) * u128::from(squares) - u128::from(sum) * u128::from(sum);
        Ok(GreyLevels {
            share: (within as f64 / n) as f32,
            mean: (sum as f64 / n) as f32,
            deviation: ((spread as f64).sqrt() / n) as f32,
            counted: counted as usize,
        })
    }
}

/// How often each grey value occurs. Four tables, so that a run of one value does not wait for its own count.
fn histogram(grey: &[u8], mask: Option<&[u8]>) -> [u64; 256] {
    let mut counts = [[0u32; 256]; 4];
    match mask {
        None => {
            let (fours, rest) = grey.as_chunks::<4>();
            for four in fours {
                for (counts, &value) in counts.iter_mut().zip(four) {
                    counts[usize::from(value)] += 1;
                }
            }
            rest.iter().for_each(|&value| counts[0][usize::from(value)] += 1);
        }
        Some(mask) => {
            for (i, (&value, &inside)) in grey.iter().zip(mask).enumerate() {
                counts[i % 4][usize::from(value)] += u32::from(inside != 0);
            }
        }
    }
    std::array::from_fn(|value| counts.iter().map(|counts| u64::from(counts[value])).sum())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grey(data: Vec<u8>) -> Patch {
        Patch { width: data.len(), height: 1, channels: Channels::Gray, data }
    }

    proptest! {
        #[test]
        fn the_figures_are_those_of_plain_sums(
            pixels in prop::collection::vec((any::<u8>(), any::<bool>()), 1..300),
            low: u8,
            high: u8,
            masked: bool,
        ) {
            let patch = grey(pixels.iter().map(|(value, _)| *value).collect());
            let data = pixels.iter().map(|(_, inside)| if *inside { 255 } else { 0 }).collect();
            let mask = Mask { width: patch.width, height: 1, data };
            let seen: Vec<f64> =
                pixels.iter().filter(|(_, inside)| *inside || !masked).map(|(v, _)| f64::from(*v)).collect();
            let got = GreyLevels::measure(&patch, masked.then_some(&mask), low..=high);
            if seen.is_empty() {
                prop_assert!(matches!(got, Err(ImageError::MaskEmpty)));
                return Ok(());
            }
            let (got, n) = (got.unwrap(), seen.len() as f64);
            let mean = seen.iter().sum::<f64>() / n;
            let variance = seen.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
            let within = seen.iter().filter(|v| (f64::from(low)..=f64::from(high)).contains(v)).count();
            prop_assert_eq!(got.counted, seen.len());
            prop_assert!((f64::from(got.share) - within as f64 / n).abs() < 1e-6);
            prop_assert!((f64::from(got.mean) - mean).abs() < 1e-4);
            prop_assert!((f64::from(got.deviation) - variance.sqrt()).abs() < 1e-4);
        }
    }

    #[test]
    fn a_colour_patch_and_a_foreign_mask_are_refused() {
        let colour = Patch::new(2, 2, Channels::Rgb);
        assert!(matches!(GreyLevels::measure(&colour, None, 0..=9), Err(ImageError::PatchChannels { .. })));
        let mask = Mask { width: 3, height: 1, data: vec![255; 3] };
        let error = GreyLevels::measure(&grey(vec![1; 4]), Some(&mask), 0..=9).unwrap_err();
        assert!(error.to_string().contains("[3, 1]"), "{error}");
    }
}

//! Against plain implementations of what scipy and numpy do.

use proptest::prelude::*;

use super::deviation::{Deviation, Sample, sums_are_exact};
use super::ln::ln;
use super::threshold::{self, Threshold};

/// `scipy.ndimage.uniform_filter1d` along one line, border mode `reflect`.
fn uniform_filter(line: &[f32], window: usize) -> Vec<f32> {
    let length = line.len() as isize;
    let half = (window / 2) as isize;
    let at = |x: isize| {
        let x = x.rem_euclid(2 * length);
        f64::from(line[if x < length { x } else { 2 * length - 1 - x } as usize])
    };
    let mut sum: f64 = (-half..=half).map(at).sum();
    let mut out = vec![(sum / window as f64) as f32];
    for x in 1..length {
        sum += at(x + half) - at(x - 1 - half);
        out.push((sum / window as f64) as f32);
    }
    out
}

/// `scipy.ndimage.uniform_filter`: columns, then rows.
fn uniform_filter_2d(values: &[f32], width: usize, window: usize) -> Vec<f32> {
    let height = values.len() / width;
    let mut down = vec![0.0; values.len()];
    for x in 0..width {
        let column: Vec<f32> = (0..height).map(|y| values[y * width + x]).collect();
        for (y, value) in uniform_filter(&column, window).into_iter().enumerate() {
            down[y * width + x] = value;
        }
    }
    down.chunks(width).flat_map(|row| uniform_filter(row, window)).collect()
}

/// The logarithm of the deviation as PyAMA computes it.
fn reference(values: &[f32], width: usize, window: usize) -> Vec<f32> {
    let squares: Vec<f32> = values.iter().map(|value| value * value).collect();
    let means = uniform_filter_2d(values, width, window);
    let squares = uniform_filter_2d(&squares, width, window);
    let variances = squares.iter().zip(&means).map(|(square, mean)| square - mean * mean);
    variances.map(|variance| if variance > 0.0 { 0.5 * ln::<true>(variance) } else { 0.0 }).collect()
}

fn computed<S: Sample>(pixels: &[S], width: usize, window: usize, exact: bool) -> Vec<u32> {
    let mut deviation = Deviation::new(width, pixels.len() / width, window);
    // Twice: nothing of the frame before may remain.
    deviation.compute(&pixels.iter().rev().copied().collect::<Vec<_>>(), exact);
    deviation.compute(pixels, exact);
    bits(&deviation.values)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Frames of all kinds: small steps, few levels, the whole range, single bright pixels.
fn frame() -> impl Strategy<Value = (usize, Vec<u16>)> {
    let pixel = prop_oneof![
        (0u16..4).boxed(),
        (90u16..110).boxed(),
        any::<u16>().boxed(),
        prop_oneof![20 => Just(7u16), 1 => Just(65_535u16)].boxed(),
    ];
    (1usize..40, 1usize..30).prop_flat_map(move |(width, height)| {
        (Just(width), proptest::collection::vec(pixel.clone(), width * height))
    })
}

fn float_frame() -> impl Strategy<Value = (usize, Vec<f32>)> {
    (frame(), -20i32..20).prop_map(|((width, pixels), scale)| {
        (width, pixels.iter().map(|pixel| (f32::from(*pixel) - 50.0) * 1.37 * 2f32.powi(scale)).collect())
    })
}

proptest! {
    #[test]
    fn integers_give_the_very_bits_of_scipys_sums((width, pixels) in frame(), half in 1usize..6) {
        let window = 2 * half + 1;
        let values: Vec<f32> = pixels.iter().map(|pixel| f32::from(*pixel)).collect();
        let exact = sums_are_exact(&pixels);
        prop_assert_eq!(computed(&pixels, width, window, exact), bits(&reference(&values, width, window)));
    }

    #[test]
    fn floating_point_gives_the_very_bits_of_scipys_sums((width, values) in float_frame(), half in 1usize..6) {
        let window = 2 * half + 1;
        prop_assert_eq!(computed(&values, width, window, false), bits(&reference(&values, width, window)));
    }

    #[test]
    fn the_shortcut_is_taken_only_where_it_gives_the_same_bits(
        width in 3usize..50,
        least in 1u16..18,
        seed in any::<u64>(),
    ) {
        // The widest range of pixels for which sums count as exact, zeros among them.
        let greatest = (u32::from(least) * 3860).min(65_535) as u16;
        let mut state = seed | 1;
        let pixels: Vec<u16> = (0..width * 20).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match state >> 61 {
                0..3 => 0,
                3 => least,
                4 => greatest,
                5 => least + (state >> 40) as u16 % 3,
                _ => least + (state >> 40) as u16 % (greatest - least),
            }
        }).collect();
        prop_assert!(sums_are_exact(&pixels) || greatest < pixels.iter().copied().max().unwrap());
        prop_assert_eq!(computed(&pixels, width, 3, true), computed(&pixels, width, 3, false));
    }

    #[test]
    fn the_threshold_is_that_of_numpys_histogram(
        values in proptest::collection::vec(prop_oneof![
            (-3f32..5.0).boxed(),
            (10f32..10.001).boxed(),
            (0u8..9).prop_map(|value| f32::from(value) / 4.0).boxed(),
            Just(0.0f32).boxed(),
        ], 1..700),
        unusable in 0usize..5,
        bins in 2usize..300,
        sigmas in -1f32..5.0,
    ) {
        let (min, max, threshold) = histogram(&values, bins, sigmas);
        let mut all = values.clone();
        // In places of all kinds.
        for at in 0..unusable {
            all.insert(at * 150 % (all.len() + 1), f32::NAN);
        }
        let range = Threshold::new(bins, sigmas).find(&all, unusable);
        prop_assert_eq!((range.min, range.max), (min, max));
        prop_assert!((range.threshold - threshold).abs() < 1e-5, "{} and {}", range.threshold, threshold);
    }
}

/// Least, greatest and threshold in plain steps; edges as `numpy.histogram` has them.
fn histogram(values: &[f32], bins: usize, sigmas: f32) -> (f32, f32, f32) {
    let min = values.iter().copied().fold(f32::INFINITY, f32::min);
    let max = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (first, last) = if min == max { (min - 0.5, max + 0.5) } else { (min, max) };
    let step = (last - first) / bins as f32;
    let mut edges: Vec<f32> = (0..bins).map(|at| at as f32 * step + first).collect();
    edges.push(last);
    let mut counts = vec![0; bins];
    for value in values {
        // Edges may coincide where the range is narrow: a value belongs to the last bin that begins at or before it.
        counts[edges[..bins].iter().rposition(|edge| edge <= value).unwrap()] += 1;
    }
    let most = *counts.iter().max().unwrap();
    let fullest = counts.iter().position(|count| *count == most).unwrap();
    let mode = (edges[fullest] + edges[fullest + 1]) / 2.0;
    let below: Vec<f64> =
        values.iter().filter(|value| **value <= mode).map(|value| f64::from(*value)).collect();
    let count = below.len().max(1) as f64;
    let mean = below.iter().sum::<f64>() / count;
    let variance = below.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (min, max, mode + sigmas * variance.sqrt() as f32)
}

#[test]
fn one_value_alone_has_its_threshold_half_a_bin_above() {
    // numpy lays 200 bins over 1 around the value, and 0 falls into the one that begins there.
    let range = Threshold::new(200, 3.0).find(&[0.0; 50], 0);
    assert_eq!((range.min, range.max), (0.0, 0.0));
    assert!((range.threshold - 0.0025).abs() < 1e-7, "{range:?}");
}

#[test]
fn where_nothing_is_usable_there_is_no_range() {
    assert_eq!(Threshold::new(200, 3.0).find(&[f32::NAN; 3], 3), threshold::Range::default());
}

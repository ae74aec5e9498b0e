//! Against plain implementations: sorted pixels, and the spline as the solution of a dense linear system.

use proptest::prelude::*;

use super::medians::{Frame, Medians, Ordered};
use super::spline::Axis;
use super::tiles::Layout;
use super::*;
use crate::cells::naive;

/// The median as numpy has it, in single precision: the mean of the middle two.
fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    let count = values.len();
    if count == 0 { f32::NAN } else { (values[(count - 1) / 2] + values[count / 2]) / 2.0 }
}

/// The medians of all tiles, and that of the frame.
fn medians<P: Ordered>(pixels: &[P], masked: &Bits, tile: usize) -> (Vec<f32>, f32) {
    let (rows, columns) = (Layout::new(masked.height, tile), Layout::new(masked.width, tile));
    let frame = Frame { pixels, masked };
    let (mut finder, mut found) = (Medians::default(), Vec::new());
    // Once with another size, so that memory is not as new.
    let small = Bits::new(1, 1);
    finder.find(
        Frame { pixels: &pixels[..1], masked: &small },
        &Layout::new(1, 8),
        &Layout::new(1, 8),
        &mut found,
    );
    finder.find(frame, &rows, &columns, &mut found);
    (found, finder.whole(frame))
}

/// The same in plain steps; edges as `numpy.rint(numpy.linspace(…))` has them.
fn plain_medians(values: &[f32], masked: &[u8], width: usize, tile: usize) -> (Vec<f32>, f32) {
    let edges = |length: usize| -> Vec<usize> {
        let blocks = 2 * (length.div_ceil(tile) + 1).max(2) - 2;
        let step = length as f64 / blocks as f64;
        let edge =
            |at: usize| if at == blocks { length } else { (at as f64 * step).round_ties_even() as usize };
        (0..=blocks).map(edge).collect()
    };
    let free = |x: std::ops::Range<usize>, y: std::ops::Range<usize>| -> Vec<f32> {
        let places = y.flat_map(|y| x.clone().map(move |x| y * width + x));
        places.filter(|at| masked[*at] == 0).map(|at| values[at]).collect()
    };
    let (rows, columns) = (edges(values.len() / width), edges(width));
    let mut found = Vec::new();
    for y in rows.windows(3) {
        for x in columns.windows(3) {
            found.push(median(free(x[0]..x[2], y[0]..y[2])));
        }
    }
    (found, median(free(0..width, 0..values.len() / width)))
}

fn same(one: &[f32], other: &[f32]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| one == other || one.is_nan() && other.is_nan())
}

/// Pixels of all kinds: a narrow band, few levels, everything, a band with hot and dead pixels.
fn pixels(seed: u64, kind: u64, count: usize) -> Vec<u16> {
    let mut state = seed | 1;
    let random = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = (state >> 40) as u16;
        match kind {
            0 => 1000 + random % 60,
            1 => random % 4,
            2 => random,
            3 => 20_000 + random % 20_000,
            _ if random.is_multiple_of(50) => u16::MAX * (random / 50 % 2),
            _ => 40_000 + random % 9,
        }
    };
    (0..count).map(random).collect()
}

proptest! {
    #[test]
    fn medians_are_those_of_sorted_pixels(
        width in 1usize..90, height in 1usize..70, seed in any::<u64>(), kind in 0u64..5,
        density in 0u64..130, tile in 8usize..60, scale in -3f32..3.0,
    ) {
        let pixels = pixels(seed, kind, width * height);
        let mask = naive::mask(width, height, seed ^ 77, density);
        let masked = naive::packed(width, height, &mask);
        let values: Vec<f32> = pixels.iter().map(|pixel| f32::from(*pixel)).collect();
        let (tiles, whole) = medians(&pixels, &masked, tile);
        let (plain_tiles, plain_whole) = plain_medians(&values, &mask, width, tile);
        prop_assert!(same(&tiles, &plain_tiles), "{:?} and {:?}", tiles, plain_tiles);
        prop_assert!(same(&[whole], &[plain_whole]));

        let values: Vec<f32> = values.iter().map(|value| (value - 1020.0) * scale).collect();
        let (tiles, whole) = medians(&values, &masked, tile);
        let (plain_tiles, plain_whole) = plain_medians(&values, &mask, width, tile);
        prop_assert!(same(&tiles, &plain_tiles), "{:?} and {:?}", tiles, plain_tiles);
        prop_assert!(same(&[whole], &[plain_whole]));
    }

    #[test]
    fn keys_keep_the_order_of_numbers(one in any::<f32>(), other in any::<f32>()) {
        prop_assert_eq!(one.key().cmp(&other.key()), one.total_cmp(&other));
        prop_assert_eq!(f32::value(one.key()).to_bits(), one.to_bits());
    }

    #[test]
    fn the_spline_solves_the_dense_system(
        gaps in proptest::collection::vec(0.5f64..3.0, 0..14),
        values in proptest::collection::vec(-100f64..100.0, 15),
    ) {
        let mut centres = vec![2.5];
        for gap in gaps {
            centres.push(centres[centres.len() - 1] + gap);
        }
        let values = &values[..centres.len()];
        let length = centres[centres.len() - 1] as usize + 4;
        let axis = Axis::new(&centres, length);
        let mut coefficients = values.to_vec();
        axis.solve(&mut coefficients, 1, 1, 0);
        for (pixel, (first, weights)) in axis.weights.iter().enumerate() {
            let terms = coefficients[*first as usize..].iter().zip(weights);
            let value: f64 = terms.map(|(coefficient, weight)| coefficient * weight).sum();
            let right = dense(&centres, values, pixel as f64);
            prop_assert!((value - right).abs() < 1e-6, "{pixel}: {value} and {right}");
        }
    }
}

/// The interpolating spline at `x`: a polynomial, and for each inner knot the third power of what lies beyond it. The
/// coefficients solve a dense system with one equation for each point.
fn dense(centres: &[f64], values: &[f64], x: f64) -> f64 {
    let count = centres.len();
    let degree = 3.min(count - 1);
    // Shifted and scaled: powers of large numbers would cancel.
    let scale = (centres[count - 1] - centres[0]).max(1.0);
    let functions = |x: f64| -> Vec<f64> {
        let x = x.clamp(centres[0], centres[count - 1]);
        let powers = (0..=degree).map(|power| ((x - centres[0]) / scale).powi(power as i32));
        let inner = if count > 4 { &centres[2..count - 2] } else { &[] };
        powers.chain(inner.iter().map(|knot| ((x - knot) / scale).max(0.0).powi(3))).collect()
    };
    let mut rows: Vec<Vec<f64>> = centres
        .iter()
        .zip(values)
        .map(|(centre, value)| functions(*centre).into_iter().chain([*value]).collect())
        .collect();
    for pivot in 0..count {
        let best =
            (pivot..count).max_by(|one, other| rows[*one][pivot].abs().total_cmp(&rows[*other][pivot].abs()));
        rows.swap(pivot, best.unwrap());
        for row in 0..count {
            if row != pivot {
                let factor = rows[row][pivot] / rows[pivot][pivot];
                let pivot_row = rows[pivot].clone();
                for (value, other) in rows[row][pivot..].iter_mut().zip(&pivot_row[pivot..]) {
                    *value -= factor * other;
                }
            }
        }
    }
    functions(x).iter().enumerate().map(|(at, function)| function * rows[at][count] / rows[at][at]).sum()
}

fn estimate(plane: &Plane, mask: &Mask) -> (Vec<f32>, BackgroundFigures) {
    let mut background = Background::new(plane.width, plane.height, &BackgroundSettings::default()).unwrap();
    let mut surface = Vec::new();
    let figures = background.estimate(plane, mask, &mut surface).unwrap();
    (surface, figures)
}

#[test]
fn the_background_of_a_slope_is_the_slope() {
    // 700 × 600: five tiles each way. A median is the value at the centre of its tile, and a spline is exact for lines.
    let (width, height) = (700, 600);
    let slope = |at: usize| (at % width * 3 + at / width * 2 + 50) as u16;
    let pixels = (0..width * height).map(slope).collect();
    let plane = Plane { width, height, pixels: Pixels::U16(pixels) };
    let mask = Mask { width, height, pixels: vec![0; width * height] };
    let (surface, figures) = estimate(&plane, &mask);
    assert_eq!(figures, BackgroundFigures { unmasked: width * height, ..Default::default() });
    let inner = |at: &usize| (120..580).contains(&(at % width)) && (100..500).contains(&(at / width));
    for at in (0..width * height).filter(inner) {
        assert!((surface[at] - f32::from(slope(at))).abs() < 6.0, "{at}: {} and {}", surface[at], slope(at));
    }
}

#[test]
fn few_tiles_give_a_constant_or_a_parabola() {
    // PyAMA fails below 4 tiles a side: up to 256 px there is one tile, up to 512 px there are three.
    for (width, height, tiles) in [(1, 1, [1, 1]), (200, 256, [1, 1]), (512, 257, [3, 3]), (513, 7, [5, 1])] {
        let pixels = (0..width * height).map(|at| 100.0 + (at % width) as f32).collect();
        let plane = Plane { width, height, pixels: Pixels::F32(pixels) };
        let mask = Mask { width, height, pixels: vec![0; width * height] };
        assert_eq!([Layout::new(width, 256).tiles(), Layout::new(height, 256).tiles()], tiles);
        let (surface, _) = estimate(&plane, &mask);
        assert!(
            surface.iter().all(|value| (100.0..=100.0 + width as f32).contains(value)),
            "{width} × {height}"
        );
        // It does not change along y, as the picture does not.
        assert!((0..width * height).all(|at| (surface[at] - surface[at % width]).abs() < 1e-3));
        // With three tiles it follows the slope between the outer centres.
        if tiles[0] == 3 {
            assert!((surface[300] - 400.0).abs() < 2.0, "{}", surface[300]);
        }
    }
}

#[test]
fn tiles_without_background_take_the_median_of_the_frame() {
    let (width, height) = (600, 600);
    let pixels = (0..width * height).map(|at| if at % width < 300 { 10 } else { 30 }).collect();
    let plane = Plane { width, height, pixels: Pixels::U16(pixels) };
    let mut mask = Mask { width, height, pixels: vec![0; width * height] };
    for row in mask.pixels.chunks_mut(width) {
        row[290..].fill(1);
    }
    // Only values of 10 are left, and no tile has anything else.
    let (surface, figures) = estimate(&plane, &mask);
    assert_eq!((figures.empty_tiles, figures.unmasked), (10, 280 * height));
    assert!(surface.iter().all(|value| (value - 10.0).abs() < 1e-4));
}

#[test]
fn without_any_background_it_is_zero_and_the_figures_say_so() {
    let plane = Plane { width: 40, height: 30, pixels: Pixels::U16(vec![7; 1200]) };
    let (surface, figures) = estimate(&plane, &Mask { width: 40, height: 30, pixels: vec![1; 1200] });
    assert_eq!(surface, vec![0.0; 1200]);
    assert_eq!(figures, BackgroundFigures { unmasked: 0, empty_tiles: 1, non_finite: 0 });
}

#[test]
fn pixels_that_are_no_numbers_do_not_count() {
    let mut pixels = vec![5.0; 1200];
    for (at, value) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30].into_iter().enumerate() {
        pixels[at * 100] = value;
    }
    let plane = Plane { width: 40, height: 30, pixels: Pixels::F32(pixels) };
    let (surface, figures) = estimate(&plane, &Mask { width: 40, height: 30, pixels: vec![0; 1200] });
    assert_eq!((figures.non_finite, figures.unmasked), (4, 1196));
    assert_eq!(surface, vec![5.0; 1200]);
}

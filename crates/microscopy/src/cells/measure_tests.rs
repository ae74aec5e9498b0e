//! Measurement against plain implementations, pixel by pixel.

use proptest::prelude::*;

use super::measure::pairwise_sum;
use super::naive;
use super::*;
use crate::{Pixels, Plane};

fn measure(
    labels: &Labels,
    plane: &Plane,
    background: &[f32],
    settings: &MeasureSettings,
) -> (Vec<CellRow>, MeasureFigures) {
    let mut measurer = Measurer::new(labels.width, labels.height, settings).unwrap();
    let mut rows = Vec::new();
    // Another frame before, of which nothing may remain.
    let other = Labels { pixels: labels.pixels.iter().rev().copied().collect(), ..labels.clone() };
    measurer.measure(0, &other, plane, background, &Feature::ALL, &mut rows).unwrap();
    rows.clear();
    let figures = measurer.measure(3, labels, plane, background, &Feature::ALL, &mut rows).unwrap();
    (rows, figures)
}

/// One cell in plain steps: pixels, bounding box, features in the order of [`Feature::ALL`].
fn plain(labels: &Labels, id: u16, values: &[f64], erosion: usize) -> ([f64; 4], [f64; 5]) {
    let (width, height) = (labels.width, labels.height);
    let mask: Vec<u8> = labels.pixels.iter().map(|label| u8::from(*label == id)).collect();
    let inside = |mask: &[u8]| -> Vec<usize> { (0..mask.len()).filter(|at| mask[*at] != 0).collect() };
    let cell = inside(&mask);
    let (x, y) = (|at: &usize| at % width, |at: &usize| at / width);
    let ends = |of: &dyn Fn(&usize) -> usize| {
        (cell.iter().map(of).min().unwrap() as f64, cell.iter().map(of).max().unwrap() as f64)
    };
    let ((x0, x1), (y0, y1)) = (ends(&x), ends(&y));
    let area = cell.len() as f64;
    let near = |at: usize| {
        let (x, y) = (x(&at), y(&at));
        let neighbours = [
            (x > 0).then(|| at - 1),
            (x + 1 < width).then_some(at + 1),
            (y > 0).then(|| at - width),
            (y + 1 < height).then_some(at + width),
        ];
        mask[at] == 0 && neighbours.into_iter().flatten().any(|at| mask[at] != 0)
    };
    let perimeter = (0..mask.len()).filter(|at| near(*at)).count() as f64;
    let circularity =
        if perimeter == 0.0 { 0.0 } else { (4.0 * std::f64::consts::PI * area / perimeter.powi(2)).min(1.0) };
    let mean = |of: &dyn Fn(&usize) -> f64| cell.iter().map(of).sum::<f64>() / area;
    let (mx, my) = (mean(&|at| x(at) as f64), mean(&|at| y(at) as f64));
    let xx = mean(&|at| (x(at) as f64 - mx).powi(2));
    let yy = mean(&|at| (y(at) as f64 - my).powi(2));
    let xy = mean(&|at| (x(at) as f64 - mx) * (y(at) as f64 - my));
    let root = ((xx - yy).powi(2) / 4.0 + xy * xy).sqrt();
    let (major, minor) = ((xx + yy) / 2.0 + root, (xx + yy) / 2.0 - root);
    let ratio = if minor > 1e-9 { (major / minor).sqrt() } else { 1.0 };
    let eroded = if erosion == 0 {
        cell.clone()
    } else {
        inside(&naive::window((width, height), &mask, erosion / 2, erosion - 1 - erosion / 2, true))
    };
    let total = eroded.iter().map(|at| values[*at]).sum();
    ([x0, y0, x1, y1], [area, circularity, ratio, total, area])
}

proptest! {
    #[test]
    fn rows_are_those_of_plain_steps(
        width in 1usize..80, height in 1usize..40, seed in any::<u64>(), density in 0u64..130,
        erosion in 0usize..6, weight in 0f64..1.0, float in any::<bool>(),
    ) {
        let mask = Mask { width, height, pixels: naive::mask(width, height, seed, density) };
        let mut labels = mask.components().unwrap();
        // Ids need not follow each other, nor the order of rows; cells may consist of several parts.
        labels.pixels.iter_mut().for_each(|label| *label = *label % 9 * 1009);
        let pixels: Vec<u16> = (0..width * height).map(|at| (at as u64).wrapping_mul(seed | 1) as u16 >> 3).collect();
        let background: Vec<f32> = (0..width * height).map(|at| 20.0 + at as f32 / 7.0).collect();
        let values: Vec<f64> = pixels.iter().map(|pixel| f64::from(*pixel)).collect();
        let corrected: Vec<f64> = values.iter().zip(&background).map(|(value, background)| value - weight * f64::from(*background)).collect();
        let pixels = if float {
            Pixels::F32(pixels.iter().map(|pixel| f32::from(*pixel)).collect())
        } else {
            Pixels::U16(pixels)
        };
        let plane = Plane { width, height, pixels };
        let settings = MeasureSettings { background_weight: weight, erosion };
        let (rows, figures) = measure(&labels, &plane, &background, &settings);
        let mut ids: Vec<u16> = labels.pixels.iter().copied().filter(|label| *label > 0).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(figures, MeasureFigures { cells: ids.len(), non_finite: 0 });
        prop_assert_eq!(rows.iter().map(|row| row.cell as u16).collect::<Vec<_>>(), ids);
        for row in &rows {
            let id = row.cell as u16;
            let (bbox, features) = plain(&labels, id, &corrected, erosion);
            prop_assert_eq!(row.bbox, bbox);
            prop_assert_eq!(row.position, [(bbox[0] + bbox[2]) / 2.0, (bbox[1] + bbox[3]) / 2.0]);
            prop_assert_eq!(row.frame, 3);
            prop_assert_eq!(row.values[0], features[0]);
            for at in 1..3 {
                prop_assert!((row.values[at] - features[at]).abs() <= 1e-4 * features[at], "{:?}, and {:?}", row, features);
            }
            prop_assert!((row.values[3] - features[3]).abs() < 1.0, "{:?}, and {:?}", row, features);
            let cell: Vec<f64> = (0..values.len()).filter(|at| labels.pixels[*at] == id).map(|at| values[at]).collect();
            let mean = cell.iter().sum::<f64>() / cell.len() as f64;
            let variance = cell.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / cell.len() as f64;
            prop_assert!((row.values[4] - variance).abs() <= 1e-5 * variance, "{:?}, and {}", row, variance);
        }
    }

    #[test]
    fn sums_in_single_precision_are_near_the_exact_ones(values in proptest::collection::vec(0f32..1e6, 0..2000)) {
        let exact: f64 = values.iter().map(|value| f64::from(*value)).sum();
        prop_assert!((f64::from(pairwise_sum(&values)) - exact).abs() <= 2e-6 * exact);
    }
}

#[test]
fn pixels_that_are_no_numbers_are_left_out_and_counted() {
    let (width, height) = (10, 4);
    let mut pixels = vec![2.0; width * height];
    pixels[11] = f32::NAN;
    pixels[12] = f32::INFINITY;
    // Outside every cell.
    pixels[39] = f32::NAN;
    let mut labels = Labels { width, height, pixels: vec![0; width * height] };
    labels.pixels[10..16].fill(4);
    let plane = Plane { width, height, pixels: Pixels::F32(pixels) };
    let (rows, figures) = measure(&labels, &plane, &[], &MeasureSettings::default());
    // Twice: once in the total, once in the variance.
    assert_eq!(figures, MeasureFigures { cells: 1, non_finite: 4 });
    assert_eq!(rows[0].values[3..], [8.0, 0.0]);
}

#[test]
fn a_cell_that_erosion_takes_away_has_no_intensity() {
    let labels = Labels { width: 9, height: 9, pixels: (0..81).map(|at| u16::from(at % 9 < 2)).collect() };
    let plane = Plane { width: 9, height: 9, pixels: Pixels::U16(vec![5; 81]) };
    let settings = MeasureSettings { erosion: 5, ..Default::default() };
    let (rows, _) = measure(&labels, &plane, &[], &settings);
    assert_eq!(rows[0].values[3], 0.0);
    assert_eq!(rows[0].values[0], 18.0);
}

//! Every px that differs, and every count, against the definition written down plainly.

use proptest::prelude::*;

use super::*;

/// Whether the px at (`x`, `y`) differs, from the goldens themselves.
fn differs(
    goldens: &[Patch],
    mask: Option<&[u8]>,
    test: &Patch,
    s: &CompareSettings,
    x: usize,
    y: usize,
) -> bool {
    let (width, height, channels) = (test.width, test.height, test.channels.count());
    if mask.is_some_and(|mask| mask[y * width + x] == 0) {
        return false;
    }
    let values = |x: usize, y: usize, c: usize| {
        goldens.iter().map(move |golden| f64::from(golden.data[(y * width + x) * channels + c]))
    };
    let n = goldens.len() as f64;
    let mean = |x, y, c| values(x, y, c).sum::<f64>() / n;
    let radius = s.edge_tolerance_px as usize;
    let range = |c: usize| {
        let (mut low, mut high) = (255.0f64, 0.0f64);
        for y in y.saturating_sub(radius)..=(y + radius).min(height - 1) {
            for x in x.saturating_sub(radius)..=(x + radius).min(width - 1) {
                let mean = mean(x, y, c).round();
                (low, high) = (low.min(mean), high.max(mean));
            }
        }
        (low, high)
    };
    let edge = (0..channels).any(|c| range(c).1 - range(c).0 > f64::from(s.threshold));
    (0..channels).any(|c| {
        let m = mean(x, y, c);
        let variance = values(x, y, c).map(|v| (v - m).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        let spread = f64::from(s.spread) * variance.sqrt();
        let (low, high) = if edge { range(c) } else { (m, m) };
        let tolerance = spread + f64::from(if edge { s.edge_threshold } else { s.threshold });
        let v = f64::from(test.data[(y * width + x) * channels + c]);
        // Rounded outwards; the hair is for f32.
        v < (low - tolerance).floor() - 1e-3 || v > (high + tolerance).ceil() + 1e-3
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn each_px_differs_exactly_where_the_definition_says(
        (width, height) in (1usize..140, 1usize..14),
        rgb: bool,
        count in 1usize..5,
        (threshold, edge_threshold) in (0u8..60, 0u8..80),
        edge_tolerance_px in 0u32..4,
        spread in prop::sample::select(vec![0.0f32, 0.5, 3.0]),
        min_area_px in 0u32..5,
        masked: bool,
        seed: u64,
    ) {
        let settings = CompareSettings { threshold, edge_threshold, edge_tolerance_px, spread, min_area_px, ..EXACT };
        let channels = if rgb { Channels::Rgb } else { Channels::Gray };
        // Goldens of little noise on a step, and a test with a good deal more.
        let picture = |range, seed| {
            let mut patch = noise(width, height, channels, (60, range), seed);
            let right = patch.data.len() / 2;
            patch.data[right..].iter_mut().for_each(|v| *v += 70);
            patch
        };
        let goldens: Vec<_> = (0..count as u64).map(|i| picture(15, seed.wrapping_add(i))).collect();
        let test = picture(90, seed.wrapping_add(99));
        let mask = noise(width, height, Channels::Gray, (0, 3), seed.wrapping_add(7)).data;
        let mask = (masked && mask.iter().any(|&v| v != 0)).then_some(&mask[..]);
        let found = try_compare(&goldens, mask, &test, &settings).unwrap();
        let mut total = 0;
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let expected = differs(&goldens, mask, &test, &settings, x, y);
            prop_assert_eq!(found.differs(x, y), expected, "px ({}, {})", x, y);
            total += u32::from(expected);
        }
        prop_assert_eq!(found.differing_px, total);
        let listed: u32 = found.defects.iter().map(|defect| defect.area_px).sum();
        prop_assert!(listed <= found.area_px && found.area_px <= total);
        prop_assert!(found.found > found.defects.len() || listed == found.area_px);
        let counted = mask.map_or(width * height, |mask| mask.iter().filter(|&&v| v != 0).count());
        prop_assert_eq!(found.score, found.area_px as f32 / counted as f32);
    }

    #[test]
    fn a_window_of_a_larger_picture_is_compared_as_its_copy_is(
        (width, height, more) in (1usize..140, 1usize..9, 0usize..70),
        seed: u64,
    ) {
        let wide = noise(width + more, height, Channels::Rgb, (0, 255), seed);
        let mut copy = Patch::new(width, height, Channels::Rgb);
        for y in 0..height {
            copy.data[y * width * 3..][..width * 3].copy_from_slice(&wide.row(y)[..width * 3]);
        }
        for settings in [
            CompareSettings { threshold: 90, ..EXACT },
            CompareSettings { threshold: 20, smooth_px: 1, flatten_px: 4, noise_px: 1, join_px: 3, normalise: true, ..EXACT },
        ] {
            let golden = noise(width, height, Channels::Rgb, (80, 90), seed ^ 1);
            let learned = Learned::from(&[golden], None, &settings).unwrap();
            let (mut comparer, mut ours, mut packed) = (Comparer::new(), Comparison::default(), Comparison::default());
            comparer.run_rows(&learned, &wide.data, wide.stride(), &mut ours).unwrap();
            comparer.run(&learned, &copy, &mut packed).unwrap();
            prop_assert_eq!(ours, packed);
        }
    }
}

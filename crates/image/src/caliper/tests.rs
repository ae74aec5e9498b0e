//! Edges whose place is known, as a camera sees them.

use proptest::prelude::*;

use super::*;

/// Standard normal noise from the sum of uniform values.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        let mut uniform = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }
}

/// Grey values (`from` outside, steps at the given places) averaged over each px and a lens's blur of a box of
/// `blur` px, with noise of `sigma` grey values.
fn picture(size: (usize, usize), steps: &[(f64, f64)], blur: f64, sigma: f64, seed: u64) -> Patch {
    let mut noise = Noise(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut patch = Patch::new(size.0, size.1, Channels::Gray);
    // A px's share of what lies right of a place, integrated over sub-places of the blur.
    let share = |x: f64, at: f64| (x + 1.0 - at).clamp(0.0, 1.0);
    for (i, px) in patch.data.iter_mut().enumerate() {
        let x = (i % size.0) as f64;
        let grey: f64 = 60.0
            + steps
                .iter()
                .map(|&(at, step)| {
                    let lens = (0..64).map(|k| share(x, at + ((k as f64 + 0.5) / 64.0 - 0.5) * blur));
                    step * lens.sum::<f64>() / 64.0
                })
                .sum::<f64>();
        *px = (grey + sigma * noise.next()).round().clamp(0.0, 255.0) as u8;
    }
    patch
}

proptest! {
    #[test]
    fn edges_are_found_where_they_are_under_noise(
        at in 12f64..20.0,
        width in 12f64..40.0,
        blur in 0f64..3.0,
        seed: u64,
    ) {
        let patch = picture((80, 40), &[(at, 110.0), (at + width, -110.0)], blur, 2.0, seed);
        let mut caliper = Caliper::new();
        let kinds = (EdgePolarity::Rising, EdgePolarity::Falling);
        let distance = caliper.distance(&patch, None, kinds, 40.0).unwrap();
        prop_assert!((f64::from(distance.from.at) - at).abs() < 0.05, "{at} {blur}: {distance:?}");
        prop_assert!((f64::from(distance.to.at) - at - width).abs() < 0.05, "{at} {width} {blur}: {distance:?}");
        prop_assert!((distance.from.contrast - 110.0).abs() < 8.0, "{distance:?}");
    }

    #[test]
    fn without_noise_a_sharp_place_is_right_to_a_fiftieth_and_a_blurred_one_to_a_twentieth(
        at in 12f64..20.0,
        blur in 0f64..4.0,
    ) {
        // A wide blur rises by few of the 256 grey values a px: their rounding is what is left.
        let most = if blur < 2.0 { 0.02 } else { 0.05 };
        let patch = picture((40, 64), &[(at, 150.0)], blur, 0.0, 1);
        let mut caliper = Caliper::new();
        let edges = caliper.edges(&patch, None, 20.0).unwrap();
        prop_assert_eq!(edges.len(), 1);
        prop_assert!((f64::from(edges[0].at) - at).abs() < most, "{at} {blur}: {edges:?}");
    }
}

#[test]
fn a_staircase_has_as_many_edges_as_steps_and_a_slow_shade_none() {
    let patch = picture((60, 20), &[(15.3, 50.0), (24.8, 60.0), (40.0, -90.0)], 1.0, 1.0, 3);
    let mut caliper = Caliper::new();
    let found: Vec<_> =
        caliper.edges(&patch, None, 20.0).unwrap().iter().map(|e| (e.polarity, e.at.round())).collect();
    let rising = EdgePolarity::Rising;
    assert_eq!(found, [(rising, 15.0), (rising, 25.0), (EdgePolarity::Falling, 40.0)]);
    let mut shade = Patch::new(100, 4, Channels::Gray);
    shade.data.iter_mut().enumerate().for_each(|(i, px)| *px = (50 + i % 100) as u8);
    assert!(caliper.edges(&shade, None, 20.0).unwrap().is_empty());
}

#[test]
fn what_is_missing_is_named() {
    let patch = picture((60, 20), &[(15.3, 80.0)], 1.0, 0.0, 3);
    let mut caliper = Caliper::new();
    let error = caliper.distance(&patch, None, (EdgePolarity::Falling, EdgePolarity::Any), 20.0).unwrap_err();
    assert!(matches!(error, CaliperError::NoFrom { kind: "falling", .. }), "{error}");
    let error =
        caliper.distance(&patch, None, (EdgePolarity::Rising, EdgePolarity::Falling), 20.0).unwrap_err();
    assert!(error.to_string().contains("to the right of the one at 15.3 px"), "{error}");
    let error = caliper.distance(&patch, None, (EdgePolarity::Rising, EdgePolarity::Any), 90.0).unwrap_err();
    assert!(error.to_string().contains("strongest such step is 80"), "{error}");
}

#[test]
fn the_last_edge_ends_the_distance_and_the_first_begins_it() {
    let steps = [(10.0, 90.0), (20.0, -90.0), (30.0, 90.0), (45.5, -90.0)];
    let patch = picture((60, 8), &steps, 0.5, 0.0, 1);
    let mut caliper = Caliper::new();
    let outer = caliper.distance(&patch, None, (EdgePolarity::Rising, EdgePolarity::Falling), 30.0).unwrap();
    assert!((outer.px - 35.5).abs() < 0.03, "{outer:?}");
    let inner = caliper.distance(&patch, None, (EdgePolarity::Falling, EdgePolarity::Rising), 30.0).unwrap();
    assert!((inner.px - 10.0).abs() < 0.03, "{inner:?}");
}

#[test]
fn only_what_the_mask_leaves_in_is_averaged() {
    let mut patch = picture((40, 10), &[(20.25, 100.0)], 0.5, 0.0, 1);
    // The lower half shows something else.
    patch.data[40 * 5..].iter_mut().enumerate().for_each(|(i, px)| *px = if i % 40 < 9 { 250 } else { 3 });
    let mut mask = Mask { width: 40, height: 10, data: vec![0; 400] };
    mask.data[..200].fill(255);
    // Columns without px at both ends.
    (0..5).for_each(|y| mask.data[y * 40..y * 40 + 6].fill(0));
    let mut caliper = Caliper::new();
    let edges = caliper.edges(&patch, Some(&mask), 20.0).unwrap();
    assert!(edges.len() == 1 && (edges[0].at - 20.25).abs() < 0.03, "{edges:?}");
    mask.data.fill(0);
    assert!(matches!(caliper.edges(&patch, Some(&mask), 20.0), Err(ImageError::MaskEmpty)));
}

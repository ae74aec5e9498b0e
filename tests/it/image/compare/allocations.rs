//! The steady state asks the heap for nothing.

use super::*;
use crate::heap::requests;

#[test]
fn the_counter_counts() {
    assert!(requests(|| drop(std::hint::black_box(Box::new(1)))) > 0);
}

#[test]
fn after_the_first_patch_nothing_is_allocated() {
    let all = CompareSettings {
        threshold: 30,
        edge_threshold: 40,
        edge_tolerance_px: 2,
        spread: 1.0,
        min_area_px: 2,
        noise_px: 1,
        join_px: 3,
        smooth_px: 1,
        flatten_px: 9,
        normalise: true,
        polarity: DifferencePolarity::Both,
    };
    for (channels, settings) in [Channels::Gray, Channels::Rgb]
        .into_iter()
        .flat_map(|c| [(c, CompareSettings { threshold: 60, ..EXACT }), (c, all)])
    {
        let golden = noise(301, 123, channels, (60, 120), 1);
        let mut test = noise(301, 123, channels, (60, 120), 1);
        test.data[5000..9000].fill(255);
        let learned = Learned::from(std::slice::from_ref(&golden), None, &settings).unwrap();
        let (mut comparer, mut out) = (Comparer::new(), Comparison::default());
        // Two parts take turns: one that is good, one with many differences.
        comparer.run(&learned, &test, &mut out).unwrap();
        assert!(out.differing_px > 0);
        let count = requests(|| {
            for _ in 0..9 {
                comparer.run(&learned, &golden, &mut out).unwrap();
                comparer.run(&learned, &test, &mut out).unwrap();
            }
        });
        assert_eq!(count, 0, "{channels:?} {settings:?}");
    }
}

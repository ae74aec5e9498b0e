//! What is forgiven, and what is not.

use ocellus::image::compare::{MAX_DEFECTS, picture};
use ocellus::types::Rect;

use super::*;

/// A bright square on dark ground, moved to the right by `shift` px.
fn square(shift: usize) -> Patch {
    grey(64, 48, |x, y| if (20 + shift..40 + shift).contains(&x) && (10..30).contains(&y) { 200 } else { 40 })
}

const TOLERANT: CompareSettings =
    CompareSettings { threshold: 20, edge_threshold: 30, edge_tolerance_px: 1, min_area_px: 1, ..EXACT };

#[test]
fn an_edge_that_moved_by_the_tolerance_is_forgiven_and_one_that_moved_by_more_is_not() {
    // The two columns too many differ on the right, and on the left but for the corners, which touch dark ground.
    for (tolerance, shift, differing_px) in
        [(1, 1, 0), (1, 3, 2 * 20 + 2 * 18), (2, 2, 0), (3, 3, 0), (0, 1, 2 * 20)]
    {
        let settings = CompareSettings { edge_tolerance_px: tolerance, ..TOLERANT };
        let found = compare(&[square(0)], &square(shift), &settings);
        assert_eq!(found.differing_px, differing_px, "tolerance {tolerance}, moved by {shift} px");
    }
}

#[test]
fn a_dark_spot_beside_an_edge_is_held_against_the_edge_threshold() {
    let spot = |value| {
        let mut test = square(0);
        test.data[15 * 64 + 19] = value;
        test
    };
    // Between the two sides of the edge anything goes; beyond them the edge's own threshold counts.
    for (value, differing_px) in [(41, 0), (120, 0), (230, 0), (231, 1), (10, 0), (9, 1)] {
        let found = compare(&[square(0)], &spot(value), &TOLERANT);
        assert_eq!(found.differing_px, differing_px, "value {value}");
    }
}

#[test]
fn defects_below_the_least_area_are_counted_as_px_but_are_no_defects() {
    let mut test = square(0);
    // 3×2, 5×1 and, touching at a corner, 2 more.
    for (x, y) in [(2, 2), (3, 2), (4, 2), (2, 3), (3, 3), (4, 3)] {
        test.data[y * 64 + x] = 90;
    }
    (50..55).for_each(|x| test.data[40 * 64 + x] = 255);
    (55..57).for_each(|x| test.data[41 * 64 + x] = 255);
    let areas = |min_area_px| {
        let found = compare(&[square(0)], &test, &CompareSettings { min_area_px, ..TOLERANT });
        assert_eq!(found.differing_px, 13);
        assert_eq!(found.area_px, found.defects.iter().map(|defect| defect.area_px).sum::<u32>());
        found.defects
    };
    let [seven, six] = areas(1)[..] else { panic!("two defects") };
    assert_eq!((seven.area_px, seven.rect), (7, Rect { x: 50.0, y: 40.0, w: 7.0, h: 2.0 }));
    assert_eq!((six.area_px, six.rect), (6, Rect { x: 2.0, y: 2.0, w: 3.0, h: 2.0 }));
    assert_eq!((seven.peak, six.peak), (255 - 60, 90 - 60), "grey values beyond 40 + 20");
    assert_eq!(areas(7), [seven]);
    assert_eq!(areas(8), []);
}

#[test]
fn what_the_goldens_vary_in_is_forgiven_as_far_as_the_spread_says() {
    let goldens = [90, 100, 110].map(|level| grey(9, 9, |x, _| if x < 5 { level } else { 100 }));
    // The deviation is 10 to the left and 0 to the right.
    let settings = CompareSettings { threshold: 5, edge_threshold: 5, spread: 2.0, ..EXACT };
    for (level, differing_px) in [(100, 0), (105, 0), (106, 4 * 9), (125, 4 * 9), (126, 9 * 9), (74, 9 * 9)] {
        let found = compare(&goldens, &grey(9, 9, |_, _| level), &settings);
        assert_eq!(found.differing_px, differing_px, "level {level}");
    }
}

#[test]
fn what_is_outside_of_the_mask_does_not_count() {
    let (golden, test) = (grey(32, 32, |_, _| 50), grey(32, 32, |x, _| if x < 20 { 250 } else { 50 }));
    let mask: Vec<u8> = (0..32 * 32).map(|i| u8::from(i % 32 >= 16)).collect();
    let found = try_compare(&[golden], Some(&mask), &test, &TOLERANT).unwrap();
    assert_eq!(found.area_px, 4 * 32);
    assert_eq!(found.defects[0].rect, Rect { x: 16.0, y: 0.0, w: 4.0, h: 32.0 });
    assert_eq!(found.score, 0.25);
}

#[test]
fn a_colour_that_differs_in_one_channel_differs() {
    let golden = noise(70, 9, Channels::Rgb, (100, 0), 1);
    for channel in 0..3 {
        let mut test = golden.clone();
        test.data[(5 * 70 + 66) * 3 + channel] = 121;
        let found = compare(std::slice::from_ref(&golden), &test, &TOLERANT);
        assert_eq!(found.defects[0].rect, Rect { x: 66.0, y: 5.0, w: 1.0, h: 1.0 });
    }
}

#[test]
fn the_fragments_of_a_scratch_are_one_defect_when_joined_and_specks_are_noise_when_asked() {
    let golden = grey(96, 40, |_, _| 120);
    let mut test =
        grey(
            96,
            40,
            |x, y| if (10..80).contains(&x) && x % 10 < 6 && (9..12).contains(&y) { 10 } else { 120 },
        );
    test.data[30 * 96 + 30] = 255;
    let settings = CompareSettings { threshold: 20, ..EXACT };
    assert_eq!(compare(std::slice::from_ref(&golden), &test, &settings).found, 8);
    let joined = compare(
        std::slice::from_ref(&golden),
        &test,
        &CompareSettings { join_px: 4, noise_px: 1, ..settings },
    );
    assert_eq!(joined.found, 1);
    assert_eq!(joined.defects[0].area_px, 7 * 6 * 3);
    assert_eq!(joined.defects[0].rect, Rect { x: 10.0, y: 9.0, w: 66.0, h: 3.0 });
}

#[test]
fn a_lamp_that_faded_is_forgiven_when_normalised_and_a_defect_under_it_is_not() {
    let golden = noise(128, 96, Channels::Gray, (40, 180), 5);
    let mut faded = golden.clone();
    faded.data.iter_mut().for_each(|v| *v = (f32::from(*v) * 0.85 + 6.0).round() as u8);
    let settings = CompareSettings { threshold: 4, min_area_px: 1, ..EXACT };
    let goldens = std::slice::from_ref(&golden);
    assert!(compare(goldens, &faded, &settings).differing_px > 128 * 96 / 2);
    let settings = CompareSettings { normalise: true, ..settings };
    assert_eq!(compare(goldens, &faded, &settings).differing_px, 0);
    (0..9).for_each(|i| faded.data[(50 + i / 3) * 128 + 60 + i % 3] = 0);
    assert_eq!(compare(goldens, &faded, &settings).area_px, 9);
    // A part that is black is not a matter of light.
    assert!(compare(goldens, &grey(128, 96, |_, _| 0), &settings).score > 0.99);
}

#[test]
fn a_slow_shade_is_forgiven_when_flattened_and_grain_when_smoothed() {
    let golden = grey(120, 90, |_, _| 120);
    let mut shaded = grey(120, 90, |x, _| 90 + x as u8 / 2);
    let flat = CompareSettings { threshold: 12, flatten_px: 15, ..EXACT };
    assert!(
        compare(std::slice::from_ref(&golden), &shaded, &CompareSettings { threshold: 12, ..EXACT })
            .differing_px
            > 5000
    );
    assert_eq!(compare(std::slice::from_ref(&golden), &shaded, &flat).differing_px, 0);
    (0..16).for_each(|i| shaded.data[(40 + i / 4) * 120 + 50 + i % 4] = 20);
    assert_eq!(compare(std::slice::from_ref(&golden), &shaded, &flat).area_px, 16);

    let grainy = noise(120, 90, Channels::Gray, (105, 30), 3);
    let settings = CompareSettings { threshold: 12, ..EXACT };
    assert!(compare(std::slice::from_ref(&golden), &grainy, &settings).differing_px > 100);
    assert_eq!(compare(&[golden], &grainy, &CompareSettings { smooth_px: 2, ..settings }).differing_px, 0);
}

#[test]
fn more_defects_than_are_listed_are_counted_all_the_same() {
    let test = grey(100, 100, |x, y| if x % 4 == 0 && y % 4 == 0 { 200 } else { 40 });
    let found = compare(&[grey(100, 100, |_, _| 40)], &test, &TOLERANT);
    assert_eq!((found.found, found.area_px, found.defects.len()), (625, 625, MAX_DEFECTS));
}

#[test]
fn the_picture_shows_what_differs_in_red_within_a_box_and_dims_what_does_not_count() {
    let golden = grey(40, 30, |_, _| 100);
    let test = grey(40, 30, |x, y| if (10..14).contains(&x) && (8..12).contains(&y) { 180 } else { 100 });
    let mask: Vec<u8> = (0..40 * 30).map(|i| u8::from(i % 40 < 30)).collect();
    let learned = Learned::from(&[golden], Some(&mask), &TOLERANT).unwrap();
    let mut found = Comparison::default();
    Comparer::new().run(&learned, &test, &mut found).unwrap();
    let shown = picture(&learned, &test, &found);
    let at = |x: usize, y: usize| &shown.row(y)[x * 3..][..3];
    assert_eq!((shown.width, shown.height, shown.channels), (40, 30, Channels::Rgb));
    assert_eq!((at(10, 8), at(13, 11)), (&[255, 0, 0][..], &[255, 0, 0][..]));
    assert_eq!((at(8, 6), at(15, 13)), (&[255, 220, 0][..], &[255, 220, 0][..]));
    assert_eq!((at(0, 0), at(35, 20)), (&[100; 3][..], &[50; 3][..]));
}

#[test]
fn only_what_is_too_dark_or_too_bright_differs_where_that_is_asked_for() {
    let test = grey(40, 30, |x, _| [200, 20, 100][x % 3]);
    for (polarity, columns) in
        [(DifferencePolarity::Both, 27), (DifferencePolarity::Darker, 13), (DifferencePolarity::Brighter, 14)]
    {
        let found = compare(&[grey(40, 30, |_, _| 100)], &test, &CompareSettings { polarity, ..TOLERANT });
        assert_eq!(found.differing_px, columns * 30, "{polarity:?}");
    }
}

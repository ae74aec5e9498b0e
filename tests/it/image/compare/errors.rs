//! What is wrong is named.

use super::*;

fn error(goldens: &[Patch], mask: Option<&[u8]>, test: &Patch, settings: &CompareSettings) -> String {
    try_compare(goldens, mask, test, settings).expect_err("an error").to_string()
}

#[test]
fn goldens_of_different_sizes_are_both_named() {
    let goldens = [grey(8, 8, |_, _| 0), grey(8, 8, |_, _| 0), noise(9, 7, Channels::Rgb, (0, 9), 1)];
    let text = error(&goldens, None, &goldens[0], &EXACT);
    assert!(text.contains("golden 3 is 9x7 px colour") && text.contains("golden 1 is 8x8 px grey"), "{text}");
}

#[test]
fn a_patch_of_another_size_than_the_goldens_is_refused() {
    let text = error(&[grey(8, 8, |_, _| 0)], None, &grey(8, 9, |_, _| 0), &EXACT);
    assert!(text.contains("8x9 px grey") && text.contains("8x8 px grey"), "{text}");
}

#[test]
fn no_golden_and_an_empty_one_are_refused() {
    let patch = grey(8, 8, |_, _| 0);
    assert!(error(&[], None, &patch, &EXACT).contains("no golden"));
    assert!(error(&[grey(0, 8, |_, _| 0)], None, &patch, &EXACT).contains("no pixels"));
}

#[test]
fn a_mask_that_does_not_fit_or_leaves_nothing_is_refused() {
    let patch = grey(8, 8, |_, _| 0);
    let goldens = std::slice::from_ref(&patch);
    assert!(error(goldens, Some(&[1; 63]), &patch, &EXACT).contains("63 bytes, 8x8 px grey needs 64"));
    assert!(error(goldens, Some(&[0; 64]), &patch, &EXACT).contains("leaves none"));
}

#[test]
fn a_spread_that_is_no_number_is_refused() {
    let patch = grey(8, 8, |_, _| 0);
    for spread in [f32::NAN, -1.0] {
        let settings = CompareSettings { spread, ..EXACT };
        assert!(error(std::slice::from_ref(&patch), None, &patch, &settings).contains("spread"));
    }
}

#[test]
fn data_that_is_cut_short_is_refused() {
    let mut patch = grey(8, 8, |_, _| 0);
    let learned = Learned::from(std::slice::from_ref(&patch), None, &EXACT).unwrap();
    let run =
        |data: &[u8], stride| Comparer::new().run_rows(&learned, data, stride, &mut Comparison::default());
    assert_eq!(run(&[0; 7 * 10 + 8], 10), Ok(()));
    assert!(run(&[0; 7 * 10 + 7], 10).is_err());
    assert!(run(&[0; 64], 7).is_err());
    patch.data.pop();
    assert!(error(&[patch.clone()], None, &patch, &EXACT).contains("truncated"));
}

#[test]
fn one_px_is_a_picture() {
    let found = compare(&[grey(1, 1, |_, _| 9)], &grey(1, 1, |_, _| 8), &EXACT);
    assert_eq!((found.area_px, found.score), (1, 1.0));
}

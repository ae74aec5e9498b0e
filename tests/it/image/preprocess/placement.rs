//! Where the picture lies in the tensor, and the way back.

use ocellus::image::{Preprocessor, Target};
use ocellus::types::{Fit, PixelFormat, Rect};
use proptest::prelude::*;

use super::Picture;

#[test]
fn a_wide_picture_gets_bars_above_and_below_of_exactly_the_pad_value() {
    let picture = Picture::flat(PixelFormat::Rgb, (192, 108), 200);
    let target = Target { fit: Fit::Letterbox, pad: 114, ..Target::rgb(32, 32) };
    let mut out = vec![0; 32 * 32 * 3];
    let at = Preprocessor::new(target).run(&picture.view(), None, &mut out).unwrap();
    assert_eq!((at.offset, at.scale), ([0.0, 7.0], [6.0, 6.0]));
    for (y, row) in out.chunks_exact(32 * 3).enumerate() {
        let want = if (7..25).contains(&y) { 200 } else { 114 };
        assert!(row.iter().all(|&v| v == want), "row {y}: {:?}", &row[..3]);
    }
}

proptest! {
    #[test]
    fn the_picture_s_corners_in_the_tensor_come_back_as_the_region_s(
        x in -50f32..200.0, y in -50f32..200.0, w in 1f32..300.0, h in 1f32..300.0,
        (tw, th) in (1usize..80, 1usize..80),
        letterbox: bool,
    ) {
        let fit = if letterbox { Fit::Letterbox } else { Fit::Stretch };
        let target = Target { fit, ..Target::rgb(tw, th) };
        let picture = Picture::flat(PixelFormat::Gray8, (160, 120), 9);
        let region = Rect { x, y, w, h };
        let mut out = vec![0; tw * th * 3];
        let at = Preprocessor::new(target).run(&picture.view(), Some(region), &mut out).unwrap();
        // The picture is centred, so its far corner mirrors its offset up to the odd pixel of a bar.
        let wide = (w / at.scale[0]).round();
        let high = (h / at.scale[1]).round();
        prop_assert!((tw as f32 - wide - 2.0 * at.offset[0]).abs() <= 1.0);
        prop_assert!((th as f32 - high - 2.0 * at.offset[1]).abs() <= 1.0);
        let back = at.rect(at.offset[0], at.offset[1], at.offset[0] + wide, at.offset[1] + high);
        for (got, want) in [(back.x, x), (back.y, y), (back.w, w), (back.h, h)] {
            prop_assert!((got - want).abs() < 1e-2, "{back:?} for {region:?}");
        }
    }
}

#[test]
fn a_bright_spot_is_found_where_the_placement_says() {
    let mut picture = Picture::flat(PixelFormat::Gray8, (100, 60), 0);
    picture.planes[0][40 * 100 + 70] = 255;
    let target = Target { fit: Fit::Letterbox, ..Target::rgb(200, 200) };
    let mut out = vec![0; 200 * 200 * 3];
    let at = Preprocessor::new(target).run(&picture.view(), None, &mut out).unwrap();
    let brightest = (0..200 * 200).max_by_key(|&i| out[i * 3]).unwrap();
    let found = at.point((brightest % 200) as f32 + 0.5, (brightest / 200) as f32 + 0.5);
    assert!((found.x - 70.5).abs() <= 0.5 && (found.y - 40.5).abs() <= 0.5, "{found:?}");
}

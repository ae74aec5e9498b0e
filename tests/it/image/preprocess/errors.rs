//! Every refusal names what is wrong.

use ocellus::image::{ImageError, Preprocessor, Target, jpeg};
use ocellus::types::{Dtype, PixelFormat, Rect};

use super::Picture;

fn refusal(picture: &Picture, region: Option<Rect>, out: usize) -> ImageError {
    Preprocessor::new(Target::rgb(8, 8)).run(&picture.view(), region, &mut vec![0; out]).unwrap_err()
}

#[test]
fn an_empty_or_infinite_region_is_refused() {
    let picture = Picture::noise(PixelFormat::Nv12, (16, 16), 0, 1);
    let sides = [(0.0, 4.0), (4.0, -1.0), (f32::NAN, 4.0), (4.0, f32::INFINITY)];
    for (w, h) in sides {
        let error = refusal(&picture, Some(Rect { x: 1.0, y: 2.0, w, h }), 192);
        assert!(matches!(error, ImageError::RegionEmpty { x: 1.0, y: 2.0, .. }), "{error}");
    }
}

#[test]
fn an_output_of_another_size_is_refused_with_both_sizes() {
    let picture = Picture::noise(PixelFormat::Nv12, (16, 16), 0, 1);
    let error = refusal(&picture, None, 191);
    assert!(error.to_string().contains("192 bytes expected, the output slice has 191"), "{error}");
}

#[test]
fn a_plane_that_is_cut_short_is_named() {
    for format in PixelFormat::ALL {
        let planes = format.plane_sizes(9, 7).iter().filter(|(_, rows)| *rows > 0).count();
        for plane in 0..planes {
            let mut picture = Picture::noise(format, (9, 7), 3, 1);
            picture.planes[plane].pop();
            let error = refusal(&picture, None, 192).to_string();
            assert!(error.contains(&format!("plane {plane} of {format:?}")), "{error}");
        }
    }
}

#[test]
fn a_stride_below_a_row_is_refused() {
    let picture = Picture::noise(PixelFormat::Rgb, (4, 4), 0, 1);
    let mut planes = picture.view();
    planes.stride[0] = 11;
    let error = Preprocessor::new(Target::rgb(8, 8)).run(&planes, None, &mut [0; 192]).unwrap_err();
    assert!(error.to_string().contains("stride 11 is less than the 12 bytes of a row"), "{error}");
}

#[test]
fn a_picture_or_target_without_pixels_is_refused() {
    let error = refusal(&Picture::noise(PixelFormat::Gray8, (0, 4), 0, 1), None, 192);
    assert!(matches!(error, ImageError::PictureEmpty { width: 0, .. }), "{error}");
    let picture = Picture::noise(PixelFormat::Gray8, (4, 4), 0, 1);
    let error = Preprocessor::new(Target::rgb(0, 8)).run(&picture.view(), None, &mut []).unwrap_err();
    assert!(matches!(error, ImageError::TargetEmpty { width: 0, height: 8 }), "{error}");
}

#[test]
fn a_tensor_of_integers_wider_than_a_byte_is_refused() {
    let picture = Picture::noise(PixelFormat::Gray8, (4, 4), 0, 1);
    let target = Target { dtype: Dtype::I32, ..Target::rgb(8, 8) };
    let error = Preprocessor::new(target).run(&picture.view(), None, &mut [0; 768]).unwrap_err();
    assert!(matches!(error, ImageError::Dtype(Dtype::I32)), "{error}");
}

#[test]
fn a_jpeg_of_impossible_quality_is_refused() {
    let picture = Picture::noise(PixelFormat::I420, (4, 4), 0, 1);
    for quality in [0, 101] {
        let error = jpeg::encode(&picture.view(), quality, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, ImageError::JpegLimits { .. }), "{error}");
    }
}

//! Reads a picture from a request: JPEG, PNG or BMP in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::image::picture::{self, Limits, PictureError};
use crate::types::{Explanation, Patch, Refusal};

/// Limits for pictures from requests, lower than those for local files, since several may arrive at once.
const LIMITS: Limits = Limits { max_file: 20 << 20, max_side: 12_000, ..Limits::USUAL };

/// Decodes the picture, upright. Refuses it as `picture_unreadable` or `picture_too_large`, and checks the
/// size before it decodes.
pub(super) fn decode(base64: &str) -> Result<Patch, Refusal> {
    // Base64 takes four characters for three bytes.
    let bytes = base64.len() as u64 / 4 * 3;
    if bytes > LIMITS.max_file {
        return Err(refused(&PictureError::TooLong { bytes, most: LIMITS.max_file }));
    }
    let text = base64.trim_ascii();
    let file = BASE64.decode(text).map_err(|error| unreadable(&format!("it is no base64 ({error})")))?;
    upright(&file)
}

fn upright(file: &[u8]) -> Result<Patch, Refusal> {
    picture::read(file, &LIMITS).map(|picture| picture.patch).map_err(|error| refused(&error))
}

fn refused(error: &PictureError) -> Refusal {
    let Explanation { cause, remedy } = error.explanation();
    if error.is_size() {
        return Refusal::new("picture_too_large", format!("the picture is too large: {cause}"), remedy);
    }
    unreadable(&cause)
}

fn unreadable(cause: &str) -> Refusal {
    let message = format!("the picture cannot be read: {cause}");
    Refusal::new("picture_unreadable", message, "save it as JPEG or PNG and send it again")
}

#[cfg(test)]
#[path = "../../../tests/support/flavours.rs"]
#[allow(dead_code, reason = "other tests read the rest")]
mod flavours;
#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ::image::DynamicImage;
    use proptest::prelude::*;

    use super::flavours::{Flavour, all};
    use super::*;

    /// Red on the left, blue on the right.
    fn two_colours() -> DynamicImage {
        let mut picture = ::image::RgbImage::new(64, 32);
        for (x, _, px) in picture.enumerate_pixels_mut() {
            px.0 = if x < 32 { [255, 0, 0] } else { [0, 0, 255] };
        }
        picture.into()
    }

    fn file(format: ::image::ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        two_colours().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// The JPEG with an EXIF segment that gives the orientation of the camera.
    fn turned(orientation: u8) -> Vec<u8> {
        let jpeg = file(::image::ImageFormat::Jpeg);
        let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0, 0]);
        let mut bytes = jpeg[..2].to_vec();
        bytes.extend_from_slice(&[0xff, 0xe1]);
        bytes.extend_from_slice(&(exif.len() as u16 + 2).to_be_bytes());
        bytes.extend_from_slice(&exif);
        bytes.extend_from_slice(&jpeg[2..]);
        bytes
    }

    #[test]
    fn a_picture_is_turned_upright_as_the_camera_was_held() {
        let plain = upright(&turned(1)).unwrap();
        assert_eq!((plain.width, plain.height), (64, 32));
        // 6: the camera was turned, so what is on the left belongs above.
        let turned = upright(&turned(6)).unwrap();
        assert_eq!((turned.width, turned.height), (32, 64));
        assert!(turned.data[0] > 200 && turned.data[2] < 60, "red above: {:?}", &turned.data[..3]);
        let last = &turned.data[turned.data.len() - 3..];
        assert!(last[2] > 200 && last[0] < 60, "blue below: {last:?}");
    }

    #[test]
    fn every_flavour_is_enrolled_with_the_pixels_that_are_in_it() {
        for Flavour { name, file, truth, tolerance, .. } in all() {
            let picture = decode(&BASE64.encode(&file)).unwrap_or_else(|refused| panic!("{name}: {refused}"));
            truth.assert_is(&name, (picture.width, picture.height), &picture.data, tolerance);
        }
    }

    #[test]
    fn half_a_jpeg_is_refused() {
        let whole = file(::image::ImageFormat::Jpeg);
        let refused = upright(&whole[..whole.len() / 2]).unwrap_err();
        assert_eq!(refused.code, "picture_unreadable", "{refused}");
        assert!(refused.message.contains("cut off"), "{refused}");
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_decoded() {
        let bomb = {
            let mut bytes = Vec::new();
            let mut encoder = png::Encoder::new(&mut bytes, 60_000, 60_000);
            encoder.set_color(png::ColorType::Rgb);
            // Its data begins, and would unpack to 10 GB.
            encoder.write_header().unwrap().write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 0xed, 0xc1]).unwrap();
            bytes
        };
        let refused = upright(&bomb).unwrap_err();
        assert_eq!(refused.code, "picture_too_large", "{refused}");
        let refused = decode(&"A".repeat(30 << 20)).unwrap_err();
        assert_eq!(refused.code, "picture_too_large", "{refused}");
    }

    #[test]
    fn what_is_no_picture_or_half_of_one_is_refused() {
        let whole = file(::image::ImageFormat::Png);
        for bytes in [&b""[..], b"GIF89a", b"hello", &whole[..whole.len() / 2]] {
            let refused = upright(bytes).unwrap_err();
            assert_eq!(refused.code, "picture_unreadable", "{refused}");
        }
        assert_eq!(decode("not base64!").unwrap_err().code, "picture_unreadable");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn no_damage_makes_the_reader_panic(jpeg: bool, at in 0usize..400, with: u8, cut in 0usize..900) {
            let format = if jpeg { ::image::ImageFormat::Jpeg } else { ::image::ImageFormat::Png };
            let mut bytes = file(format);
            let at = at % bytes.len();
            bytes[at] ^= with;
            bytes.truncate(bytes.len().saturating_sub(cut % 300).max(1));
            let _ = upright(&bytes);
        }
    }
}

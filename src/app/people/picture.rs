//! A picture that somebody sends: JPEG, PNG or BMP in base64, turned upright as its EXIF data says.

use std::io::Cursor;

use ::image::metadata::Orientation;
use ::image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::types::{Channels, Patch, Refusal};

/// Longest file.
const MAX_BYTES: usize = 20 << 20;
/// Longest side, px.
const MAX_SIDE: u32 = 12_000;
/// Most px of a picture: what phones take, in memory that a small box has.
const MAX_PX: u64 = 32_000_000;
/// Most memory that decoding may take, bytes.
const MAX_MEMORY: u64 = 4 * MAX_PX + (64 << 20);

/// The picture in RGB. Refused as `picture_unreadable` or `picture_too_large`; nothing large is decoded first.
pub(super) fn decode(base64: &str) -> Result<Patch, Refusal> {
    // Four characters for three bytes.
    if base64.len() / 4 * 3 > MAX_BYTES {
        return Err(too_large(format!("it has more than {} MiB", MAX_BYTES >> 20)));
    }
    let text = base64.trim_ascii();
    let file = BASE64.decode(text).map_err(|error| unreadable(format!("it is no base64 ({error})")))?;
    upright(&file)
}

fn upright(file: &[u8]) -> Result<Patch, Refusal> {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format();
    let mut reader = reader.map_err(|error| unreadable(error.to_string()))?;
    if reader.format().is_none() {
        return Err(unreadable("it is none of JPEG, PNG and BMP".into()));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| unreadable(error.to_string()))?;
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PX {
        return Err(too_large(format!("it has {width} x {height} px")));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder)
        .map_err(|error| unreadable(format!("it is damaged ({error})")))?;
    picture.apply_orientation(orientation);
    let rgb = picture.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    Ok(Patch { width, height, channels: Channels::Rgb, data: rgb.into_raw() })
}

fn unreadable(cause: String) -> Refusal {
    let message = format!("the picture cannot be read: {cause}");
    Refusal::new("picture_unreadable", message, "save it as JPEG or PNG and send it again")
}

fn too_large(cause: String) -> Refusal {
    let message = format!("the picture is too large: {cause}");
    let remedy =
        format!("scale it down; at most {} MP and {} MiB are read", MAX_PX / 1_000_000, MAX_BYTES >> 20);
    Refusal::new("picture_too_large", message, remedy)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// The JPEG with an EXIF segment that says how the camera was held.
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

//! Pictures from files: what is refused, before how much of it is decoded, and what is done to the rest.

use ocellus_studio::{LIMITS, Picture};
use png::{BitDepth, ColorType};

use crate::support::scenery;

fn png(size: [u32; 2], colour: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size[0], size[1]);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    file
}

/// A PNG that says it has this size, with as good as no data.
fn bomb(size: u32) -> Vec<u8> {
    let mut file = png([1, 1], ColorType::Rgb, BitDepth::Eight, &[1, 2, 3]);
    file[16..20].copy_from_slice(&size.to_be_bytes());
    file[20..24].copy_from_slice(&size.to_be_bytes());
    file
}

#[test]
fn what_is_no_picture_or_too_large_is_refused_with_what_to_do() {
    let whole = png([8, 8], ColorType::Rgb, BitDepth::Eight, &[5; 192]);
    // A JPEG of 5 KB that says it has 64,250 px a side.
    let mut jpeg = Vec::new();
    ocellus_image::jpeg::encode(&scenery(64, 64, 1).colour.planes(), 90, &mut jpeg).unwrap();
    let head = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[head + 5..head + 9].copy_from_slice(&[0xFA, 0xFA, 0xFA, 0xFA]);
    for (file, word) in [
        (&b""[..], "no bytes"),
        (b"hello, I am a text", "save it as PNG"),
        (&whole[..whole.len() / 2], "save it again"),
        (&bomb(64_250), "64250 x 64250 px"),
        (&bomb(9_000), "9000 x 9000 px"),
        (&jpeg, "64250 x 64250 px"),
    ] {
        let error = Picture::read(file, &LIMITS).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    let error = Picture::load("/nowhere/photo.jpg".as_ref(), &LIMITS).unwrap_err().to_string();
    assert!(error.contains("check the path"), "{error}");
}

#[test]
fn grey_sixteen_bits_and_alpha_become_eight_bits_of_colour_beside_alpha() {
    let deep: Vec<u8> = [(65_535u16, 0u16), (257 * 100, 257 * 30)]
        .iter()
        .flat_map(|(v, a)| [v.to_be_bytes(), a.to_be_bytes()].concat())
        .collect();
    let picture =
        Picture::read(&png([2, 1], ColorType::GrayscaleAlpha, BitDepth::Sixteen, &deep), &LIMITS).unwrap();
    assert_eq!(picture.colour.data, [255, 255, 255, 100, 100, 100]);
    assert_eq!(picture.alpha, Some(vec![0, 30]));
    let opaque = png([2, 1], ColorType::Rgba, BitDepth::Eight, &[1, 2, 3, 255, 4, 5, 6, 255]);
    let picture = Picture::read(&opaque, &LIMITS).unwrap();
    assert_eq!((picture.colour.data, picture.alpha), (vec![1, 2, 3, 4, 5, 6], None));
}

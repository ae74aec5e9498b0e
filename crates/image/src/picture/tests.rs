//! Every flavour against its truth; every cut and every bound refused.

use super::*;

use super::flavours::{Flavour, all, ihdr, zlib};

#[test]
fn every_flavour_gives_the_pixels_that_are_in_it() {
    for Flavour { name, file, truth, tolerance, see_through } in all() {
        let picture = read(&file, &Limits::USUAL).unwrap_or_else(|error| panic!("{name}: {error}"));
        let Patch { width, height, channels, data } = &picture.patch;
        truth.assert_is(&name, (*width, *height), data, tolerance);
        assert_eq!(channels.count(), truth.channels, "{name}");
        assert_eq!(picture.see_through, see_through, "{name}");
        let head = head(&file).unwrap();
        assert_eq!((head.width as usize, head.height as usize), (*width, *height), "{name}: its head");
        assert_eq!(head.picture_bytes, data.len() as u64, "{name}: its head");
    }
}

#[test]
fn alpha_is_kept_beside_the_same_colours_and_within_the_memory_that_was_planned() {
    let mut kept = 0;
    for Flavour { name, file, see_through, .. } in all() {
        let plain = read(&file, &Limits::USUAL).unwrap();
        let picture =
            read_with_alpha(&file, &Limits::USUAL).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((&picture.patch, plain.alpha), (&plain.patch, None), "{name}");
        assert_eq!(picture.alpha.is_some(), see_through, "{name}");
        if let Some(alpha) = picture.alpha {
            assert_eq!(alpha.len(), plain.patch.width * plain.patch.height, "{name}");
            assert!(alpha.iter().any(|value| *value < 255), "{name}");
            kept += 1;
        }
    }
    assert!(kept >= 3, "{kept} flavours have alpha");
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    for Flavour { name, file, .. } in all().into_iter().filter(|flavour| flavour.file.len() < 8_000) {
        let cuts = (1..file.len()).step_by(7).chain(file.len() - 12..file.len());
        for cut in cuts {
            for outcome in [read(&file[..cut], &Limits::USUAL), read_with_alpha(&file[..cut], &Limits::USUAL)]
            {
                assert!(outcome.is_err(), "{name}: {cut} of its {} bytes are a picture", file.len());
            }
        }
    }
}

#[test]
fn a_jpeg_whose_middle_is_missing_is_refused_and_one_with_padding_is_not() {
    let noise: Vec<u8> = (0..64 * 32 * 3u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let format = turbojpeg::PixelFormat::RGB;
    for progressive in [false, true] {
        let file = flavours::turbo(&noise, format, turbojpeg::Subsamp::None, progressive);
        let middle = file.len() / 2;
        let gap = [&file[..middle], &[0xFF, 0xD9]].concat();
        let error = read(&gap, &Limits::USUAL).unwrap_err().to_string();
        assert!(error.contains("save it again"), "{error}");
        let padded = [&file[..file.len() - 2], &[0; 6], &[0xFF, 0xD9], &[0; 40]].concat();
        let whole = read(&file, &Limits::USUAL).unwrap().patch;
        assert_eq!(read(&padded, &Limits::USUAL).unwrap().patch, whole);
    }
}

#[test]
fn cmyk_without_the_word_of_adobe_is_ink() {
    let white = [0u8, 0, 0, 0].repeat(64 * 32);
    let format = turbojpeg::PixelFormat::CMYK;
    let file = flavours::turbo(&white, format, turbojpeg::Subsamp::None, false);
    // With the marker 0 is no light, and that is black.
    assert!(read(&file, &Limits::USUAL).unwrap().patch.data.iter().all(|value| *value < 6));
    let mut data = white.clone();
    jpeg::plain_cmyk(&mut data, false);
    assert!(data.iter().all(|value| *value == 255));
}

#[test]
fn what_would_be_too_large_is_refused_by_its_head() {
    let limits = Limits { max_px: 10_000_000, max_bytes: 64 << 20, ..Limits::USUAL };
    let bomb = |size, depth, colour| {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        // A head, and no more than the beginning of its data.
        for (kind, data) in [ihdr(size, depth, colour, false), (b"IDAT", zlib(&[0; 100]))] {
            file.extend((data.len() as u32).to_be_bytes());
            file.extend(kind);
            file.extend(&data);
            let mut crc = flate2::Crc::new();
            crc.update(&[&kind[..], &data].concat());
            file.extend(crc.sum().to_be_bytes());
        }
        file
    };
    for (size, depth, colour, said) in [
        ((60_000, 60_000), 8, 2, "60000 x 60000 px"),
        ((10_500, 10_500), 8, 0, "10500 x 10500 px"),
        ((3_000, 3_000), 16, 6, "of memory"),
    ] {
        let error = read(&bomb(size, depth, colour), &limits).unwrap_err();
        assert!(error.is_size() && error.to_string().contains(said), "{error}");
    }
    // Within the bounds, only its data is missing.
    assert!(matches!(read(&bomb((1_000, 1_000), 8, 2), &limits), Err(PictureError::Truncated { .. })));
    // A progressive JPEG keeps its coefficients, too.
    let flat = vec![0; 64 * 32 * 3];
    let format = turbojpeg::PixelFormat::RGB;
    for (progressive, allowed) in [(false, true), (true, false)] {
        let mut file = flavours::turbo(&flat, format, turbojpeg::Subsamp::None, progressive);
        let at = file.windows(2).position(|pair| pair[0] == 0xFF && matches!(pair[1], 0xC0 | 0xC2)).unwrap();
        file[at + 5..at + 9].copy_from_slice(&[0x0B, 0xB8, 0x0B, 0xB8]);
        let refused = read(&file, &limits).unwrap_err().is_size();
        assert_eq!(!refused, allowed, "progressive: {progressive}");
    }
}

#[test]
fn other_files_are_named() {
    let said = |file: &[u8]| read(file, &Limits::USUAL).unwrap_err().to_string();
    assert!(said(b"").contains("no bytes"));
    assert!(said(b"GIF89a and more").contains("a GIF"));
    assert!(said(b"RIFF\0\0\0\0WEBPVP8 ").contains("a WebP"));
    assert!(said(b"\0\0\0\x18ftypheic").contains("a HEIF"));
    assert!(said(b"hello").contains("save it as PNG, JPEG or BMP"));
}

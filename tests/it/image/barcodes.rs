//! Codes of the shared pictures, as they are and made worse: how many are read, and that nothing else is read.

use crate::support::data::data;
use std::path::PathBuf;

use image::{GrayImage, Luma, imageops};
use ocellus::image::barcode::{BarcodeError, Code, CodeReader, Effort, Format};
use ocellus::image::{Channels, Patch};

struct Sample {
    name: String,
    picture: GrayImage,
    text: String,
}

/// The pictures with their texts, or none where there is no test data.
fn samples() -> Vec<Sample> {
    let Some(data) = data(&["barcodes"]) else { return Vec::new() };
    let mut files: Vec<_> =
        std::fs::read_dir(data.join("barcodes")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let pictures = files.iter().filter(|file| file.extension().is_some_and(|end| end == "png"));
    let sample = |file: &PathBuf| Sample {
        name: file.file_stem().unwrap().to_string_lossy().into(),
        picture: image::open(file).unwrap().to_luma8(),
        text: std::fs::read_to_string(file.with_extension("txt")).unwrap(),
    };
    pictures.map(sample).collect()
}

/// Every format of the pictures at once: harder than a recipe, which names one.
fn formats() -> Vec<Format> {
    let stacked = [Format::DataBar, Format::DataBarExpanded];
    Format::ALL.into_iter().filter(|format| !stacked.contains(format)).collect()
}

fn patch(picture: &GrayImage) -> Patch {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Patch { width, height, channels: Channels::Gray, data: picture.as_raw().clone() }
}

/// A UPC-A text of 12 digits may be reported as the EAN-13 that it also is, with a leading 0.
fn says(code: &Code, text: &str) -> bool {
    code.text == text || (text.len() == 12 && code.text.strip_prefix('0') == Some(text))
}

fn noise(picture: &GrayImage, deviation: f32) -> GrayImage {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let mut out = picture.clone();
    for px in out.iter_mut() {
        // The sum of twelve is near enough to a normal distribution.
        let normal: f32 = (0..12).map(|_| uniform()).sum::<f32>() - 6.0;
        *px = (f32::from(*px) + deviation * normal).round().clamp(0.0, 255.0) as u8;
    }
    out
}

fn scaled(picture: &GrayImage, scale: f32) -> GrayImage {
    let side = |side: u32| (side as f32 * scale).round() as u32;
    let (w, h) = (side(picture.width()), side(picture.height()));
    imageops::resize(picture, w, h, imageops::FilterType::Triangle)
}

fn shaded(picture: &GrayImage) -> GrayImage {
    let mut out = picture.clone();
    let width = picture.width() as f32;
    for (x, _, px) in out.enumerate_pixels_mut() {
        px.0[0] = (f32::from(px.0[0]) * (0.35 + 0.65 * x as f32 / width)) as u8;
    }
    out
}

fn inverted(picture: &GrayImage) -> GrayImage {
    let mut out = picture.clone();
    imageops::invert(&mut out);
    out
}

/// How many are read after `change`; a code that says something else than the picture's text is a failure.
fn share(name: &str, samples: &[Sample], change: impl Fn(&GrayImage) -> GrayImage) -> usize {
    let mut reader = CodeReader::new(&formats(), Effort::Normal);
    let begun = std::time::Instant::now();
    let mut missed = Vec::new();
    for sample in samples {
        let codes = reader.read(&patch(&change(&sample.picture))).unwrap();
        let other: Vec<_> = codes.iter().filter(|code| !says(code, &sample.text)).collect();
        assert!(other.is_empty(), "{name} {}: {other:?}", sample.name);
        if codes.is_empty() {
            missed.push(sample.name.as_str());
        }
    }
    let (read, mean) = (samples.len() - missed.len(), begun.elapsed() / samples.len() as u32);
    println!("{name:20} {read}/{} read, {mean:.1?} a picture, missed {missed:?}", samples.len());
    read
}

#[test]
fn all_shared_pictures_are_read_whichever_way_they_lie() {
    let samples = samples();
    if samples.is_empty() {
        return;
    }
    assert_eq!(share("as they are", &samples, GrayImage::clone), samples.len());
    assert_eq!(share("turned by 90", &samples, imageops::rotate90), samples.len());
    assert_eq!(share("turned by 180", &samples, imageops::rotate180), samples.len());
    assert_eq!(share("inverted", &samples, inverted), samples.len());
}

#[test]
fn most_pictures_are_read_though_they_were_made_worse_and_nothing_false_is() {
    let samples = samples();
    if samples.len() != 18 {
        return;
    }
    // What was reached on 2026-11-21; the rest has modules of about one px, which these changes melt together.
    assert!(share("at 75 %", &samples, |p| scaled(p, 0.75)) >= 15);
    assert!(share("blurred, sigma 1 px", &samples, |p| imageops::blur(p, 1.0)) >= 14);
    assert!(share("noise of 12 counts", &samples, |p| noise(p, 12.0)) >= 17);
    assert!(share("shaded to 35 %", &samples, shaded) >= 16);
    let all = |p: &GrayImage| noise(&imageops::blur(&scaled(p, 0.75), 0.7), 6.0);
    assert!(share("75 %, blur, noise", &samples, all) >= 13);
}

#[test]
fn every_code_of_a_patch_is_found_where_it_is() {
    let samples = samples();
    let of = |name: &str| samples.iter().find(|sample| sample.name == name);
    let (Some(qr), Some(bars)) = (of("qrcode-4_01"), of("code93-1_3")) else { return };
    let mut sheet = GrayImage::from_pixel(800, 700, Luma([255]));
    let places = [(qr, 20, 30), (bars, 350, 40), (qr, 500, 400), (bars, 40, 420)];
    for (sample, x, y) in places {
        imageops::replace(&mut sheet, &sample.picture, x, y);
    }
    let codes = CodeReader::new(&[Format::Qr, Format::Code93], Effort::Normal).read(&patch(&sheet)).unwrap();
    assert_eq!(codes.len(), places.len(), "{codes:?}");
    for (sample, x, y) in places {
        let (w, h) = (sample.picture.width() as f32, sample.picture.height() as f32);
        let (x, y) = (x as f32, y as f32);
        let here =
            |code: &&Code| code.points.iter().all(|p| p.x >= x && p.x <= x + w && p.y >= y && p.y <= y + h);
        let found: Vec<_> = codes.iter().filter(here).collect();
        assert!(found.len() == 1 && says(found[0], &sample.text), "{} at ({x}, {y}): {codes:?}", sample.name);
    }
}

#[test]
fn points_lie_in_the_patch_after_it_was_enlarged_or_turned() {
    let samples = samples();
    let Some(sample) = samples.iter().find(|sample| sample.name == "ean8-1_4") else { return };
    for picture in
        [scaled(&sample.picture, 0.5), imageops::rotate90(&sample.picture), shaded(&sample.picture)]
    {
        for code in CodeReader::new(&[Format::Ean8], Effort::Thorough).read(&patch(&picture)).unwrap() {
            let (w, h) = (picture.width() as f32, picture.height() as f32);
            assert!(
                code.points.iter().all(|p| (-1.0..=w).contains(&p.x) && (-1.0..=h).contains(&p.y)),
                "{code:?}"
            );
        }
    }
}

#[test]
fn the_same_patch_gives_the_same_codes_from_any_reader() {
    for sample in samples() {
        let patch = patch(&noise(&sample.picture, 12.0));
        let mut reader = CodeReader::new(&formats(), Effort::Normal);
        let first = reader.read(&patch).unwrap();
        assert_eq!(reader.read(&patch).unwrap(), first, "{}", sample.name);
        assert_eq!(
            CodeReader::new(&formats(), Effort::Normal).read(&patch).unwrap(),
            first,
            "{}",
            sample.name
        );
    }
}

#[test]
fn a_patch_of_any_shape_is_an_answer_and_never_a_panic() {
    let mut reader = CodeReader::new(&Format::ALL, Effort::Normal);
    let mut seed = 1u32;
    for (width, height) in
        [(0, 0), (0, 9), (1, 1), (1, 90), (90, 1), (2, 2), (3, 7), (8, 8), (33, 31), (40, 64), (97, 3)]
    {
        for channels in [Channels::Gray, Channels::Rgb] {
            let mut patch = Patch::new(width, height, channels);
            assert_eq!(reader.read(&patch).unwrap(), [], "{width}x{height} black");
            for px in &mut patch.data {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *px = (seed >> 24) as u8;
            }
            reader.read(&patch).unwrap();
        }
    }
}

#[test]
fn a_patch_whose_bytes_are_not_its_size_is_refused() {
    let patch = Patch { width: 4, height: 4, channels: Channels::Rgb, data: vec![0; 47] };
    let error = CodeReader::new(&[], Effort::Quick).read(&patch).unwrap_err();
    assert!(matches!(error, BarcodeError::Patch { got: 47, need: 48, .. }), "{error}");
}

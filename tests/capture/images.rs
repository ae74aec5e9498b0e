//! Folders of pictures.

use std::fs;

use ocellus::capture::Ended;
use ocellus::config::{Camera, Pace, Source};

use crate::support::{camera, data, jpeg, start};

#[test]
fn pictures_come_in_the_order_of_their_names_whatever_their_kind_and_size() {
    let Some(png) = data("images/faces/person_A/asl_again_0.3.png") else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("1.jpg"), jpeg(10)).unwrap();
    fs::copy(&png, at("2.png")).unwrap();
    fs::copy(&png, at("3-named-wrongly.JPG")).unwrap();
    fs::write(at("4.jpeg"), jpeg(200)).unwrap();
    fs::write(at("5.jpg"), jpeg(90)).unwrap();
    fs::write(at("notes.txt"), "no picture").unwrap();
    let mut running = start(camera(Source::Images(folder.path().into())));
    assert_eq!(running.end().unwrap(), Ended::EndOfStream);
    let sizes: Vec<_> = running.all().iter().map(|frame| frame.size).collect();
    assert_eq!(sizes, [(64, 48), (640, 480), (640, 480), (64, 48), (64, 48)]);
}

#[test]
fn a_png_gives_the_pixels_that_are_in_it() {
    let Some(png) = data("images/faces/person_A/asl_again_0.3.png") else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::copy(&png, folder.path().join("a.png")).unwrap();
    let rgb = image::open(&png).unwrap().to_rgb8();
    let mut sum = gstreamer::glib::Checksum::new(gstreamer::glib::ChecksumType::Md5).unwrap();
    sum.update(rgb.as_raw());
    let mut running = start(camera(Source::Images(folder.path().into())));
    running.end().unwrap();
    assert_eq!(running.all()[0].md5, sum.string().unwrap());
}

#[test]
fn a_deep_png_is_converted_to_a_format_of_the_road() {
    let folder = tempfile::tempdir().unwrap();
    let deep = image::ImageBuffer::from_pixel(32, 16, image::Luma([40_000u16]));
    image::DynamicImage::ImageLuma16(deep).save(folder.path().join("a.png")).unwrap();
    let mut running = start(camera(Source::Images(folder.path().into())));
    assert_eq!(running.end().unwrap(), Ended::EndOfStream);
    assert_eq!(running.all()[0].size, (32, 16));
}

#[test]
fn one_bad_picture_does_not_keep_the_others_back_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("1.jpg"), jpeg(10)).unwrap();
    fs::write(at("2.jpg"), "not a picture at all").unwrap();
    fs::write(at("3.png"), b"\x89PNG\r\n\x1a\nand then nothing of a picture").unwrap();
    fs::write(at("4.jpg"), jpeg(90)).unwrap();
    let mut running = start(camera(Source::Images(folder.path().into())));
    let error = running.error();
    assert!(error.contains("2 of the 4 pictures") && error.contains("2.jpg"), "{error}");
    assert_eq!(running.all().len(), 2);
}

#[test]
fn a_folder_that_is_absent_or_holds_no_picture_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = start(camera(Source::Images(folder.path().into()))).error();
    assert!(error.contains("is empty") && error.contains(".jpg"), "{error}");
    let error = start(camera(Source::Images(folder.path().join("absent")))).error();
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn pictures_are_shown_at_the_configured_rate() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..4 {
        fs::write(folder.path().join(format!("{n}.jpg")), jpeg(n)).unwrap();
    }
    let settings =
        Camera { pace: Pace::Live, images_fps: 20, ..camera(Source::Images(folder.path().into())) };
    let mut running = start(settings);
    running.end().unwrap();
    let pts: Vec<_> = running.all().iter().map(|frame| frame.pts_ns.unwrap()).collect();
    assert_eq!(pts, [0, 50_000_000, 100_000_000, 150_000_000]);
}

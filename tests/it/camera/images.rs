//! Folders of pictures.

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;

use ocellus::camera::{Committed, Health, SessionEnd};
use ocellus::config::{CameraConfig, Pace, Source};
use ocellus::types::PixelFormat;

use crate::camera::support::{Running, camera, data, jpeg, packed, start, start_with};
use crate::support::flavours::{self, Flavour};

/// A camera that shows `folder`.
fn folder_camera(folder: &Path) -> CameraConfig {
    camera(Source::Images(folder.into()))
}

/// The file of the next frame.
fn shown(running: &Running) -> String {
    running.frame().file.expect("a frame of a file")
}

/// Waits until a frame of `file` comes; the files of those before.
fn until_shown(running: &Running, file: &str) -> Vec<String> {
    let mut before = Vec::new();
    loop {
        match shown(running) {
            found if found == file => return before,
            other => before.push(other),
        }
        assert!(before.len() < 500, "{file} never comes: {:?}", &before[490..]);
    }
}

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
    assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
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
    assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
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
        CameraConfig { pace: Pace::Live, images_fps: 20, ..camera(Source::Images(folder.path().into())) };
    let mut running = start(settings);
    running.end().unwrap();
    let pts: Vec<_> = running.all().iter().map(|frame| frame.pts_ns.unwrap()).collect();
    assert_eq!(pts, [0, 50_000_000, 100_000_000, 150_000_000]);
}

#[test]
fn every_flavour_in_a_folder_gives_the_pixels_that_are_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let flavours = flavours::all();
    for Flavour { name, file, .. } in &flavours {
        fs::write(folder.path().join(name), file).unwrap();
    }
    let (tell, reported) = channel();
    let mut running = start_with(folder_camera(folder.path()), channel().1, move |frame| {
        let file = frame.file.as_deref().unwrap().to_owned();
        let _ = tell.send((file, (frame.width, frame.height), frame.format, packed(frame)));
        Committed::Taken
    });
    assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
    let seen: Vec<_> = reported.try_iter().collect();
    assert_eq!(seen.len(), flavours.len());
    for (name, size, format, data) in seen {
        let Flavour { truth, tolerance, .. } = flavours.iter().find(|flavour| flavour.name == name).unwrap();
        truth.assert_is(&name, size, &data, *tolerance);
        let expected = if truth.channels == 1 { PixelFormat::Gray8 } else { PixelFormat::Rgb };
        assert_eq!(format, expected, "{name}");
    }
}

#[test]
fn the_shared_pictures_that_were_read_wrongly_are_read_as_their_truth_says() {
    let cases = [("exif-orientation", "truth.png", 12), ("png-16bit-colour", "truth-8bit.png", 0)];
    for (fault, truth, tolerance) in cases {
        let Some(path) = data(&format!("faults/{fault}")) else { return };
        let truth = image::open(path.join(truth)).unwrap().to_rgb8();
        let (tell, reported) = channel();
        let mut running = start_with(folder_camera(&path.join("pictures")), channel().1, move |frame| {
            let _ = tell.send(((frame.width as u32, frame.height as u32), packed(frame)));
            Committed::Taken
        });
        running.end().unwrap();
        let (size, data) = reported.recv().unwrap();
        assert_eq!(size, truth.dimensions(), "{fault}");
        let sum: u64 = truth.as_raw().iter().zip(&data).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(sum / data.len() as u64 <= tolerance, "{fault}: mean difference {}", sum / data.len() as u64);
    }
    let Some(path) = data("faults/jpeg-cmyk/pictures") else { return };
    let mut running = start(folder_camera(&path));
    assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
    assert_eq!(running.all()[0].size, (160, 120));
}

#[test]
fn a_cut_off_picture_takes_no_other_one_with_it_and_is_the_one_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let png = flavours::all().into_iter().find(|flavour| flavour.name == "colour.png").unwrap().file;
    for name in ["1.png", "3.png", "5.jpg"] {
        fs::write(at(name), if name == "5.jpg" { jpeg(7) } else { png.clone() }).unwrap();
    }
    fs::write(at("2.png"), &png[..png.len() - 20]).unwrap();
    fs::write(at("4.jpg"), &jpeg(8)[..jpeg(8).len() - 2]).unwrap();
    let mut running = start(folder_camera(folder.path()));
    let error = running.error();
    for said in
        ["2 of the 5 pictures", "2.png: it is cut off", "4.jpg: it is cut off", "the other 3 were delivered"]
    {
        assert!(error.contains(said), "{error}");
    }
    let files: Vec<_> = running.all().into_iter().filter_map(|frame| frame.file).collect();
    assert_eq!(files, ["1.png", "3.png", "5.jpg"]);
    assert_eq!(running.damaged.get(), 2);
}

#[test]
fn where_no_picture_is_good_no_other_one_was_delivered() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.jpg"), "a letter").unwrap();
    let error = start(folder_camera(folder.path())).error();
    assert!(error.contains("1 of the 1 pictures") && error.contains("a.jpg"), "{error}");
    assert!(!error.contains("delivered"), "{error}");
}

#[test]
fn a_picture_that_would_fill_the_memory_is_passed_over_by_its_head() {
    let folder = tempfile::tempdir().unwrap();
    // 100 KB that would be 110 MB in each slot of the ring.
    let grey = image::GrayImage::new(10_500, 10_500);
    grey.save(folder.path().join("a.png")).unwrap();
    // Large, and within the bounds.
    image::GrayImage::new(5_000, 5_000).save(folder.path().join("b.png")).unwrap();
    fs::write(folder.path().join("c.jpg"), jpeg(1)).unwrap();
    let mut running = start(folder_camera(folder.path()));
    let error = running.error();
    assert!(error.contains("a.png: its 10500 x 10500 px would take"), "{error}");
    assert_eq!(running.all().len(), 2, "{error}");
}

#[test]
fn hidden_files_and_others_are_passed_over_and_bmp_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let bmp = flavours::all().into_iter().find(|flavour| flavour.name == "colour.bmp").unwrap().file;
    fs::write(at("a.bmp"), bmp).unwrap();
    fs::write(at("._a.jpg"), b"\0\x05\x16\x07 what a Mac leaves").unwrap();
    fs::write(at("b.gif"), b"GIF89a").unwrap();
    fs::write(at("notes.txt"), "notes").unwrap();
    let mut running = start(folder_camera(folder.path()));
    assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
    let files: Vec<_> = running.all().into_iter().filter_map(|frame| frame.file).collect();
    assert_eq!(files, ["a.bmp"]);
}

#[test]
fn a_repeated_folder_is_read_anew_each_round_and_no_picture_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for n in 1..=3 {
        fs::write(at(&format!("{n}.jpg")), jpeg(n)).unwrap();
    }
    fs::write(at("2b.jpg"), "damaged").unwrap();
    let running = start(CameraConfig { repeat: true, ..folder_camera(folder.path()) });
    for round in 0..3 {
        for n in 1..=3 {
            assert_eq!(shown(&running), format!("{n}.jpg"), "round {round}");
        }
    }
    assert_eq!(running.damaged.get(), 1, "named and counted once, not each round");
    fs::remove_file(at("2.jpg")).unwrap();
    fs::write(at("9.tmp"), jpeg(9)).unwrap();
    fs::rename(at("9.tmp"), at("9.jpg")).unwrap();
    until_shown(&running, "9.jpg");
    assert_eq!([shown(&running), shown(&running), shown(&running)], ["1.jpg", "3.jpg", "9.jpg"]);
    // Nothing at all: the camera waits and says so; then it goes on.
    for name in ["1.jpg", "3.jpg", "9.jpg"] {
        fs::remove_file(at(name)).unwrap();
    }
    running.until_offline("waiting for pictures");
    fs::write(at("4.tmp"), jpeg(4)).unwrap();
    fs::rename(at("4.tmp"), at("4.jpg")).unwrap();
    running.until_online();
    until_shown(&running, "4.jpg");
    assert!(!running.health.try_iter().any(|health| health == Health::Ended));
}

#[test]
fn a_watched_folder_is_waited_for_and_gives_each_picture_once_when_it_is_whole() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("mounted later");
    let at = |name: &str| folder.join(name);
    let running = start(CameraConfig { watch: true, ..folder_camera(&folder) });
    running.until_offline("cannot be read");
    fs::create_dir(&folder).unwrap();
    running.until_offline("there is no .jpg");
    fs::write(at("b.jpg"), jpeg(1)).unwrap();
    assert_eq!(shown(&running), "b.jpg");
    running.until_online();
    // Half of it lies there, and is no picture yet; then the rest comes.
    let whole = jpeg(2);
    fs::write(at("a.jpg"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at("c.jpg"), jpeg(3)).unwrap();
    assert_eq!(shown(&running), "c.jpg", "each once, and no half one");
    fs::write(at("a.jpg"), &whole).unwrap();
    assert_eq!(shown(&running), "a.jpg");
    // One that is replaced is new.
    fs::write(at("c.jpg"), jpeg(4).iter().copied().chain([0]).collect::<Vec<_>>()).unwrap();
    assert_eq!(shown(&running), "c.jpg");
    fs::remove_dir_all(&folder).unwrap();
    running.until_offline("cannot be read");
    assert!(!running.health.try_iter().any(|health| health == Health::Ended));
}

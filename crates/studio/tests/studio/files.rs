//! Files: named by content, whole or not there, without metadata, with alpha where the format has it.

use std::fs;
use std::path::Path;

use ocellus_studio::{FileFormat, Picture, PictureWriter, RowSink, StudioError, Target, Watch, save};

use crate::support::{load, scenery};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn saved(picture: &Picture, folder: &Path, format: FileFormat) -> ocellus_studio::SavedPicture {
    save(picture, &Target { folder, stem: "a photo", format }, &Watch::none()).unwrap()
}

#[test]
fn a_picture_comes_back_from_its_file_whose_name_is_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let mut picture = scenery(301, 203, 2);
    let opaque = saved(&picture, folder.path(), FileFormat::Png);
    assert!(load(&opaque.path) == picture);
    picture.alpha = Some((0..301 * 203).map(|px| (px % 256) as u8).collect());
    let png = saved(&picture, folder.path(), FileFormat::Png);
    assert!(load(&png.path) == picture);
    let bytes = fs::read(&png.path).unwrap();
    assert_eq!((ocellus_text::sha256(&bytes), bytes.len() as u64), (png.sha256.clone(), png.bytes));
    let name = png.path.file_name().unwrap().to_str().unwrap();
    assert_eq!(name, format!("a photo-{}.png", &png.sha256[..16]));
    // Nothing but pixels: no times, no programs, no profiles.
    let chunks = |kind: &[u8]| bytes.windows(4).any(|window| window == kind);
    assert!(chunks(b"IHDR") && !chunks(b"tIME") && !chunks(b"tEXt") && !chunks(b"eXIf") && !chunks(b"iCCP"));
    // Written again it is the same file, and nothing is left beside it.
    assert_eq!(saved(&picture, folder.path(), FileFormat::Png), png);
    assert_eq!(names(folder.path()).len(), 2);

    picture.alpha = None;
    let jpeg = saved(&picture, folder.path(), FileFormat::Jpeg { quality: 95 });
    let back = load(&jpeg.path);
    let off = back
        .colour
        .data
        .iter()
        .zip(&picture.colour.data)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum::<u64>();
    assert!(off as f64 / (picture.colour.data.len() as f64) < 1.5, "{off}");
    let bytes = fs::read(&jpeg.path).unwrap();
    assert!(!bytes.windows(4).any(|window| window == b"Exif" || window == b"ICC_"));
}

#[test]
fn what_is_not_finished_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    for format in [FileFormat::Png, FileFormat::Jpeg { quality: 80 }] {
        let target = Target { folder: folder.path(), stem: "half", format };
        let mut writer = PictureWriter::create(&target, [40, 200], 3).unwrap();
        (0..100).for_each(|_| writer.row(&[9; 120]).unwrap());
        assert_eq!(names(folder.path()).len(), 1);
        assert!(matches!(writer.row(&[9; 119]), Err(StudioError::Rows { .. })));
        let error = writer.finish().unwrap_err().to_string();
        assert!(error.contains("100 of 200 rows"), "{error}");
        drop(PictureWriter::create(&target, [40, 200], 3).unwrap());
        let cancelled = Watch::new(&|| true, &|_| {});
        let error = save(&scenery(40, 40, 1), &target, &cancelled).unwrap_err();
        assert!(matches!(error, StudioError::Cancelled));
        assert_eq!(names(folder.path()), [""; 0]);
    }
}

#[test]
fn names_that_leave_the_folder_are_refused_and_so_are_sizes_and_folders_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let picture = scenery(4, 4, 1);
    let to = |folder: &Path, stem: &str, format| {
        save(&picture, &Target { folder, stem, format }, &Watch::none()).unwrap_err().to_string()
    };
    let long = "x".repeat(121);
    for stem in ["", ".", "..", "../up", "a/b", "a\\b", "a\nb", "a\0b", ".hidden", &long] {
        let error = to(folder.path(), stem, FileFormat::Png);
        assert!(error.contains("letters, digits"), "{error}");
    }
    let missing = folder.path().join("missing");
    let error = to(&missing, "a", FileFormat::Png);
    assert!(error.contains("missing") && error.contains("folder exists"), "{error}");
    let error = to(folder.path(), "a", FileFormat::Jpeg { quality: 0 });
    assert!(error.contains("quality 0"), "{error}");
    let mut glass = picture.clone();
    glass.alpha = Some(vec![9; 16]);
    let jpeg = Target { folder: folder.path(), stem: "a", format: FileFormat::Jpeg { quality: 90 } };
    let error = save(&glass, &jpeg, &Watch::none()).unwrap_err().to_string();
    assert!(error.contains("transparency") && error.contains("PNG"), "{error}");
    for (size, format) in [([70_000, 3], jpeg.format), ([0, 3], FileFormat::Png), ([0, 3], jpeg.format)] {
        assert!(PictureWriter::create(&Target { format, ..jpeg }, size, 3).is_err(), "{size:?}");
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_folder_that_goes_away_meanwhile_is_an_error_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target { folder: folder.path(), stem: "photo", format: FileFormat::Png };
    let mut writer = PictureWriter::create(&target, [60, 60], 3).unwrap();
    (0..60).for_each(|_| writer.row(&[9; 180]).unwrap());
    fs::remove_dir_all(folder.path()).unwrap();
    let error = writer.finish().unwrap_err().to_string();
    assert!(error.contains("photo-") && error.contains("free space"), "{error}");
}

//! Lists a folder: pictures by name, and files that are skipped.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::image::picture::ENDINGS;

/// The cause that is reported for a folder without pictures.
pub(super) const NO_PICTURE: &str = "there is no .jpg, .jpeg, .png or .bmp file in it";

/// Extensions of picture formats that are not supported.
const OTHER_PICTURES: [&str; 10] =
    ["gif", "webp", "tif", "tiff", "heic", "heif", "avif", "svg", "jp2", "jxl"];

/// Identifies one version of a file, so that a changed file is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    bytes: u64,
    changed: Option<SystemTime>,
}

impl Mark {
    pub(super) fn of(path: &Path) -> Option<Mark> {
        let meta = std::fs::metadata(path).ok()?;
        Some(Mark { bytes: meta.len(), changed: meta.modified().ok() })
    }
}

/// Why a file is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// Hidden: `._a.jpg` is what a Mac leaves beside `a.jpg`.
    Hidden,
    /// A picture in an unsupported format.
    Unreadable,
    /// A file whose name is not that of a picture.
    NoPicture,
}

/// The contents of a folder at one moment.
#[derive(Default)]
pub(super) struct Listing {
    /// In the order of their names.
    pub pictures: Vec<(PathBuf, Option<Mark>)>,
    /// In the order of their names.
    pub others: Vec<(OsString, Other)>,
    /// All names in the folder, pictures or not.
    pub names: HashSet<OsString>,
}

pub(super) fn list(folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        // A dangling link is listed as a file, and its error is reported when it is read.
        if path.is_dir() {
            continue;
        }
        match passed_over(&path) {
            Some(other) => listing.others.push((name.clone(), other)),
            None => listing.pictures.push((path, None)),
        }
        listing.names.insert(name);
    }
    listing.pictures.sort_by(|(a, _), (b, _)| a.cmp(b));
    listing.others.sort_by(|(a, _), (b, _)| a.cmp(b));
    listing.pictures.iter_mut().for_each(|(path, mark)| *mark = Mark::of(path));
    Ok(listing)
}

fn passed_over(path: &Path) -> Option<Other> {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    if hidden {
        return Some(Other::Hidden);
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let one_of = |known: &[&str]| known.iter().any(|known| ending.eq_ignore_ascii_case(known));
    match (one_of(&ENDINGS), one_of(&OTHER_PICTURES)) {
        (true, _) => None,
        (false, true) => Some(Other::Unreadable),
        (false, false) => Some(Other::NoPicture),
    }
}

//! The golden comparison on real pictures of good and bad parts (`aoi` of the test data).

mod align;
mod cookie;
mod figurine;
mod imagediff;
mod road;

use std::path::{Path, PathBuf};

use crate::support::data::data;
use ocellus::image::{Channels, Patch};

fn open(path: &Path) -> Patch {
    let picture = image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Patch { width, height, channels: Channels::Rgb, data: picture.into_raw() }
}

/// The files of a folder, sorted by the number in their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut list: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let digits = |path: &PathBuf| {
        path.file_stem().unwrap().to_string_lossy().replace(|c: char| !c.is_ascii_digit(), "")
    };
    list.sort_by_key(|path| digits(path).parse::<u32>().unwrap_or(0));
    list
}

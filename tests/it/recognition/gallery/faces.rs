//! Faces that nobody has, and a search through every file.

use std::fs;
use std::path::{Path, PathBuf};

use ocellus::store::{Gallery, NewSample, Store};
use ocellus::types::{Channels, Patch};

pub const MODEL: &str = "11aa22bb33cc44dd55ee66ff7788990011aa22bb33cc44dd55ee66ff77889900";

/// A crop and an embedding like no other, decided by `number`.
pub fn face(number: u64) -> NewSample {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    let mut crop = Patch::new(224, 224, Channels::Rgb);
    crop.data.iter_mut().for_each(|byte| *byte = next() as u8);
    let raw: Vec<f32> = (0..128).map(|_| next() as f32 / u32::MAX as f32 - 0.25).collect();
    let length = raw.iter().map(|part| part * part).sum::<f32>().sqrt();
    let embedding = raw.iter().map(|part| part / length).collect();
    NewSample { crop, embedding, quality: 0.75, source: format!("{number}.jpg"), model: MODEL.into() }
}

pub fn open(dir: &Path) -> Store {
    let opened = Store::open(dir).unwrap();
    assert_eq!(opened.set_aside, None);
    opened.store
}

pub fn gallery(dir: &Path) -> Gallery {
    open(dir).gallery()
}

pub fn names(gallery: &Gallery) -> Vec<String> {
    gallery.people().unwrap().into_iter().map(|person| person.name).collect()
}

/// Every file below `dir`.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.is_file() => found.push(path),
            false => {}
        }
    }
    found
}

/// What of a person is to be looked for: the name, any 16 bytes in a row of an embedding, of a crop's file and of its
/// pixels.
pub struct Traces {
    text: Vec<Vec<u8>>,
    rows: std::collections::HashSet<[u8; 16]>,
}

impl Traces {
    pub fn of(names: &[&str], faces: &[NewSample], pngs: &[Vec<u8>]) -> Traces {
        let mut rows = std::collections::HashSet::new();
        let mut add =
            |bytes: &[u8]| rows.extend(bytes.windows(16).map(|row| <[u8; 16]>::try_from(row).unwrap()));
        for face in faces {
            add(&face.embedding.iter().flat_map(|part| part.to_le_bytes()).collect::<Vec<_>>());
            add(&face.crop.data);
        }
        // What every PNG of this size begins and ends with tells nothing.
        pngs.iter().for_each(|png| add(&png[48..png.len() - 20]));
        Traces { text: names.iter().map(|name| name.as_bytes().to_vec()).collect(), rows }
    }

    /// The files below `dir` in which something is found, and what.
    pub fn found(&self, dir: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for path in files(dir) {
            let bytes = fs::read(&path).unwrap();
            for text in &self.text {
                if bytes.windows(text.len()).any(|window| window == text) {
                    found.push(format!("{}: the text {:?}", path.display(), String::from_utf8_lossy(text)));
                }
            }
            if bytes.windows(16).any(|row| self.rows.contains(row)) {
                found.push(format!("{}: bytes of a face", path.display()));
            }
        }
        found
    }
}

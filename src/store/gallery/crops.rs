//! The files of the gallery: aligned faces as PNG, named by their number, and a copy of each person's record
//! without embeddings, so that no person is lost when a store is set aside.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::record::PersonHead;
use super::{GalleryError, SampleError};
use crate::store::files::{UNFINISHED, sync_dir, wipe, write_whole};
use crate::store::{StoreError, png};
use crate::types::{Channels, Patch, PersonId};

/// Files with larger sides are not crops of this program.
const MAX_SIDE: usize = 1_024;

/// The folder of the crops and of the copies of records.
#[derive(Clone)]
pub(super) struct Crops {
    dir: PathBuf,
}

impl Crops {
    pub(super) fn new(dir: PathBuf) -> Crops {
        Crops { dir }
    }

    /// Puts a crop's file on disk.
    pub(super) fn put(&self, sample: u64, file: &[u8]) -> Result<(), GalleryError> {
        self.make()?;
        Ok(write_whole(&self.dir, &format!("{sample}.png"), file)?)
    }

    /// The bytes of the crop's file.
    pub(super) fn file(&self, sample: u64) -> Result<Vec<u8>, GalleryError> {
        let path = self.path(sample);
        fs::read(&path).map_err(|error| GalleryError::Crop { path, cause: error.to_string() })
    }

    /// Reads and decodes the crop of `sample`.
    pub(super) fn read(&self, sample: u64) -> Result<Patch, GalleryError> {
        let fault =
            |cause: SampleError| GalleryError::Crop { path: self.path(sample), cause: cause.to_string() };
        decode(&self.file(sample)?).map_err(fault)
    }

    /// Overwrites and removes a crop; true if there was one.
    pub(super) fn erase(&self, sample: u64) -> Result<bool, GalleryError> {
        let path = self.path(sample);
        let there = path.exists();
        wipe(&path).map_err(|error| StoreError::from_io(&path, error))?;
        Ok(there)
    }

    /// Replaces the copy of a person's record.
    pub(super) fn put_copy(&self, id: PersonId, head: &PersonHead) -> Result<(), GalleryError> {
        let text = serde_json::to_vec(head).unwrap_or_default();
        Ok(write_whole(&self.dir, &format!("{id}.json"), &text)?)
    }

    /// Overwrites and removes the copy of a person's record.
    pub(super) fn erase_copy(&self, id: PersonId) -> Result<(), GalleryError> {
        let path = self.dir.join(format!("{id}.json"));
        wipe(&path).map_err(|error| StoreError::from_io(&path, error))?;
        Ok(())
    }

    /// Makes removals durable, by syncing the folder.
    pub(super) fn sync(&self) -> Result<(), GalleryError> {
        match sync_dir(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::from_io(&self.dir, error).into())
            }
            _ => Ok(()),
        }
    }

    /// The copies of people's records.
    pub(super) fn copies(&self) -> Vec<(PersonId, PersonHead)> {
        let read = |path: &Path| {
            let id = path.file_name()?.to_str()?.strip_suffix(".json")?.parse().ok()?;
            match serde_json::from_slice(&fs::read(path).ok()?) {
                Ok(head) => Some((PersonId(id), head)),
                Err(error) => {
                    tracing::error!(%error, "{} is not a copy of a person's record; it is left alone", path.display());
                    None
                }
            }
        };
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        files.filter_map(|file| read(&file.path())).collect()
    }

    /// Overwrites and removes the crops that no record names, copies without a person, and files that a crash
    /// left unfinished. Returns how many.
    pub(super) fn erase_others(
        &self,
        samples: &HashSet<u64>,
        people: &HashSet<PersonId>,
    ) -> Result<u64, GalleryError> {
        let mut count = 0;
        for file in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let number = |suffix| name.strip_suffix(suffix).and_then(|number| number.parse().ok());
            let stray = number(".png").is_some_and(|sample| !samples.contains(&sample))
                || number(".json").is_some_and(|person| !people.contains(&PersonId(person)));
            if stray || name.ends_with(UNFINISHED) {
                wipe(&file.path()).map_err(|error| StoreError::from_io(&self.dir, error))?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Creates the folder, for the service's user only.
    fn make(&self) -> Result<(), GalleryError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        Ok(made.map_err(|error| StoreError::from_io(&self.dir, error))?)
    }

    fn path(&self, sample: u64) -> PathBuf {
        self.dir.join(format!("{sample}.png"))
    }
}

/// The file of a crop. Errors: why it cannot be encoded.
pub(super) fn encode(crop: &Patch) -> Result<Vec<u8>, SampleError> {
    if crop.channels != Channels::Rgb || crop.width > MAX_SIDE || crop.height > MAX_SIDE {
        let Patch { width, height, channels, .. } = *crop;
        return Err(SampleError::NotCrop { width, height, channels });
    }
    Ok(png::encode(crop)?)
}

/// The crop in a file. Errors: why the file is not a crop.
pub(super) fn decode(file: &[u8]) -> Result<Patch, SampleError> {
    // The size is checked before memory is allocated.
    match png::size(file)? {
        (w, h) if w as usize <= MAX_SIDE && h as usize <= MAX_SIDE => {}
        (width, height) => return Err(SampleError::LargeCrop { width, height, most: MAX_SIDE }),
    }
    let crop = png::decode(file)?;
    match crop.channels {
        Channels::Rgb => Ok(crop),
        _ => Err(SampleError::Grey),
    }
}

//! The files of golden pictures: written completely or not at all, and checked against their names at every
//! read.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::GoldenError;
use crate::store::StoreError;
use crate::store::files::{UNFINISHED, write_whole};
use crate::store::png::{self, PngError};
use crate::types::{Patch, sha256};

/// The folder of the pictures.
#[derive(Clone)]
pub(super) struct Pictures {
    dir: PathBuf,
}

impl Pictures {
    pub(super) fn new(dir: PathBuf) -> Pictures {
        Pictures { dir }
    }

    /// The folder that holds the picture files.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a picture to disk and returns its name. An intact picture that is already there is not written
    /// again.
    pub(super) fn keep(&self, picture: &Patch, name: &str) -> Result<String, GoldenError> {
        let unfit = |fault: PngError| GoldenError::Unfit { name: name.to_owned(), cause: fault.to_string() };
        let file = png::encode(picture).map_err(unfit)?;
        let sha = sha256(&file);
        if self.check(&sha).is_err() {
            write_whole(&self.dir, &format!("{sha}.png"), &file)?;
        }
        Ok(sha)
    }

    /// Reads, checks and decodes the picture named `sha`.
    pub(super) fn read(&self, sha: &str) -> Result<Patch, GoldenError> {
        let file = self.bytes(sha)?;
        png::decode(&file)
            .map_err(|found| GoldenError::Changed { path: self.path(sha), found: found.to_string() })
    }

    /// Checks that the picture exists and matches its name.
    pub(super) fn check(&self, sha: &str) -> Result<(), GoldenError> {
        self.bytes(sha).map(|_| ())
    }

    /// Bytes of a picture's file.
    pub(super) fn length(&self, sha: &str) -> Result<u64, GoldenError> {
        let path = self.path(sha);
        match fs::metadata(&path) {
            Ok(data) if is_sha(sha) && data.is_file() => Ok(data.len()),
            _ => Err(GoldenError::Missing { path }),
        }
    }

    /// Removes every picture that is not in `named`, and unfinished files. Returns how many, and their bytes.
    pub(super) fn remove_others(&self, named: &HashSet<String>) -> Result<(u64, u64), GoldenError> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, 0)),
            Err(error) => return Err(self.failed(error)),
        };
        let (mut count, mut bytes) = (0, 0);
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let stray = name.strip_suffix(".png").is_some_and(|sha| is_sha(sha) && !named.contains(sha));
            if stray || name.ends_with(UNFINISHED) {
                let length = entry.metadata().map_or(0, |data| data.len());
                fs::remove_file(entry.path()).map_err(|error| self.failed(error))?;
                (count, bytes) = (count + 1, bytes + length);
            }
        }
        Ok((count, bytes))
    }

    fn bytes(&self, sha: &str) -> Result<Vec<u8>, GoldenError> {
        let path = self.path(sha);
        // Anything but a hash could lead out of the folder.
        if !is_sha(sha) {
            return Err(GoldenError::Missing { path });
        }
        let file = match fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(GoldenError::Missing { path });
            }
            Err(error) => return Err(StoreError::from_io(&path, error).into()),
        };
        let found = sha256(&file);
        if found == sha {
            return Ok(file);
        }
        let found = format!("{} bytes with SHA-256 {}…", file.len(), &found[..12]);
        Err(GoldenError::Changed { path, found })
    }

    fn path(&self, sha: &str) -> PathBuf {
        self.dir.join(format!("{sha}.png"))
    }

    fn failed(&self, error: io::Error) -> GoldenError {
        StoreError::from_io(&self.dir, error).into()
    }
}

fn is_sha(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

//! A journal of recordings beside their files, because the index on disk is up to half a second behind: after a SIGKILL
//! it says which files are ours. Lines are written with one call each, which survives the process.
//!
//! `DIR/.recorder/NUMBER.journal` holds one recording in JSON a line. A new number begins each second; the former file
//! is removed once the index is on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::store::Recording;

const ENDING: &str = "journal";

/// The journal that is being written.
pub(super) struct Journal {
    dir: PathBuf,
    number: u64,
    file: Option<File>,
}

impl Journal {
    /// The journal in the folder `dir`, which is created with the first line.
    pub(super) fn new(dir: PathBuf) -> Journal {
        let number = numbers(&dir).last().map_or(0, |last| last + 1);
        Journal { dir, number, file: None }
    }

    /// Notes the recording as it is, or is about to be.
    pub(super) fn note(&mut self, recording: &Recording) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                fs::create_dir_all(&self.dir)?;
                let path = path(&self.dir, self.number);
                self.file.insert(OpenOptions::new().create(true).append(true).open(path)?)
            }
        };
        // A line that a full disk cut short must not spoil the next one.
        let mut line = b"\n".to_vec();
        serde_json::to_writer(&mut line, recording)?;
        line.push(b'\n');
        file.write_all(&line)
    }

    /// Begins another file; returns the former ones but the last `kept`, to be removed once the index is on disk. What is
    /// in those that are kept may still be on its way into the index.
    pub(super) fn rotate(&mut self, kept: u64) -> Vec<PathBuf> {
        if self.file.take().is_some() {
            self.number += 1;
        }
        let former = numbers(&self.dir).into_iter().filter(|number| number + kept < self.number);
        former.map(|number| path(&self.dir, number)).collect()
    }
}

/// Every recording that was noted, the latest last.
pub(super) fn read(dir: &Path) -> Vec<Recording> {
    let texts = numbers(dir).into_iter().filter_map(|number| fs::read(path(dir, number)).ok());
    let mut found = Vec::new();
    for text in texts {
        found.extend(text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()));
    }
    found
}

fn numbers(dir: &Path) -> Vec<u64> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut numbers: Vec<u64> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
        .filter_map(|path| path.file_stem()?.to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number}.{ENDING}"))
}

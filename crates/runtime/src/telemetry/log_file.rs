//! The log in files of bounded size: `ocellus.log`, and before it `ocellus.log.1`, `.2`, …
//!
//! A rotation is a row of renames, from the oldest file to the newest. A process that is killed between two of them
//! leaves a gap in the numbers, and no line is lost or in two files. Lines are whole: one that a full disk cut off is
//! taken back, and one that a power failure cut off is ended before the next.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where the log is written, and how much of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFileSettings {
    /// The newest file; older ones have `.1`, `.2`, … behind their name.
    pub path: PathBuf,
    /// A file is set aside before it becomes larger.
    pub max_bytes: u64,
    /// How many files there are at most, the newest included.
    pub files: u32,
}

impl LogFileSettings {
    /// All files that may exist, the oldest first.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        (0..self.files.max(1)).rev().map(|number| numbered(&self.path, number))
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

/// The open file. It is opened by the first write, and again where somebody removed or renamed it.
pub(super) struct LogFile {
    settings: LogFileSettings,
    open: Option<OpenFile>,
}

struct OpenFile {
    file: File,
    bytes: u64,
}

impl LogFile {
    pub(super) fn new(settings: LogFileSettings) -> LogFile {
        LogFile { settings, open: None }
    }

    pub(super) fn settings(&self) -> &LogFileSettings {
        &self.settings
    }

    /// Appends whole lines. After an error none of them is in the file.
    pub(super) fn append(&mut self, lines: &str) -> io::Result<()> {
        let mut open = match self.open.take().filter(|open| open.is_at(&self.settings.path)) {
            Some(open) => open,
            None => OpenFile::open(&self.settings.path)?,
        };
        if open.bytes > 0 && open.bytes + lines.len() as u64 > self.settings.max_bytes {
            drop(open);
            self.rotate()?;
            open = OpenFile::open(&self.settings.path)?;
        }
        open.append(lines.as_bytes())?;
        self.open = Some(open);
        Ok(())
    }

    fn rotate(&self) -> io::Result<()> {
        let LogFileSettings { path, files, .. } = &self.settings;
        if *files < 2 {
            return absent_is_fine(std::fs::remove_file(path));
        }
        for number in (0..files - 1).rev() {
            absent_is_fine(std::fs::rename(numbered(path, number), numbered(path, number + 1)))?;
        }
        Ok(())
    }
}

fn absent_is_fine(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

impl OpenFile {
    fn open(path: &Path) -> io::Result<OpenFile> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let mut bytes = file.metadata()?.len();
        let mut last = [b'\n'];
        if bytes > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        if last != *b"\n" {
            file.write_all(b"\n")?;
            bytes += 1;
        }
        Ok(OpenFile { file, bytes })
    }

    /// Whether the file is still the one at `path`.
    fn is_at(&self, path: &Path) -> bool {
        let identity = |facts: std::fs::Metadata| (facts.dev(), facts.ino());
        let (own, there) = (self.file.metadata().map(identity), std::fs::metadata(path).map(identity));
        matches!((own, there), (Ok(own), Ok(there)) if own == there)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.file.write_all(bytes) {
            Ok(()) => self.bytes += bytes.len() as u64,
            Err(error) => {
                // The disk took a part of them: back to the last whole line.
                self.file.set_len(self.bytes)?;
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn settings(dir: &Path) -> LogFileSettings {
        LogFileSettings { path: dir.join("ocellus.log"), max_bytes: 100, files: 3 }
    }

    /// Every line of all files, the oldest first.
    fn lines(settings: &LogFileSettings) -> Vec<String> {
        let texts = settings.paths().filter_map(|path| fs::read_to_string(path).ok());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    fn write(settings: &LogFileSettings, numbers: std::ops::Range<u32>) {
        let mut log = LogFile::new(settings.clone());
        numbers.for_each(|number| log.append(&format!("line number {number:07}\n")).unwrap());
    }

    #[test]
    fn the_newest_lines_are_there_in_order_within_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path());
        write(&settings, 0..1_000);
        let kept = lines(&settings);
        let wanted: Vec<_> = (1_000 - kept.len()..1_000).map(|n| format!("line number {n:07}")).collect();
        assert_eq!(kept, wanted);
        assert!(kept.len() >= 10, "two full files at least: {}", kept.len());
        let all: u64 =
            fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(all <= 300, "{all}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_rotation_that_was_cut_off_after_any_rename_loses_and_doubles_no_line() {
        for renames in 0..=2 {
            let dir = tempfile::tempdir().unwrap();
            let settings = settings(dir.path());
            write(&settings, 0..14);
            let before = lines(&settings);
            for number in (0..2).rev().take(renames) {
                let (from, to) = (numbered(&settings.path, number), numbered(&settings.path, number + 1));
                fs::rename(from, to).unwrap();
            }
            write(&settings, 14..16);
            let after = lines(&settings);
            let wanted: Vec<_> = (0..16).map(|n| format!("line number {n:07}")).collect();
            assert!(wanted.ends_with(&after), "after {renames} renames: {after:?}");
            assert!(after.len() + 5 >= before.len(), "only the oldest file may go: {after:?}");
        }
    }

    #[test]
    fn a_line_that_was_cut_off_does_not_swallow_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path());
        fs::write(&settings.path, "whole\nhal").unwrap();
        LogFile::new(settings.clone()).append("next\n").unwrap();
        assert_eq!(lines(&settings), ["whole", "hal", "next"]);
    }

    #[test]
    fn a_file_that_somebody_moved_away_is_begun_again() {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path());
        let mut log = LogFile::new(settings.clone());
        log.append("one\n").unwrap();
        fs::rename(&settings.path, dir.path().join("taken")).unwrap();
        log.append("two\n").unwrap();
        fs::remove_file(&settings.path).unwrap();
        log.append("three\n").unwrap();
        assert_eq!(lines(&settings), ["three"]);
        fs::remove_file(&settings.path).unwrap();
        fs::create_dir(&settings.path).unwrap();
        assert!(log.append("four\n").is_err());
    }
}

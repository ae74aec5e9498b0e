//! Files that are complete or absent: written aside, synced, renamed, and named by their content.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::StudioError;

/// Digits of the content's SHA-256 in a file's name.
const DIGITS: usize = 16;
/// Longest stem of a name, bytes.
const LONGEST: usize = 120;
/// Bytes that are collected before they are written.
const CHUNK: usize = 64 << 10;
/// Ends the names of files that are being written or removed.
const PARTIAL: &str = ".part";

/// Whether a name cannot have this letter: it would leave the folder, or could change a terminal.
fn is_unfit(letter: char) -> bool {
    letter == '/' || letter == '\\' || letter.is_control()
}

/// Refuses how the name of a file would begin.
pub(crate) fn check_stem(stem: &str) -> Result<(), StudioError> {
    if stem.is_empty() || stem.len() > LONGEST || stem.starts_with('.') || stem.contains(is_unfit) {
        return Err(StudioError::Name { name: stem.into() });
    }
    Ok(())
}

/// `text` as the name of a file may begin: at most `longest` bytes, other letters become `_`; `picture` where nothing is left.
pub fn plain_stem(text: &str, longest: usize) -> String {
    let plain: String = text.chars().map(|c| if is_unfit(c) { '_' } else { c }).collect();
    match plain[..plain.floor_char_boundary(longest)].trim_start_matches('.') {
        "" => "picture".to_owned(),
        stem => stem.to_owned(),
    }
}

/// A file under a passing name, removed unless it was published.
pub struct AsideFile {
    path: PathBuf,
    folder: PathBuf,
    stem: String,
    is_published: bool,
}

impl AsideFile {
    /// A passing name in `folder`, for a file whose name will begin with `stem`. Nothing is created yet.
    ///
    /// # Errors
    /// A stem that is no name of a file.
    pub fn new(folder: &Path, stem: &str) -> Result<AsideFile, StudioError> {
        check_stem(stem)?;
        // Several files of one name may be written at once.
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".{stem}.{}-{number}{PARTIAL}", std::process::id());
        let (path, folder, stem) = (folder.join(name), folder.to_owned(), stem.to_owned());
        Ok(AsideFile { path, folder, stem, is_published: false })
    }

    /// Where the file is until it is published.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn create(&self) -> Result<File, StudioError> {
        File::create_new(&self.path).map_err(|source| self.error(source))
    }

    /// Syncs the file, whose digest is `sha256`, and gives it its name `FOLDER/STEM-DIGEST.EXTENSION`. A file of that name has
    /// the same content, and is replaced.
    ///
    /// # Errors
    /// The disk refuses; nothing is left behind.
    pub fn publish(mut self, sha256: &str, extension: &str) -> Result<PathBuf, StudioError> {
        let path = self.folder.join(format!("{}-{}.{extension}", self.stem, &sha256[..DIGITS]));
        let synced = File::open(&self.path).and_then(|file| file.sync_all());
        let renamed = synced.and_then(|()| fs::rename(&self.path, &path));
        renamed.map_err(|source| StudioError::Write { path: path.clone(), source })?;
        self.is_published = true;
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| StudioError::Write { path: self.folder.clone(), source })?;
        Ok(path)
    }

    pub(crate) fn error(&self, source: io::Error) -> StudioError {
        StudioError::Write { path: self.path.clone(), source }
    }

    pub(crate) fn of_png(&self, error: png::EncodingError) -> StudioError {
        match error {
            png::EncodingError::IoError(source) => self.error(source),
            other => StudioError::Png(other),
        }
    }

    pub(crate) fn of_image(&self, error: ocellus_image::ImageError) -> StudioError {
        match error {
            ocellus_image::ImageError::Write(source) => self.error(source),
            other => StudioError::Image(other),
        }
    }
}

impl Drop for AsideFile {
    fn drop(&mut self) {
        if !self.is_published {
            // Nothing can be done about it here; [`remove_partial`] finds it at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes a file whose bytes come piece by piece. Dropped before [`FileWriter::finish`], it leaves nothing behind.
pub struct FileWriter {
    file: BufWriter<File>,
    aside: AsideFile,
    digest: Sha256,
    bytes: u64,
}

/// A file whose bytes are all written and that has no name yet. Dropped before [`WrittenFile::publish`], it leaves nothing
/// behind.
pub struct WrittenFile {
    aside: AsideFile,
    /// SHA-256 of the file, as hexadecimal digits.
    pub sha256: String,
    /// Length of the file.
    pub bytes: u64,
}

impl WrittenFile {
    /// Where the file is until it is published.
    pub fn path(&self) -> &Path {
        self.aside.path()
    }

    /// Syncs the file and names it `FOLDER/STEM-DIGEST.EXTENSION`; gives its path.
    ///
    /// # Errors
    /// The disk refuses; nothing is left behind.
    pub fn publish(self, extension: &str) -> Result<PathBuf, StudioError> {
        self.aside.publish(&self.sha256, extension)
    }
}

impl FileWriter {
    /// Begins a file of `folder` whose name begins with `stem`.
    ///
    /// # Errors
    /// A stem that is no name of a file, or a folder that cannot be written.
    pub fn create(folder: &Path, stem: &str) -> Result<FileWriter, StudioError> {
        let aside = AsideFile::new(folder, stem)?;
        let file = BufWriter::with_capacity(CHUNK, aside.create()?);
        Ok(FileWriter { file, aside, digest: Sha256::new(), bytes: 0 })
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StudioError> {
        self.file.write_all(bytes).map_err(|source| self.aside.error(source))?;
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Bytes that were written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the file, which can still be looked at before it is published.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn close(mut self) -> Result<WrittenFile, StudioError> {
        self.file.flush().map_err(|source| self.aside.error(source))?;
        let sha256 = ocellus_text::hex(self.digest.finalize());
        Ok(WrittenFile { aside: self.aside, sha256, bytes: self.bytes })
    }

    /// Ends the file, syncs it and names it `FOLDER/STEM-DIGEST.EXTENSION`; gives the path and the SHA-256.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self, extension: &str) -> Result<(PathBuf, String), StudioError> {
        let written = self.close()?;
        let sha256 = written.sha256.clone();
        Ok((written.publish(extension)?, sha256))
    }
}

/// Writes `bytes` to `FOLDER/STEM-DIGEST.EXTENSION`; gives the path and the SHA-256.
///
/// # Errors
/// A stem that is no name of a file, or a folder that cannot be written; nothing of the file is left then.
pub fn write_file(
    folder: &Path,
    stem: &str,
    extension: &str,
    bytes: &[u8],
) -> Result<(PathBuf, String), StudioError> {
    let mut file = FileWriter::create(folder, stem)?;
    file.write(bytes)?;
    file.finish(extension)
}

/// Removes the file at `path`, unless it was written at the moment `before` or later. Gives whether it is gone.
///
/// # Errors
/// The file cannot be removed.
pub fn remove_older(path: &Path, before: SystemTime) -> io::Result<bool> {
    let is_older = |path: &Path| Ok::<_, io::Error>(fs::symlink_metadata(path)?.modified()? < before);
    match is_older(path) {
        Ok(true) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        other => return other,
    }
    // A file of the same content may be put there at this moment: what was really taken away is looked at once more.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}.{}{PARTIAL}", std::process::id()));
    fs::rename(path, &aside)?;
    if !is_older(&aside)? {
        return fs::rename(&aside, path).map(|()| false);
    }
    fs::remove_file(&aside).map(|()| true)
}

/// Removes the files of `folder` that an earlier process was writing or removing when it died. Gives those that cannot be removed.
pub fn remove_partial(folder: &Path) -> Vec<StudioError> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let partial = entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('.') && name.ends_with(PARTIAL)
    });
    let left = partial.filter_map(|path| match fs::remove_file(&path) {
        Ok(()) => None,
        Err(source) => Some(StudioError::Write { path, source }),
    });
    left.collect()
}

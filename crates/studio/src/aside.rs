//! Files that are complete or absent: written aside, synced, renamed, and named by their content.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::StudioError;

/// Digits of the content's SHA-256 in a file's name.
const DIGITS: usize = 16;
/// Longest stem of a name, bytes.
const LONGEST: usize = 120;
/// Ends the names of files that are being written.
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

/// A file under a passing name, removed unless it was renamed.
pub(crate) struct Aside {
    pub(crate) path: PathBuf,
    is_renamed: bool,
}

impl Aside {
    pub(crate) fn new(folder: &Path, stem: &str) -> Aside {
        // Several files of one name may be written at once.
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".{stem}.{}-{number}{PARTIAL}", std::process::id());
        Aside { path: folder.join(name), is_renamed: false }
    }

    pub(crate) fn create(&self) -> Result<File, StudioError> {
        File::create_new(&self.path).map_err(|source| self.error(source))
    }

    /// Gives the file, which is synced, its name `FOLDER/STEM-DIGEST.EXTENSION`. A file of that name has the same content, and
    /// is replaced.
    pub(crate) fn rename(
        &mut self,
        folder: &Path,
        stem: &str,
        sha256: &str,
        extension: &str,
    ) -> Result<PathBuf, StudioError> {
        let path = folder.join(format!("{stem}-{}.{extension}", &sha256[..DIGITS]));
        fs::rename(&self.path, &path)
            .map_err(|source| StudioError::Write { path: path.clone(), source })?;
        self.is_renamed = true;
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| StudioError::Write { path: folder.to_owned(), source })?;
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

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.is_renamed {
            // Nothing can be done about it here; [`remove_partial`] finds it at the next start.
            let _ = fs::remove_file(&self.path);
        }
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
    check_stem(stem)?;
    let sha256 = ocellus_text::sha256(bytes);
    let mut aside = Aside::new(folder, stem);
    let mut file = aside.create()?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|source| aside.error(source))?;
    let path = aside.rename(folder, stem, &sha256, extension)?;
    Ok((path, sha256))
}

/// Removes the files of `folder` that an earlier process was writing when it died. Gives those that cannot be removed.
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

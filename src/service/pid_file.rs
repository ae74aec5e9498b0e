//! A file with the number of the process, for init systems and scripts that want one.

use std::fs;
use std::path::{Path, PathBuf};

use super::ServiceError;

/// The file, removed when it is dropped, unless another process has written it since.
pub(super) struct PidFile {
    path: PathBuf,
    text: String,
}

impl PidFile {
    /// Writes the file as a whole, in the place of one that a killed process left. Call it when the lock of the state
    /// directory is held, so that a second instance cannot replace the file of the first.
    pub(super) fn write(path: &Path) -> Result<PidFile, ServiceError> {
        let text = format!("{}\n", std::process::id());
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let fresh = PathBuf::from(name);
        let written = fs::write(&fresh, &text).and_then(|()| fs::rename(&fresh, path));
        written.map_err(|source| ServiceError::PidFile { path: path.to_owned(), source })?;
        Ok(PidFile { path: path.to_owned(), text })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_goes_with_its_process_and_not_with_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ocellus.pid");
        fs::write(&path, "4711\n").unwrap();
        let file = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        drop(file);
        assert!(!path.exists());
        let file = PidFile::write(&path).unwrap();
        fs::write(&path, "4711\n").unwrap();
        drop(file);
        assert!(path.exists());
        assert!(PidFile::write(Path::new("/nowhere/ocellus.pid")).is_err());
    }
}

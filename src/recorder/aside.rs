//! Files that are written in a folder of incomplete ones and renamed when they are complete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::error::RecorderError;
use crate::store::{FileRole, RecordedFile};

/// Holds files that are not complete. Files that are in it at the start were left by a crash.
pub(super) const PARTIAL: &str = ".partial";
/// Holds the journal of recordings.
pub(super) const JOURNAL: &str = ".recorder";

/// A file in the folder of incomplete ones. Removed when dropped, unless it was published or is left to the next start.
pub(super) struct AsideFile {
    pub(super) role: FileRole,
    pub(super) ending: &'static str,
    path: PathBuf,
    kept: bool,
}

impl AsideFile {
    /// A file of recording `id`; nothing is created yet.
    pub(super) fn new(root: &Path, id: u64, role: FileRole, ending: &'static str) -> AsideFile {
        let name = match role {
            FileRole::Raw => "raw",
            FileRole::Annotated => "annotated",
            FileRole::Sidecar => "sidecar",
        };
        AsideFile {
            role,
            ending,
            path: root.join(PARTIAL).join(format!("{id}.{name}.{ending}")),
            kept: false,
        }
    }

    /// A file with `bytes` in it.
    pub(super) fn written(self, bytes: &[u8]) -> Result<AsideFile, RecorderError> {
        let write = |path: &Path| create(path)?.write_all(bytes);
        write(&self.path).map_err(|source| RecorderError::write(&self.path, source))?;
        Ok(self)
    }

    /// The file that an earlier process has left there: it is not removed when this is dropped.
    pub(super) fn left(self) -> AsideFile {
        let mut left = self;
        left.kept = true;
        left
    }

    /// The same file, to be published; it stays where it is if that fails.
    pub(super) fn again(&self) -> AsideFile {
        AsideFile { role: self.role, ending: self.ending, path: self.path.clone(), kept: true }
    }

    /// Where the file is now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The facts about the file for the index, under the name that it will have.
    pub(super) fn facts(&self, path: String) -> Result<RecordedFile, RecorderError> {
        let facts =
            fs::symlink_metadata(&self.path).map_err(|source| RecorderError::write(&self.path, source))?;
        Ok(RecordedFile { role: self.role, path, bytes: facts.len(), inode: facts.ino() })
    }

    /// Moves it to `to` below `root`. False where something is there already.
    pub(super) fn publish(&mut self, root: &Path, to: &str) -> Result<bool, RecorderError> {
        let target = root.join(to);
        let moved =
            rename_aside(&self.path, &target).map_err(|source| RecorderError::write(&target, source))?;
        self.kept |= moved;
        Ok(moved)
    }
}

impl Drop for AsideFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates the file and the folder that it is in.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let open = || File::options().write(true).create(true).truncate(true).open(path);
    match (open(), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(parent)?;
            open()
        }
        (opened, _) => opened,
    }
}

/// Renames `from` to `to`, and creates the folder; false where `to` exists, which is never replaced.
fn rename_aside(from: &Path, to: &Path) -> io::Result<bool> {
    let rename = || match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system can do it in one step; a link cannot replace anything either.
        Err(Errno::INVAL | Errno::NOSYS) => fs::hard_link(from, to).and_then(|()| fs::remove_file(from)),
        renamed => renamed.map_err(io::Error::from),
    };
    let renamed = match (rename(), to.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(parent)?;
            rename()
        }
        (renamed, _) => renamed,
    };
    match renamed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the file below `root` is the one that was recorded; an error where that cannot be found out.
pub(super) fn is_ours(root: &Path, file: &RecordedFile) -> io::Result<bool> {
    let facts = fs::symlink_metadata(root.join(&file.path))?;
    let device = fs::metadata(root)?.dev();
    Ok(facts.is_file() && facts.ino() == file.inode && facts.dev() == device && facts.len() == file.bytes)
}

/// Free space for this process on the disk of `root`, bytes.
pub(super) fn free_bytes(root: &Path) -> io::Result<u64> {
    let facts = rustix::fs::statvfs(root)?;
    Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
}

//! Files that have their names only when they are complete.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::BatchFault;

/// A file that is written as `NAME.partial`; dropped before [`WholeFile::finish`], it is removed.
#[derive(Debug)]
pub(super) struct WholeFile {
    target: PathBuf,
    partial: PathBuf,
    file: File,
    replaces: bool,
    is_named: bool,
}

impl WholeFile {
    /// Begins the file `target`; with `replaces` it may be there already. What a process that was killed left of it is
    /// written over.
    pub(super) fn begin(target: &Path, replaces: bool) -> Result<WholeFile, BatchFault> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = target.with_file_name(name);
        if !replaces && target.symlink_metadata().is_ok() {
            return Err(BatchFault::Exists { path: target.to_owned() });
        }
        let fail = |source| BatchFault::Write { path: target.to_owned(), source };
        loop {
            let file =
                File::options().write(true).create(true).truncate(false).open(&partial).map_err(fail)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(BatchFault::Busy { path: target.to_owned() }),
                Err(TryLockError::Error(source)) => return Err(fail(source)),
            }
            // Whoever held the lock may have given the file its name meanwhile: then it is not ours to empty.
            let own = file.metadata().map_err(fail)?;
            if fs::metadata(&partial).is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino()))
            {
                file.set_len(0).map_err(fail)?;
                let target = target.to_owned();
                return Ok(WholeFile { target, partial, file, replaces, is_named: false });
            }
        }
    }

    /// The file, to be written from its start.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Brings what was written to the disk, and gives it its name.
    pub(super) fn finish(mut self) -> Result<(), BatchFault> {
        let fail = |source| BatchFault::Write { path: self.target.clone(), source };
        self.file.sync_all().map_err(fail)?;
        match self.rename() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BatchFault::Exists { path: self.target.clone() });
            }
            outcome => outcome.map_err(fail)?,
        }
        self.is_named = true;
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(|source| BatchFault::Write { path: self.target.clone(), source })
    }

    fn rename(&self) -> io::Result<()> {
        if self.replaces {
            return fs::rename(&self.partial, &self.target);
        }
        match renameat_with(CWD, &self.partial, CWD, &self.target, RenameFlags::NOREPLACE) {
            // Network shares and sticks do not know the flag; that nothing was there was seen at the beginning.
            Err(Errno::INVAL | Errno::NOSYS) if self.target.symlink_metadata().is_err() => {
                fs::rename(&self.partial, &self.target)
            }
            Err(Errno::INVAL | Errno::NOSYS) => Err(io::ErrorKind::AlreadyExists.into()),
            outcome => Ok(outcome?),
        }
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.is_named {
            // The error that is under way says more than one of the tidying.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

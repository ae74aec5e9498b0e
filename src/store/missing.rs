//! Checks whether the files of an open store are still those in its directory: sled continues to write into
//! removed files, and after a restart nothing of that is found.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Store;
use super::open::MARK;
use crate::types::Explanation;

/// Device and inode of sled's file when it was opened. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct FileIdentity(Arc<Mutex<Option<(u64, u64)>>>);

impl FileIdentity {
    /// Remembers the file of the store at `path`, which has just been opened.
    pub fn note(&self, path: &Path) {
        *self.0.lock() = identity(path);
    }

    fn is(&self, path: &Path) -> bool {
        *self.0.lock() == identity(path)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path.join("db")).ok().map(|file| (file.dev(), file.ino()))
}

impl Store {
    /// Describes what happened if the store's directory was emptied or replaced while it is open: what is
    /// written now will be lost at a restart. `None` while all is well, while the store is closed, and while
    /// it is being rewritten.
    pub fn missing(&self) -> Option<Explanation> {
        // The lock is not waited for, because a rewriting holds it for seconds and swaps the files.
        let held = self.try_db()?;
        held.as_ref()?;
        let path = self.path();
        let what = match path.join(MARK).exists() {
            true if self.identity.is(path) => return None,
            true => "was replaced",
            false => "was emptied or removed",
        };
        Some(Explanation::new(
            format!("the store {} {what} while the service runs", path.display()),
            "put it back, or restart the service to begin a new one: until then events are kept only while it runs",
        ))
    }
}

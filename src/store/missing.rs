//! Whether the files of an open store are still the ones in its directory: sled goes on writing into files that were
//! removed, and nothing of that is found after a restart.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Store;
use super::open::MARK;

/// Device and inode of sled's file when it was opened. Clones are the same.
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
    /// What became of the store's directory, if it was emptied or replaced while it is open: what is written now is not
    /// found after a restart. `None` while all is well, while the store is closed, and while it is being rewritten.
    pub fn missing(&self) -> Option<String> {
        // Not waited for: a rewriting holds it for seconds, and swaps the files.
        let held = self.try_db()?;
        held.as_ref()?;
        let path = self.path();
        let what = match path.join(MARK).exists() {
            true if self.identity.is(path) => return None,
            true => "was replaced",
            false => "was emptied or removed",
        };
        Some(format!(
            "the store {} {what} while the service runs; put it back, or restart the service to begin a new one: until \
             then events are kept only while it runs",
            path.display()
        ))
    }
}

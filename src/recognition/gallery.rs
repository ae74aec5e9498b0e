//! Shares the gallery index in force with all workers that look faces up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::GalleryIndex;

/// Holds the index in force. Reading it clones an `Arc`; a new index replaces it as a whole.
#[derive(Debug, Default)]
pub struct Gallery {
    index: Mutex<Arc<GalleryIndex>>,
    version: AtomicU64,
}

impl Gallery {
    /// A gallery with `index` in force.
    pub fn new(index: Arc<GalleryIndex>) -> Gallery {
        Gallery { index: Mutex::new(index), version: AtomicU64::new(0) }
    }

    /// Puts another index in force for all further look-ups. Its new version shows that earlier answers are
    /// out of date.
    pub fn set(&self, index: Arc<GalleryIndex>) {
        let mut current = self.index.lock();
        *current = index;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The index in force, and its version.
    pub fn get(&self) -> (Arc<GalleryIndex>, u64) {
        let current = self.index.lock();
        (current.clone(), self.version())
    }

    /// The version of the index: the number of indices that were put in force.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}

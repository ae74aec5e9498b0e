//! Sources of consecutive numbers, such as those of acquisitions and tracks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Returns increasing numbers, each once. Clones share one source.
#[derive(Clone)]
pub struct Numbering(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Numbering {
    /// Takes numbers from `next`. It is called in time-critical code, so it must not usually wait for a disk.
    pub fn new(next: impl Fn() -> u64 + Send + Sync + 'static) -> Numbering {
        Numbering(Arc::new(next))
    }

    /// Counts in memory from `first`, for tools that store nothing.
    pub fn from_first(first: u64) -> Numbering {
        let next = AtomicU64::new(first);
        Numbering::new(move || next.fetch_add(1, Ordering::Relaxed))
    }

    /// Takes the next number from the source.
    pub fn next(&self) -> u64 {
        (self.0)()
    }
}

impl std::fmt::Debug for Numbering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Numbering")
    }
}

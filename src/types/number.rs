//! Where the next number of something comes from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Gives out numbers that grow, each once. Clones draw from the same source.
#[derive(Clone)]
pub struct Numbering(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Numbering {
    /// Numbers as `next` gives them. It is called where time matters, and must not wait for a disk in the usual case.
    pub fn new(next: impl Fn() -> u64 + Send + Sync + 'static) -> Numbering {
        Numbering(Arc::new(next))
    }

    /// Counts in memory alone, from `first` on: for tools that keep nothing.
    pub fn from_first(first: u64) -> Numbering {
        let next = AtomicU64::new(first);
        Numbering::new(move || next.fetch_add(1, Ordering::Relaxed))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        (self.0)()
    }
}

impl std::fmt::Debug for Numbering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Numbering")
    }
}

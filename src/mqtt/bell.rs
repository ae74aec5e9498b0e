//! A bell: rung from any thread without waiting, heard by one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Ringing twice before it is heard is ringing once.
#[derive(Debug, Default)]
pub(super) struct WriterBell {
    rung: AtomicBool,
    /// A blocking mutex, because it is held only around the wait.
    guard: Mutex<()>,
    signal: Condvar,
}

impl WriterBell {
    /// Rings. Costs one atomic exchange when it is already ringing.
    pub(super) fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            // The lock orders this after a listener's look at `rung`, so that no ring falls between its
            // look and its wait.
            drop(self.guard.lock());
            self.signal.notify_one();
        }
    }

    /// Waits for a ring, at most `patience`; clears it.
    pub(super) fn wait(&self, patience: Duration) {
        let mut guard = self.guard.lock();
        if !self.rung.swap(false, Ordering::SeqCst) {
            self.signal.wait_for(&mut guard, patience);
            self.rung.store(false, Ordering::SeqCst);
        }
    }
}

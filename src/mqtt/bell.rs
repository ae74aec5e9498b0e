//! A bell: rung from any thread without waiting, heard by one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// Ringing twice before it is heard is ringing once.
#[derive(Debug, Default)]
pub(super) struct WriterBell {
    rung: AtomicBool,
    /// A `std::sync::Mutex`, because it is held only around the wait.
    guard: Mutex<()>,
    signal: Condvar,
}

impl WriterBell {
    /// Rings. Costs one atomic exchange when it is already ringing.
    pub(super) fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            // The lock orders this after a listener's look at `rung`, so that no ring falls between its
            // look and its wait.
            drop(self.guard.lock().unwrap_or_else(|e| e.into_inner()));
            self.signal.notify_one();
        }
    }

    /// Waits for a ring, at most `patience`; clears it.
    pub(super) fn wait(&self, patience: Duration) {
        let guard = self.guard.lock().unwrap_or_else(|e| e.into_inner());
        if !self.rung.swap(false, Ordering::SeqCst) {
            drop(self.signal.wait_timeout(guard, patience).unwrap_or_else(|e| e.into_inner()));
            self.rung.store(false, Ordering::SeqCst);
        }
    }
}

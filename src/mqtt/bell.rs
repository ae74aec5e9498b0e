//! Wakes the writer thread: any thread rings without waiting, one thread waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Rings before the next wait count as one.
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
            // The lock orders this after the waiter's check of `rung`, so that no ring falls between its
            // check and its wait.
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

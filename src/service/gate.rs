//! Holds the first frames until the models are warm.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::supervisor::Stop;

/// How often a waiter looks at its stop token.
const LOOK: Duration = Duration::from_millis(50);

/// Closed at first; once open it stays open, and costs one load.
#[derive(Debug, Default)]
pub(super) struct StartGate {
    open: AtomicBool,
    lock: Mutex<()>,
    opened: Condvar,
}

impl StartGate {
    pub(super) fn open(&self) {
        let _guard = self.lock.lock().unwrap_or_else(|e| e.into_inner());
        self.open.store(true, Ordering::Release);
        self.opened.notify_all();
    }

    /// Waits until the gate is open; false when `stop` was asked for first.
    pub(super) fn pass(&self, stop: &Stop) -> bool {
        if self.open.load(Ordering::Acquire) {
            return true;
        }
        let mut guard = self.lock.lock().unwrap_or_else(|e| e.into_inner());
        while !self.open.load(Ordering::Acquire) {
            if stop.is_stopped() {
                return false;
            }
            guard = self.opened.wait_timeout(guard, LOOK).unwrap_or_else(|e| e.into_inner()).0;
        }
        true
    }
}

//! Holds the first frames until the models are warm.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::supervisor::Stop;

/// How often a waiting thread checks its stop token.
const LOOK: Duration = Duration::from_millis(50);

/// Closed at first. Once open it stays open, and a pass costs one load.
#[derive(Debug, Default)]
pub(super) struct StartGate {
    open: AtomicBool,
    lock: Mutex<()>,
    opened: Condvar,
}

impl StartGate {
    pub(super) fn open(&self) {
        let _guard = self.lock.lock();
        self.open.store(true, Ordering::Release);
        self.opened.notify_all();
    }

    /// Waits until the gate is open; false if `stop` came first.
    pub(super) fn pass(&self, stop: &Stop) -> bool {
        if self.open.load(Ordering::Acquire) {
            return true;
        }
        let mut guard = self.lock.lock();
        while !self.open.load(Ordering::Acquire) {
            if stop.is_stopped() {
                return false;
            }
            self.opened.wait_for(&mut guard, LOOK);
        }
        true
    }
}

//! The primitives under the ring: those of the standard library, or loom's where the models run.

use std::time::{Duration, Instant};

#[cfg(loom)]
use loom as base;
#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell;
#[cfg(not(loom))]
use std as base;
#[cfg(not(loom))]
pub(crate) use std::thread::park_timeout;

pub(crate) use base::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
pub(crate) use base::sync::{Arc, Mutex, MutexGuard};
pub(crate) use base::thread::{Thread, current};

/// Gives the standard `UnsafeCell` loom's interface: access only inside a closure.
#[cfg(not(loom))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> UnsafeCell<T> {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}

/// The models have no timeout: where only a timeout would end a sleep, a wake-up was lost, and loom reports a
/// deadlock.
#[cfg(loom)]
pub(crate) fn park_timeout(_limit: Duration) {
    loom::thread::park();
}

/// The core on which the calling thread runs; the same for all threads where that is unknown.
pub(crate) fn this_core() -> usize {
    if cfg!(any(loom, miri)) { 0 } else { rustix::thread::sched_getcpu() }
}

/// How long to poll before a sleep, because a hand-off at full speed takes less time than a wake-up. This is
/// about twice the cost of a wake-up: less loses to sleeping, and more hardly gains.
const PATIENCE: Duration = Duration::from_micros(25);

/// The polling phase of one wait.
#[derive(Default)]
pub(crate) struct Polls {
    turns: u32,
    until: Option<Instant>,
}

impl Polls {
    /// Waits for a moment; returns false when it is time to sleep, in the models at once. Yields now and
    /// then, because polling may keep the awaited thread from running.
    pub(crate) fn poll(&mut self) -> bool {
        self.turns += 1;
        if !self.turns.is_multiple_of(16) {
            std::hint::spin_loop();
            return !cfg!(loom);
        }
        let now = Instant::now();
        std::thread::yield_now();
        now < *self.until.get_or_insert(now + PATIENCE)
    }
}

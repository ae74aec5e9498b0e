//! Sleeping until a 32-bit word changes: Linux's futex (futex(2)), or loom's lock and condition in the models.

use std::time::Duration;

use super::sync::AtomicU32;

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(loom, allow(dead_code))] // no time in the models
pub(super) enum Slept {
    /// Woken, interrupted by a signal, or the word had another value.
    Woken,
    /// The time was over.
    TimedOut,
}

/// A word that threads sleep on.
#[cfg(not(loom))]
#[derive(Debug)]
pub(super) struct Futex(pub(super) AtomicU32);

#[cfg(not(loom))]
impl Futex {
    pub(super) fn new(value: u32) -> Futex {
        Futex(AtomicU32::new(value))
    }

    /// Sleeps while the word is `expected`, for at most `timeout`. The kernel compares and falls asleep in one
    /// step with respect to [`Futex::wake`].
    pub(super) fn wait(&self, expected: u32, timeout: Option<Duration>) -> Slept {
        let limit = timeout.map(|limit| libc::timespec {
            tv_sec: limit.as_secs().min(i32::MAX as u64) as libc::time_t,
            tv_nsec: limit.subsec_nanos() as _,
        });
        let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let op = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the word and the timespec outlive the call; FUTEX_WAIT reads both and writes neither.
        let rc = unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), op, expected, limit) };
        let timed_out = rc == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ETIMEDOUT);
        if timed_out { Slept::TimedOut } else { Slept::Woken }
    }

    /// Wakes at most `count` sleepers.
    pub(super) fn wake(&self, count: i32) {
        let op = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: FUTEX_WAKE uses the word's address as a key only.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), op, count) };
    }
}

/// The same face for the models. A time limit is not modelled: a model in which only the limit would end
/// a sleep is a lost wake-up, and loom reports it as a deadlock.
#[cfg(loom)]
#[derive(Debug)]
pub(super) struct Futex(pub(super) AtomicU32, loom::sync::Mutex<()>, loom::sync::Condvar);

#[cfg(loom)]
impl Futex {
    pub(super) fn new(value: u32) -> Futex {
        Futex(AtomicU32::new(value), loom::sync::Mutex::new(()), loom::sync::Condvar::new())
    }

    pub(super) fn wait(&self, expected: u32, _timeout: Option<Duration>) -> Slept {
        let gate = self.1.lock().unwrap();
        if self.0.load(super::sync::Ordering::SeqCst) == expected {
            drop(self.2.wait(gate).unwrap());
        }
        Slept::Woken
    }

    pub(super) fn wake(&self, count: i32) {
        let _gate = self.1.lock().unwrap();
        if count == 1 { self.2.notify_one() } else { self.2.notify_all() }
    }
}

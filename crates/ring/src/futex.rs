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
    /// step with respect to [`Futex::wake`]. `mark` (not 0) is what [`Futex::wake_marked`] tells sleepers apart by.
    pub(super) fn wait(&self, expected: u32, timeout: Option<Duration>, mark: u32) -> Slept {
        let until = timeout.map(instant_after);
        let until = until.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let op = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG;
        let second_word = std::ptr::null::<u32>();
        // SAFETY: the word and the timespec outlive the call, which reads both and writes neither; it has no use for
        // a second word.
        let rc = unsafe {
            libc::syscall(libc::SYS_futex, self.0.as_ptr(), op, expected, until, second_word, mark)
        };
        let timed_out = rc == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ETIMEDOUT);
        if timed_out { Slept::TimedOut } else { Slept::Woken }
    }

    /// Wakes at most `count` sleepers.
    pub(super) fn wake(&self, count: i32) {
        let op = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: FUTEX_WAKE uses the word's address as a key only.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), op, count) };
    }

    /// Wakes one of the sleepers that have a mark in common with `marks`; whether there was one.
    pub(super) fn wake_marked(&self, marks: u32) -> bool {
        let op = libc::FUTEX_WAKE_BITSET | libc::FUTEX_PRIVATE_FLAG;
        let (no_time, second_word) = (std::ptr::null::<libc::timespec>(), std::ptr::null::<u32>());
        // SAFETY: FUTEX_WAKE_BITSET uses the word's address as a key only; time and second word are unused.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), op, 1, no_time, second_word, marks) > 0 }
    }
}

/// In one second.
#[cfg(not(loom))]
const NANOS: libc::c_long = 1_000_000_000;

/// `wait` from now on the clock that FUTEX_WAIT_BITSET goes by.
#[cfg(not(loom))]
fn instant_after(wait: Duration) -> libc::timespec {
    /// More than any wait of ours, and far from the end of a 32-bit clock.
    const LONGEST_S: u64 = 1 << 30;
    let mut until = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills in the timespec; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut until) };
    until.tv_sec += wait.as_secs().min(LONGEST_S) as libc::time_t;
    until.tv_nsec += wait.subsec_nanos() as libc::c_long;
    if until.tv_nsec >= NANOS {
        (until.tv_sec, until.tv_nsec) = (until.tv_sec + 1, until.tv_nsec - NANOS);
    }
    until
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

    pub(super) fn wait(&self, expected: u32, _timeout: Option<Duration>, _mark: u32) -> Slept {
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

    /// Of all sleepers: who is not marked is as likely to be found. Its caller wakes anybody where nobody was.
    pub(super) fn wake_marked(&self, _marks: u32) -> bool {
        false
    }
}

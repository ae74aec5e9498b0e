//! The bell: threads sleep here until something changes. A change that finds no waiter costs one barrier and
//! one load.
//!
//! A waiter arms the bell, checks for work once more, then sleeps. The thread that makes a change checks
//! afterwards whether the bell is armed. Both pass a full barrier between their two steps, so at least one of
//! them sees the other (Dekker's argument), and no wake-up is lost. Sleepers are kept in a list, because the
//! choice of the one to wake matters.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use crate::sync::{
    Arc, AtomicBool, Mutex, MutexGuard, Ordering, Thread, current, fence, park_timeout, this_core,
};

/// Capacity reserved for sleepers, so that waiting allocates nothing.
const EXPECTED_SLEEPERS: usize = 64;

/// A wake-up signal shared by a group of rings and the threads that serve them.
pub struct Bell {
    /// Whether a thread has checked since the last ring and may be about to sleep, or sleeps. Written under
    /// the lock.
    armed: CachePadded<AtomicBool>,
    waiters: Mutex<Waiters>,
}

struct Waiters {
    /// How often the bell rang while it was armed.
    rung: u64,
    /// The sleeping threads, in the order in which they fell asleep.
    sleepers: Vec<Sleeper>,
}

struct Sleeper {
    thread: Thread,
    /// The core on which it ran when it fell asleep.
    core: usize,
}

impl Bell {
    /// Makes a bell without waiters.
    pub fn new() -> Arc<Bell> {
        Arc::new(Bell::unshared())
    }

    pub(crate) fn unshared() -> Bell {
        let waiters = Waiters { rung: 0, sleepers: Vec::with_capacity(EXPECTED_SLEEPERS) };
        Bell { armed: CachePadded::new(AtomicBool::new(false)), waiters: Mutex::new(waiters) }
    }

    /// Announces a change. Wakes one of the threads that sleep in [`Bell::wait`]: every thread that waits
    /// there must be able to serve whatever the bell is rung for. A sleeper on the ringer's own core is woken
    /// only where there is no other: the ringer goes on working (a decoder at its next frame), and until the
    /// next scheduler tick, milliseconds later, the kernel would move neither of the two.
    pub fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.is_armed() {
            let woken = self.wake(|sleepers| {
                let here = this_core();
                let away = sleepers.iter().position(|sleeper| sleeper.core != here).unwrap_or(0);
                (away < sleepers.len()).then(|| sleepers.remove(away))
            });
            woken.into_iter().for_each(|sleeper| sleeper.thread.unpark());
        }
    }

    /// Whether a thread may be waiting. Check it after a change and a full barrier.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Relaxed)
    }

    /// Wakes all waiters, for shutdown or a change that concerns all.
    pub fn ring_all(&self) {
        fence(Ordering::SeqCst);
        if self.is_armed() {
            self.wake(|sleepers| sleepers.drain(..).for_each(|sleeper| sleeper.thread.unpark()));
        }
    }

    /// The count keeps threads awake that have checked but do not sleep yet; the bell stays armed for the
    /// remaining sleepers.
    #[cold]
    fn wake<R>(&self, choose: impl FnOnce(&mut Vec<Sleeper>) -> R) -> R {
        let mut waiters = self.lock();
        waiters.rung += 1;
        let chosen = choose(&mut waiters.sleepers);
        self.armed.store(!waiters.sleepers.is_empty(), Ordering::Relaxed);
        chosen
    }

    /// Announces a waiter. Call it, then check for work, and if there is none pass the result to
    /// [`Bell::wait`]: a ring after this call ends that wait. It takes a lock, so check for work once before
    /// it.
    pub fn seen(&self) -> u64 {
        let waiters = self.lock();
        self.armed.store(true, Ordering::Relaxed);
        let rung = waiters.rung;
        drop(waiters);
        fence(Ordering::SeqCst);
        rung
    }

    /// Sleeps until the bell has rung since [`Bell::seen`], for at most `timeout` (`None`: no limit). Returns
    /// false when the timeout has passed.
    pub fn wait(&self, seen: u64, timeout: Option<Duration>) -> bool {
        // The loom models have no time, so they have no limit.
        let limit = timeout.filter(|_| !cfg!(loom)).unwrap_or(Duration::MAX);
        let start = Instant::now();
        let thread = current();
        let me = thread.id();
        let mut waiters = self.lock();
        if waiters.rung != seen {
            return true;
        }
        waiters.sleepers.push(Sleeper { thread, core: this_core() });
        loop {
            drop(waiters);
            park_timeout(limit.saturating_sub(start.elapsed()));
            waiters = self.lock();
            // The ringer takes the sleeper off the list; other code may also unpark a thread.
            let Some(place) = waiters.sleepers.iter().position(|sleeper| sleeper.thread.id() == me) else {
                return true;
            };
            if start.elapsed() >= limit {
                waiters.sleepers.remove(place);
                return false;
            }
        }
    }

    /// Ignores poisoning, because nothing that panics runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

    use super::*;

    fn pin_to(core: usize) {
        let mut set = CpuSet::new();
        set.set(core);
        sched_setaffinity(None, &set).unwrap();
    }

    /// Whether the kernel has put the thread to sleep.
    fn sleeps(thread: i32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().starts_with('S')
    }

    #[test]
    fn of_two_sleepers_the_one_away_from_the_ringers_core_is_woken() {
        let allowed = sched_getaffinity(None).unwrap();
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let here = cores.next().unwrap();
        let Some(there) = cores.next() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "with CI set no test is skipped: there is but one core"
            );
            return println!("SKIPPED, NOT PASSED: there is but one core");
        };
        for turn in 0..20 {
            let bell = Bell::new();
            let (woken, who) = channel();
            // Without another criterion the thread that fell asleep first is woken first, so that each gets
            // its turn.
            let order = if turn % 2 == 0 { [here, there] } else { [there, here] };
            let sleepers = order.map(|core| {
                let (sleeping, woken) = (bell.clone(), woken.clone());
                let (send_tid, tid) = channel();
                let before = bell.lock().sleepers.len();
                let thread = thread::spawn(move || {
                    pin_to(core);
                    send_tid.send(gettid().as_raw_nonzero().get()).unwrap();
                    let seen = sleeping.seen();
                    sleeping.wait(seen, None);
                    woken.send(core).unwrap();
                });
                let tid = tid.recv().unwrap();
                while bell.lock().sleepers.len() == before || !sleeps(tid) {
                    thread::yield_now();
                }
                (thread, tid, core)
            });
            let ringer = bell.clone();
            thread::spawn(move || {
                pin_to(here);
                ringer.ring();
            })
            .join()
            .unwrap();
            assert_eq!(who.recv().unwrap(), there, "turn {turn}");
            let (_, other, _) = sleepers.iter().find(|(.., core)| *core == here).unwrap();
            assert!(sleeps(*other), "one ring wakes one");
            bell.ring_all();
            for (thread, ..) in sleepers {
                thread.join().unwrap();
            }
        }
    }
}

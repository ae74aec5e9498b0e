//! The bell: an event count on a futex. Whoever waits on any number of rings sleeps here, and a commit
//! that finds nobody waiting pays two loads.
//!
//! The waiter announces itself, looks once more, then sleeps; the ringer changes the world, then looks for
//! announcements. With a full barrier between the two steps on both sides, one of them sees the other
//! (Dekker's argument), so no wake-up is lost. Commits are many and sleeps are few, so the waiter pays for
//! both barriers where the kernel can do that (`sync::heavy_fence`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::futex::{Futex, Slept};
use super::sync::{
    AtomicU32, Line, Ordering, fence, fence_after_rmw, give_way, heavy_fence, light_fence, pause,
    prepare_fences, this_core,
};

/// Bit 0 of the epoch: somebody looked since the last ring and may be about to sleep.
const ARMED: u32 = 1;
/// Half words of `sleepers`: those of whom any one will do, and those who must each be woken.
const ANY: u32 = 1;
const EACH: u32 = 1 << 16;
/// Turns of a spin between two looks at the clock.
const TURNS: u32 = 32;

/// Shared by a group of rings and the threads that serve them.
#[derive(Debug)]
pub struct Bell {
    epoch: Line<Futex>,
    sleepers: AtomicU32,
}

impl Bell {
    /// A bell that nobody listens to yet.
    pub fn new() -> Arc<Bell> {
        Arc::new(Bell::silent())
    }

    pub(super) fn silent() -> Bell {
        prepare_fences();
        Bell { epoch: Line(Futex::new(0)), sleepers: AtomicU32::new(0) }
    }

    /// Tells that something changed. Wakes one of those who sleep in [`Bell::wait`]: every thread that waits
    /// there must be able to serve whatever the bell is rung for. Who sleeps on the ringer's own core is woken
    /// only where nobody else sleeps: the ringer works on (a decoder at its next frame), and until the next tick
    /// of the clock, milliseconds later, the kernel would move neither of the two. Cheap when nobody waits.
    pub fn ring(&self) {
        fence(Ordering::SeqCst);
        self.ring_after_fence();
    }

    /// As [`Bell::ring`], for a change that every waiter looks for after [`Bell::seen`]: nearly free.
    #[inline(always)]
    pub(super) fn ring_lightly(&self) {
        light_fence();
        self.ring_after_fence();
    }

    /// As [`Bell::ring`], where at most one thread ever waits: once rung for it, nothing is due until it
    /// looks again, however long the kernel takes to run it.
    pub(super) fn ring_for_one(&self) {
        fence(Ordering::SeqCst);
        if self.epoch.0.0.load(Ordering::Relaxed) & ARMED != 0 {
            self.wake(1);
        }
    }

    #[inline(always)]
    fn ring_after_fence(&self) {
        // Acquire: whose ring disarmed the epoch may have counted a sleeper that must be counted here too.
        let epoch = self.epoch.0.0.load(Ordering::Acquire);
        if epoch & ARMED != 0 || self.sleepers.load(Ordering::Relaxed) != 0 {
            self.wake(epoch & ARMED);
        }
    }

    /// Wakes everybody: shutdown, or a change that concerns all.
    pub fn ring_all(&self) {
        self.epoch.0.0.fetch_add(2, Ordering::SeqCst);
        fence_after_rmw();
        if self.sleepers.load(Ordering::Relaxed) != 0 {
            self.epoch.0.wake(i32::MAX);
        }
    }

    #[cold]
    fn wake(&self, step: u32) {
        // An armed epoch is moved on so that who has looked but not yet fallen asleep does not; who sleeps
        // on an older epoch needs no step. Sleepers are counted after the step: they count themselves
        // before the kernel compares.
        if step != 0 {
            self.epoch.0.0.fetch_add(step, Ordering::SeqCst);
            fence_after_rmw();
        }
        match self.sleepers.load(Ordering::Relaxed) {
            0 => {}
            EACH.. => self.epoch.0.wake(i32::MAX),
            1 => self.epoch.0.wake(1),
            _ if self.epoch.0.wake_marked(!mark(this_core())) => {}
            _ => self.epoch.0.wake(1),
        }
    }

    /// Announces a waiter. Call it, look whether there is work, and pass the answer to [`Bell::wait`]
    /// if there was none: a ring after this call ends that wait. It costs microseconds: look once before it.
    pub fn seen(&self) -> u32 {
        let epoch = self.epoch.0.0.fetch_or(ARMED, Ordering::SeqCst) | ARMED;
        heavy_fence();
        epoch
    }

    /// As [`Bell::seen`], for a change that is always followed by [`Bell::ring_for_one`] and its full barrier.
    pub(super) fn seen_by_one(&self) -> u32 {
        let epoch = self.epoch.0.0.fetch_or(ARMED, Ordering::SeqCst) | ARMED;
        fence_after_rmw();
        epoch
    }

    /// Waits for a ring since [`Bell::seen`]: polls for `spin`, then sleeps until `timeout` after the call
    /// (`None`: for ever). False when the time was over. May also end without cause: look again.
    pub fn wait(&self, seen: u32, spin: Duration, timeout: Option<Duration>) -> bool {
        self.wait_as(ANY, seen, spin, timeout)
    }

    /// As [`Bell::wait`], for a thread that serves one ring alone: no other can stand in for it.
    pub(super) fn wait_each(&self, seen: u32, timeout: Option<Duration>) -> bool {
        self.wait_as(EACH, seen, Duration::ZERO, timeout)
    }

    fn wait_as(&self, kind: u32, seen: u32, spin: Duration, timeout: Option<Duration>) -> bool {
        let mut clock = Stopwatch::default();
        let changed = || self.epoch.0.0.load(Ordering::Acquire) != seen;
        if spin_until(&mut clock, spin.min(timeout.unwrap_or(spin)), changed) {
            return true;
        }
        self.sleepers.fetch_add(kind, Ordering::SeqCst);
        fence_after_rmw();
        // A spurious wake-up counts as a wake-up: every caller looks for its condition again anyway.
        let left = clock.left(timeout);
        let woken = changed()
            || (left != Some(Duration::ZERO)
                && matches!(self.epoch.0.wait(seen, left, mark(this_core())), Slept::Woken));
        self.sleepers.fetch_sub(kind, Ordering::Relaxed);
        woken
    }
}

/// What a sleeper on `core` is known by: of 32 cores each has a mark of its own.
fn mark(core: usize) -> u32 {
    1 << (core % u32::BITS as usize)
}

/// Runs from the first time that it is asked: most waits are over before a look at the clock would be.
#[derive(Default)]
pub(super) struct Stopwatch(Option<Instant>);

impl Stopwatch {
    /// The models have no time: there it never passes.
    fn passed(&mut self) -> Duration {
        let start = *self.0.get_or_insert_with(Instant::now);
        if cfg!(loom) { Duration::ZERO } else { start.elapsed() }
    }

    /// What is left of a time limit.
    pub(super) fn left(&mut self, limit: Option<Duration>) -> Option<Duration> {
        let passed = self.passed();
        limit.map(|limit| limit.saturating_sub(passed))
    }
}

/// Polls `done` until it holds (true) or `spin` has passed (false).
pub(super) fn spin_until(clock: &mut Stopwatch, spin: Duration, mut done: impl FnMut() -> bool) -> bool {
    if spin.is_zero() {
        return false;
    }
    loop {
        for _ in 0..TURNS {
            if done() {
                return true;
            }
            pause();
        }
        if clock.passed() >= spin {
            return false;
        }
        give_way();
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    /// The cores that this process may use.
    fn cores() -> Vec<usize> {
        // SAFETY: the call fills in a set of bits that is as large as it is told.
        let set = unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            assert_eq!(libc::sched_getaffinity(0, size_of_val(&set), &raw mut set), 0);
            set
        };
        // SAFETY: reads bits of a set that was filled in.
        (0..libc::CPU_SETSIZE as usize).filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).collect()
    }

    fn pin_to(core: usize) {
        // SAFETY: the call reads a set of bits that is as large as it is told.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(core, &mut set);
            assert_eq!(libc::sched_setaffinity(0, size_of_val(&set), &raw const set), 0);
        }
    }

    /// Whether the kernel has put the thread to sleep.
    fn sleeps(thread: i32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().starts_with('S')
    }

    #[test]
    fn of_two_sleepers_the_one_away_from_the_ringers_core_is_woken() {
        let cores = cores();
        let here = cores[0];
        let Some(there) = cores.into_iter().find(|core| mark(*core) != mark(here)) else {
            assert!(
                std::env::var_os("CI").is_none(),
                "with CI set no test is skipped: there is but one core"
            );
            return println!("SKIPPED, NOT PASSED: there is but one core");
        };
        for turn in 0..20 {
            let bell = Bell::new();
            let (woken, who) = channel();
            // Who fell asleep first is woken first where nothing else decides: each in turn.
            let order = if turn % 2 == 0 { [here, there] } else { [there, here] };
            let sleepers = order.map(|core| {
                let (bell, woken) = (bell.clone(), woken.clone());
                let (tell, tid) = channel();
                let before = bell.sleepers.load(Ordering::SeqCst);
                let sleeping = bell.clone();
                let thread = thread::spawn(move || {
                    pin_to(core);
                    // SAFETY: takes nothing and touches no memory of ours.
                    tell.send(unsafe { libc::gettid() }).unwrap();
                    let seen = bell.seen();
                    bell.wait(seen, Duration::ZERO, None);
                    woken.send(core).unwrap();
                });
                let tid = tid.recv().unwrap();
                while sleeping.sleepers.load(Ordering::SeqCst) == before || !sleeps(tid) {
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

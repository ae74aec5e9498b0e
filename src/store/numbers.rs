//! Reserves the numbers of acquisitions and of tracked objects ahead of their use.
//!
//! A counter reserves small blocks on disk, so that taking a number does not wait for the disk; an orderly
//! end returns unused numbers. A crash leaves a hole of at most one block.
//!
//! Each camera counts without holes, and no two cameras use the same number: a camera owns a range of 2^26
//! numbers, and takes the next free range when its range is used up. A single camera gets all ranges in a
//! row. See `docs/decisions/2026-11-28-numbers.md`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{Store, StoreError};
use crate::types::{Clock, Explanation, Numbering, SystemClock};

/// Numbers of one camera before it takes another range: 31 ranges are below 2^31, for 32-bit fields.
const RANGE: u64 = 1 << 26;
/// Numbers that are reserved ahead, at least and at most: more if they are used up quickly.
const BLOCK: u64 = 64;
const LARGEST: u64 = 1_024;
/// A block that lasts for less than this was too small.
const QUICK: Duration = Duration::from_secs(1);

/// Numbers of one counter are used that are not reserved on disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.explanation())]
pub struct NumbersFault {
    /// The counter, as `KIND/CAMERA`.
    pub name: String,
    /// Why the disk refuses, and what to do next.
    pub cause: Explanation,
}

impl NumbersFault {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        let name = &self.name;
        self.cause.clone().within(format_args!(
            "numbers of {name} cannot be reserved; after a loss of power some could be given again"
        ))
    }
}

/// All counters of this device. Clones share them.
#[derive(Clone)]
pub struct Numbers(Arc<NumbersShared>);

struct NumbersShared {
    store: Store,
    counts: Mutex<BTreeMap<(&'static str, String), Arc<Count>>>,
    /// Whether some counter has few numbers left.
    low: Mutex<bool>,
    changed: Condvar,
}

/// One counter, by kind and name.
struct Count {
    kind: &'static str,
    name: String,
    state: Mutex<NumbersState>,
    /// Held while reserving, so that the state below is not locked during the disk access.
    reserving: Mutex<()>,
}

struct NumbersState {
    /// The next number, and the first that is not reserved.
    next: u64,
    end: u64,
    /// The first number beyond the range.
    range_end: u64,
    block: u64,
    reserved_at: Instant,
    /// Why numbers were used that are not reserved on disk.
    fault: Option<NumbersFault>,
}

impl Numbers {
    /// The counters that `store` holds.
    pub fn new(store: Store) -> Numbers {
        let (counts, low) = (Mutex::default(), Mutex::new(false));
        Numbers(Arc::new(NumbersShared { store, counts, low, changed: Condvar::new() }))
    }

    /// The numbers of `kind` for `camera`: 1, 2, 3, … for the first camera of a device.
    pub fn of(&self, kind: &'static str, camera: &str) -> Numbering {
        let mut counts = self.0.counts.lock();
        let key = (kind, camera.to_owned());
        let count = counts.entry(key).or_insert_with(|| {
            let count = Count::open(&self.0.store, kind, camera);
            // A new camera takes its range now, so that the first one begins at 1.
            count.extend(&self.0.store, 1);
            Arc::new(count)
        });
        let (shared, count) = (self.0.clone(), count.clone());
        Numbering::new(move || count.take(&shared))
    }

    /// Waits until a counter has few numbers left, at most `patience`.
    pub fn wait_low(&self, patience: Duration) {
        let mut low = self.0.low.lock();
        self.0.changed.wait_while_for(&mut low, |low| !*low, patience);
        *low = false;
    }

    /// Reserves more numbers where few are left. Call it in a loop with [`Numbers::wait_low`].
    ///
    /// # Errors
    /// Why numbers are used that are not on disk: after a power failure they could be used again.
    pub fn refill(&self) -> Result<(), NumbersFault> {
        let counts: Vec<Arc<Count>> = self.0.counts.lock().values().cloned().collect();
        let faults: Vec<NumbersFault> =
            counts.iter().filter_map(|count| count.refill(&self.0.store)).collect();
        faults.into_iter().next().map_or(Ok(()), Err)
    }

    /// Returns reserved numbers that were not used. Call it when no number is taken any more; later calls of
    /// `take` reserve again.
    pub fn give_back(&self) -> Result<(), StoreError> {
        let counts: Vec<Arc<Count>> = self.0.counts.lock().values().cloned().collect();
        let turns: Vec<_> = counts.iter().map(|count| count.reserving.lock()).collect();
        let rest: Vec<(&str, u64)> = counts.iter().filter_map(|count| count.unused()).collect();
        let given = if rest.is_empty() { Ok(()) } else { self.0.store.counters().give_back(&rest) };
        drop(turns);
        given
    }
}

impl NumbersShared {
    fn ring(&self) {
        *self.low.lock() = true;
        self.changed.notify_all();
    }
}

impl Count {
    fn open(store: &Store, kind: &'static str, camera: &str) -> Count {
        let name = format!("{kind}/{camera}");
        let counters = store.counters();
        // If the counter cannot be read (an older store on a full disk), it takes another range.
        let used = counters.get(&name).and_then(|used| Ok((used, counters.get(&end_of(&name))?)));
        let (used, range_end) = used.unwrap_or((0, 0));
        let (next, range_end) = if range_end > used { (used + 1, range_end) } else { (1, 1) };
        let state = NumbersState {
            next,
            end: next,
            range_end,
            block: BLOCK,
            reserved_at: Instant::now(),
            fault: None,
        };
        Count { kind, name, state: Mutex::new(state), reserving: Mutex::default() }
    }

    /// The next number. Waits for the disk only if numbers are used faster than they are reserved.
    fn take(&self, shared: &NumbersShared) -> u64 {
        loop {
            let mut state = self.state.lock();
            if state.next < state.end {
                let number = state.next;
                state.next += 1;
                let low = state.end - state.next < state.block / 2;
                drop(state);
                if low {
                    shared.ring();
                }
                return number;
            }
            drop(state);
            self.extend(&shared.store, 1);
        }
    }

    /// Reserves more if less than half a block is left; returns the fault, if there is one.
    fn refill(&self, store: &Store) -> Option<NumbersFault> {
        let half = self.state.lock().block / 2;
        self.extend(store, half);
        self.state.lock().fault.clone()
    }

    /// Reserves a block, unless `least` numbers are left. If the disk refuses, numbers are used without it.
    fn extend(&self, store: &Store, least: u64) {
        let _turn = self.reserving.lock();
        let (next, end, range_end, block) = {
            let mut state = self.state.lock();
            let left = state.end - state.next;
            // A range is used to its end before another one begins.
            let last = left > 0 && state.end == state.range_end;
            if state.fault.is_none() && (left >= least || last) {
                return;
            }
            let quick = state.reserved_at.elapsed() < QUICK;
            state.block = if quick { state.block * 2 } else { state.block / 2 }.clamp(BLOCK, LARGEST);
            (state.next, state.end, state.range_end, state.block)
        };
        if next == range_end {
            return self.begin_range(store, block);
        }
        let to = (next + block).min(range_end).max(end);
        let reserved = store.counters().raise(&self.name, to - 1);
        let mut state = self.state.lock();
        (state.end, state.reserved_at) = (to, Instant::now());
        state.note(&self.name, reserved);
    }

    /// Takes the next free range. A single camera gets them in a row.
    fn begin_range(&self, store: &Store, block: u64) {
        let counters = store.counters();
        let (before, owned) = counters.advance(self.kind, RANGE, by_the_clock);
        let (first, range_end) = (before + 1, before + 1 + RANGE);
        // The end of the range is written last: without it the range is not used after a crash.
        let used = counters.raise(&self.name, first + block - 1);
        let ends = counters.raise(&end_of(&self.name), range_end);
        let mut state = self.state.lock();
        (state.next, state.end, state.range_end) = (first, first + block, range_end);
        state.reserved_at = Instant::now();
        state.note(&self.name, owned.and(used).and(ends));
    }

    /// Drops what is reserved and not used; returns the highest number that was used.
    fn unused(&self) -> Option<(&str, u64)> {
        let mut state = self.state.lock();
        let rest = state.end > state.next;
        state.end = state.next;
        rest.then(|| (self.name.as_str(), state.next - 1))
    }
}

impl NumbersState {
    fn note(&mut self, name: &str, reserved: Result<(), StoreError>) {
        self.fault =
            reserved.err().map(|error| NumbersFault { name: name.to_owned(), cause: error.explanation() });
    }
}

/// The first number if a store exists, but its counter cannot be read.
fn by_the_clock() -> u64 {
    let seconds = SystemClock.now().wall_ns / 1_000_000_000;
    tracing::warn!(
        "numbers continue from the clock, because neither the store nor the record beside it can be read"
    );
    seconds << 20
}

/// The counter that holds the end of a range.
fn end_of(name: &str) -> String {
    format!("{name}/end")
}

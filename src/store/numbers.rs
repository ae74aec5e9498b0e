//! Numbers that are promised as the next one: of acquisitions and of tracked objects.
//!
//! A count reserves small blocks on disk ahead of their use, so that taking a number waits for no disk; what was not used
//! is given back at an orderly end. A crash leaves a hole of at most one block.
//!
//! Each camera counts without holes of its own, and no number is used by two of them: a camera owns a range of 2^26
//! numbers, and takes the next free range when it is used up. One camera alone has all ranges in a row.
//! See `docs/decisions/2026-11-28-numbers.md`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{Store, StoreError};
use crate::types::{Clock, Numbering, SystemClock};

/// Numbers of one camera before it takes another range: 31 ranges are below 2^31, for fields of 32 bits.
const RANGE: u64 = 1 << 26;
/// Numbers that are reserved ahead, at least and at most: more where they are used up quickly.
const BLOCK: u64 = 64;
const LARGEST: u64 = 1_024;
/// A block that lasts for less than this was too small.
const QUICK: Duration = Duration::from_secs(1);

/// All counts of a box. Clones are the same.
#[derive(Clone)]
pub struct Numbers(Arc<NumbersShared>);

struct NumbersShared {
    store: Store,
    counts: Mutex<BTreeMap<(&'static str, String), Arc<Count>>>,
    /// Some count has little left.
    low: Mutex<bool>,
    changed: Condvar,
}

/// One counter, by kind and name.
struct Count {
    kind: &'static str,
    name: String,
    state: Mutex<NumbersState>,
    /// Held by who reserves, so that the counts below are not held while the disk works.
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
    /// Why numbers were given that are not reserved on disk.
    fault: Option<String>,
}

impl Numbers {
    /// The counts that `store` keeps.
    pub fn new(store: Store) -> Numbers {
        let (counts, low) = (Mutex::default(), Mutex::new(false));
        Numbers(Arc::new(NumbersShared { store, counts, low, changed: Condvar::new() }))
    }

    /// The numbers of `kind` that camera `camera` gives: 1, 2, 3, … for the first camera of a box.
    pub fn of(&self, kind: &'static str, camera: &str) -> Numbering {
        let mut counts = self.0.counts.lock();
        let key = (kind, camera.to_owned());
        let count = counts.entry(key).or_insert_with(|| {
            let count = Count::open(&self.0.store, kind, camera);
            // A new camera takes its range now, so that the first one of a box begins at 1.
            count.extend(&self.0.store, 1);
            Arc::new(count)
        });
        let (shared, count) = (self.0.clone(), count.clone());
        Numbering::new(move || count.take(&shared))
    }

    /// Waits until a count has little left, at most `patience`.
    pub fn wait_low(&self, patience: Duration) {
        let mut low = self.0.low.lock();
        self.0.changed.wait_while_for(&mut low, |low| !*low, patience);
        *low = false;
    }

    /// Reserves ahead where little is left. To be called in a loop with [`Numbers::wait_low`].
    ///
    /// # Errors
    /// Why numbers are given that are not on disk: after a loss of power they could be given again.
    pub fn refill(&self) -> Result<(), String> {
        let counts: Vec<Arc<Count>> = self.0.counts.lock().values().cloned().collect();
        let faults: Vec<String> = counts.iter().filter_map(|count| count.refill(&self.0.store)).collect();
        faults.into_iter().next().map_or(Ok(()), Err)
    }

    /// Gives back what was reserved and not used: to be called when nobody takes numbers any more. Who does so all the
    /// same gets the next ones, reserved again.
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
        // Without an answer (an older store on a full disk) the count takes a range of its own.
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

    /// The next number. Waits for the disk only where numbers are used faster than they are reserved ahead.
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

    /// Reserves ahead where less than half a block is left; gives the fault, if there is one.
    fn refill(&self, store: &Store) -> Option<String> {
        let half = self.state.lock().block / 2;
        self.extend(store, half);
        self.state.lock().fault.clone()
    }

    /// Reserves a block, unless `least` numbers are left. Where the disk refuses, numbers are given all the same.
    fn extend(&self, store: &Store, least: u64) {
        let _turn = self.reserving.lock();
        let (next, end, range_end, block) = {
            let mut state = self.state.lock();
            let left = state.end - state.next;
            // The range is used to its end before another one is begun.
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

    /// Takes the next free range. One camera alone gets them in a row.
    fn begin_range(&self, store: &Store, block: u64) {
        let counters = store.counters();
        let (before, owned) = counters.advance(self.kind, RANGE, by_the_clock);
        let (first, range_end) = (before + 1, before + 1 + RANGE);
        // The end of the range last: without it the range is not used after a crash.
        let used = counters.raise(&self.name, first + block - 1);
        let ends = counters.raise(&end_of(&self.name), range_end);
        let mut state = self.state.lock();
        (state.next, state.end, state.range_end) = (first, first + block, range_end);
        state.reserved_at = Instant::now();
        state.note(&self.name, owned.and(used).and(ends));
    }

    /// Forgets what is reserved and not used; gives the highest number that was used.
    fn unused(&self) -> Option<(&str, u64)> {
        let mut state = self.state.lock();
        let rest = state.end > state.next;
        state.end = state.next;
        rest.then(|| (self.name.as_str(), state.next - 1))
    }
}

impl NumbersState {
    fn note(&mut self, name: &str, reserved: Result<(), StoreError>) {
        self.fault = reserved.err().map(|error| {
            format!("numbers of {name} cannot be reserved; after a loss of power some could be given again: {error}")
        });
    }
}

/// Where counting begins if a store is there, and nobody can read how far it has come.
fn by_the_clock() -> u64 {
    let seconds = SystemClock.now().wall_ns / 1_000_000_000;
    tracing::warn!(
        "numbers go on by the clock, because neither the store nor the record beside it can be read"
    );
    seconds << 20
}

/// The counter that says where a count's range ends.
fn end_of(name: &str) -> String {
    format!("{name}/end")
}

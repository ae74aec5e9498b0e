//! One pinned worker: takes waiting work of the highest priority, runs it in its own executor, and survives
//! its panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ocellus_ring::Bell;
use parking_lot::Mutex;

use super::slot::WorkerSlot;
use super::work_queue::WorkQueue;
use crate::supervisor::{Beat, Stop};

/// Longest sleep of an idle worker, after which it beats to show that it is alive.
const IDLE_BEAT: Duration = Duration::from_millis(500);

/// How much higher a worker's nice value is than the rest of the service: about a third of its weight.
const NICE: i32 = 5;

/// A change of a worker's slots, applied between two items.
pub(super) enum SlotChange {
    Add(Box<dyn WorkerSlot>),
    Remove(Arc<str>),
}

/// The figures of one worker.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Items that the worker finished.
    pub items: AtomicU64,
    /// Items whose executor panicked or failed.
    pub failed: AtomicU64,
    /// Nanoseconds spent on items that have ended.
    pub busy_ns: AtomicU64,
    /// When the item under way began, nanoseconds since the worker was made, plus one; 0 while there is none.
    began_ns: AtomicU64,
}

/// One worker. It outlives the thread that runs it, so that a supervisor can start it again.
pub struct Worker {
    /// The core to which the worker is pinned.
    pub core: usize,
    /// What the worker has done so far.
    pub gauges: Gauges,
    made: Instant,
    changes: Mutex<Vec<SlotChange>>,
    slots: Mutex<Vec<Box<dyn WorkerSlot>>>,
    queue: Arc<WorkQueue>,
    bell: Arc<Bell>,
}

impl Worker {
    pub(super) fn new(core: usize, queue: Arc<WorkQueue>, bell: Arc<Bell>) -> Worker {
        let (changes, slots) = (Mutex::default(), Mutex::default());
        Worker { core, gauges: Gauges::default(), made: Instant::now(), changes, slots, queue, bell }
    }

    pub(super) fn change(&self, change: SlotChange) {
        self.changes.lock().push(change);
    }

    /// Nanoseconds spent on items, with the one that is under way: an item may take longer than the time between two looks.
    pub fn busy_ns(&self) -> u64 {
        let began = self.gauges.began_ns.load(Ordering::Relaxed);
        let ended = self.gauges.busy_ns.load(Ordering::Relaxed);
        let under_way = match began {
            0 => 0,
            began => (self.made.elapsed().as_nanos() as u64).saturating_sub(began - 1),
        };
        ended + under_way
    }

    /// Works until `stop` is stopped. Call it on a thread pinned to [`Worker::core`].
    pub fn run(&self, stop: &Stop, beat: &Beat) {
        give_way();
        // Held for as long as the thread runs, because only this thread uses the executors.
        let mut slots = self.slots.lock();
        while !stop.is_stopped() {
            self.apply_changes(&mut slots);
            // Announcing a waiter to the bell is expensive, so only a worker that found nothing does it, and
            // checks again.
            let (seen, taken) = match self.queue.take(&mut slots) {
                None => (self.bell.seen(), self.queue.take(&mut slots)),
                some => (0, some),
            };
            match taken {
                Some((permit, at)) => {
                    let began = Instant::now();
                    let since = began.duration_since(self.made).as_nanos() as u64;
                    self.gauges.began_ns.store(since + 1, Ordering::Relaxed);
                    slots[at].run(self.core, &self.gauges);
                    self.gauges.began_ns.store(0, Ordering::Relaxed);
                    self.gauges.busy_ns.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
                    drop(permit);
                }
                None => {
                    self.bell.wait(seen, Some(IDLE_BEAT));
                }
            }
            beat.beat();
        }
    }

    fn apply_changes(&self, slots: &mut Vec<Box<dyn WorkerSlot>>) {
        for change in self.changes.lock().drain(..) {
            match change {
                SlotChange::Add(slot) => slots.push(slot),
                SlotChange::Remove(name) => slots.retain(|slot| slot.stage().spec().name != name),
            }
        }
    }
}

/// Lowers the calling thread's priority a little. The work before the workers (decoding) and after them
/// (publishing) is short and bounded by the ring, so it goes first; otherwise a decoder that shares its core
/// with a worker lets the ring run dry while another core idles.
fn give_way() {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!("a worker keeps its priority: {error}");
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;

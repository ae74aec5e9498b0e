//! The stages of a scheduler, and the decision which of a worker's slots may take work next.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::slot::WorkerSlot;
use super::stage::ErasedStage;

/// A worker's permit to run a stage; returned when it is dropped, also where the stage's work panics.
pub struct Permit(Arc<dyn ErasedStage>);

impl Permit {
    /// The stage for which the permit was granted.
    pub fn stage(&self) -> &Arc<dyn ErasedStage> {
        &self.0
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.workers().fetch_sub(1, Ordering::Relaxed);
    }
}

/// All stages, highest priority first. One lock guards the decision and the taking of the item, so that `min`
/// and `max` hold exactly; it is held for under a microsecond an item, and the producer of frames never takes
/// it.
pub struct WorkQueue {
    /// Replaced as a whole when a stage comes or goes, so that reading it copies nothing.
    stages: Mutex<Arc<Vec<Arc<dyn ErasedStage>>>>,
    workers: usize,
}

impl WorkQueue {
    /// Makes a queue for `workers` workers.
    pub fn new(workers: usize) -> WorkQueue {
        WorkQueue { stages: Mutex::default(), workers }
    }

    /// Adds a stage behind the others of its priority.
    pub fn add(&self, stage: Arc<dyn ErasedStage>) {
        let mut stages = self.stages.lock();
        let at = stages.partition_point(|known| known.spec().priority >= stage.spec().priority);
        Arc::make_mut(&mut stages).insert(at, stage);
    }

    /// Removes a stage; running items finish as usual.
    pub fn remove(&self, name: &str) {
        Arc::make_mut(&mut self.stages.lock()).retain(|stage| &*stage.spec().name != name);
    }

    /// The stages, highest priority first.
    pub fn stages(&self) -> Arc<Vec<Arc<dyn ErasedStage>>> {
        self.stages.lock().clone()
    }

    /// Lets one of a worker's `slots` take work: that of the highest priority that waits, except that a stage
    /// above leaves those below it their `min` workers while their work waits. Gives the slot's index, and
    /// its permit.
    pub(super) fn take(&self, slots: &mut [Box<dyn WorkerSlot>]) -> Option<(Permit, usize)> {
        let stages = self.stages.lock();
        for stage in stages.iter() {
            let Some(at) = slots.iter().position(|slot| is_same(slot.stage(), &**stage)) else { continue };
            if stage.running() >= stage.spec().max || !self.leaves_enough(&stages, &**stage) {
                continue;
            }
            if slots[at].take() {
                stage.workers().fetch_add(1, Ordering::Relaxed);
                return Some((Permit(stage.clone()), at));
            }
        }
        None
    }

    fn leaves_enough(&self, stages: &[Arc<dyn ErasedStage>], candidate: &dyn ErasedStage) -> bool {
        if candidate.running() < candidate.spec().min {
            return true;
        }
        let busy: usize = stages.iter().map(|stage| stage.running()).sum();
        let owed: usize = stages
            .iter()
            .filter(|other| !is_same(&***other, candidate))
            .filter(|other| other.spec().min > other.running() && other.waiting() > 0)
            .map(|other| other.spec().min - other.running())
            .sum();
        owed == 0 || self.workers.saturating_sub(busy + 1) >= owed
    }
}

/// Compares identity: two stages that are merely equal are different.
fn is_same(one: &dyn ErasedStage, other: &dyn ErasedStage) -> bool {
    std::ptr::addr_eq(one, other)
}

#[cfg(test)]
#[path = "work_queue_tests.rs"]
mod tests;

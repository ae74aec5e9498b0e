//! What a group changes becomes durable, and a fault of the store lasts until something was written again.

use std::time::Duration;

use super::{Owner, RETRY};
use crate::contract::JobResult;
use crate::jobqueue::{JobId, Now};
use crate::types::Explanation;

/// What a group has changed; all of it is on disk.
pub(super) struct Committed {
    /// The jobs that changed, in ascending order.
    pub(super) changed: Vec<JobId>,
    /// Those of them that have come to their end, in ascending order.
    pub(super) ended: Vec<JobId>,
}

/// The store takes nothing.
pub(super) struct StoreFault {
    pub(super) why: Explanation,
    /// When it is tried again, on the monotonic clock.
    again: Duration,
}

impl StoreFault {
    /// How long it takes until the store is tried again.
    pub(super) fn left(&self, now: Now) -> Duration {
        self.again.saturating_sub(now.monotonic)
    }
}

impl Owner<'_> {
    /// Writes what the queue has changed in one durable batch; where that fails, all of the group is taken back.
    ///
    /// # Errors
    /// Why the store takes nothing. It is tried again once in [`RETRY`], and refuses in between without being asked: each
    /// try opens it anew.
    pub(super) fn commit(&mut self) -> Result<Committed, Explanation> {
        let now = self.service.now();
        if let Some(fault) = &self.fault {
            if !fault.left(now).is_zero() {
                let why = fault.why.clone();
                self.queue.abandon();
                return Err(why);
            }
            // A group without changes writes nothing, so it would not show whether the store takes changes again.
            self.queue.stage_record();
        }
        let ended = self.queue.ended();
        if self.queue.has_changes() {
            let changes = self.queue.changes().into_iter();
            let records = changes.map(|change| (change.key.encode(), change.value));
            let numbers: Vec<u64> = ended.iter().map(|id| id.0).collect();
            let results = ended.iter().filter_map(|id| JobResult::read(&self.queue.result(*id)?));
            let made: Vec<String> = results
                .flat_map(|made| made.files().into_iter().map(str::to_owned).collect::<Vec<_>>())
                .collect();
            let made = if self.service.removes_files { made } else { Vec::new() };
            if let Err(error) = self.service.tables.apply(records, &numbers, &made) {
                self.queue.abandon();
                let why = error.explanation();
                self.note_fault(Some(StoreFault { why: why.clone(), again: now.monotonic + RETRY }));
                return Err(why);
            }
            self.note_fault(None);
        }
        Ok(Committed { changed: self.queue.confirm(), ended })
    }

    /// Raises the alarm with another reason, or clears it.
    fn note_fault(&mut self, fault: Option<StoreFault>) {
        let why = |fault: &Option<StoreFault>| fault.as_ref().map(|fault| fault.why.clone());
        let (before, after) = (why(&self.fault), why(&fault));
        self.fault = fault;
        if before != after {
            let shown = after.map(|why| why.within("jobs are not started and not added"));
            self.service.host.store_fault(shown.as_ref());
        }
    }
}

//! The ends of jobs on their way to the broker: each is in a list on disk until the broker has acknowledged it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::report;
use super::service::JobsService;
use crate::jobqueue::{JobId, Now, Queue};
use crate::types::Delivered;

/// Messages that the broker may have at once.
const MOST_AT_ONCE: usize = 16;
/// Pause after a message that did not reach the broker.
const RETRY: Duration = Duration::from_secs(1);

/// What is to be published, and what the broker has now.
pub(super) struct Publisher {
    waiting: BTreeSet<u64>,
    under_way: Vec<(u64, oneshot::Receiver<Delivered>)>,
    /// Numbers whose entry on disk is not needed any more.
    done: Vec<u64>,
    /// Nothing is sent before this moment of the monotonic clock.
    not_before: Duration,
}

impl Publisher {
    /// Publishes what an earlier process did not: the jobs `unpublished`.
    pub(super) fn new(unpublished: Vec<u64>) -> Publisher {
        let waiting = unpublished.into_iter().collect();
        Publisher { waiting, under_way: Vec::new(), done: Vec::new(), not_before: Duration::ZERO }
    }

    /// Adds a job that has ended; its entry is on disk.
    pub(super) fn add(&mut self, id: JobId) {
        self.waiting.insert(id.0);
    }

    /// The job has left the history: nothing of it can be published.
    pub(super) fn forget(&mut self, id: JobId) {
        self.waiting.remove(&id.0);
        self.done.push(id.0);
    }

    /// Whether messages are under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Learns what became of messages, and sends further ones.
    pub(super) fn tend(&mut self, service: &JobsService, queue: &Queue, now: Now) {
        for (id, mut receiver) in std::mem::take(&mut self.under_way) {
            match receiver.try_recv() {
                Err(TryRecvError::Empty) => self.under_way.push((id, receiver)),
                Ok(Delivered::Acknowledged) => self.done.push(id),
                Ok(Delivered::Refused) => {
                    tracing::warn!(
                        job = id,
                        "jobs: the broker refuses the end of the job; it is not published"
                    );
                    self.done.push(id);
                }
                Ok(Delivered::NotConnected | Delivered::Lost) | Err(TryRecvError::Closed) => {
                    self.waiting.insert(id);
                    self.not_before = now.monotonic + RETRY;
                }
            }
        }
        while self.under_way.len() < MOST_AT_ONCE && now.monotonic >= self.not_before {
            let Some(id) = self.waiting.pop_first() else { break };
            // A job that was tried again has another end, which makes an entry of its own.
            match report::job(&service.kinds, queue, now, JobId(id)).filter(|job| job.state.is_over()) {
                Some(job) => self.under_way.push((id, service.host.deliver(&job))),
                None => self.done.push(id),
            }
        }
        self.tidy(service);
    }

    /// Removes entries that are not needed any more; a job that ended again meanwhile keeps its own.
    fn tidy(&mut self, service: &JobsService) {
        let (waiting, under_way) = (&self.waiting, &self.under_way);
        let is_needed = |id: &u64| waiting.contains(id) || under_way.iter().any(|(other, _)| other == id);
        self.done.retain(|id| !is_needed(id));
        if self.done.is_empty() {
            return;
        }
        match service.tables.published(&self.done) {
            Ok(()) => self.done.clear(),
            Err(error) => tracing::debug!("jobs: published ends are noted later: {error}"),
        }
    }
}

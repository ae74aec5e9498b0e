//! What is to be stored, and how it is taken back.

use std::collections::BTreeMap;

use super::{Queue, Stop, StopFlag};
use crate::job::{Job, JobId};
use crate::record::{Change, Key, Meta, encode_facts, encode_meta, encode_spec};
use crate::report::Totals;

/// The group of operations that is not confirmed yet.
#[derive(Default)]
pub(super) struct Staged {
    /// Each changed job as it was; `None` where there was none.
    jobs: BTreeMap<JobId, Option<Job>>,
    /// The queue's own record as it was.
    meta: Option<Meta>,
    /// Records that were set aside at the start.
    pub extra: Vec<Change>,
    /// Flags of cancelled work, which are raised once that is stored.
    pub signals: Vec<StopFlag>,
    /// What the start did stays staged until it is stored: without it the queue would not be what is in the store.
    pub is_recovery: bool,
}

impl Queue {
    /// Whether there is something to store.
    pub fn has_changes(&self) -> bool {
        !self.staged.jobs.is_empty() || self.staged.meta.is_some() || !self.staged.extra.is_empty()
    }

    /// What the operations since the last [`confirm`](Queue::confirm) write, as one transaction.
    pub fn changes(&self) -> Vec<Change> {
        let mut changes = self.staged.extra.clone();
        for (&id, before) in &self.staged.jobs {
            match (before, self.jobs.get(&id)) {
                (before, Some(job)) => {
                    if before.is_none() {
                        changes.push(Change { key: Key::Spec(id), value: Some(encode_spec(&job.spec)) });
                    }
                    changes.push(Change { key: Key::Facts(id), value: Some(encode_facts(&job.facts)) });
                }
                (Some(_), None) => {
                    changes.push(Change { key: Key::Spec(id), value: None });
                    changes.push(Change { key: Key::Facts(id), value: None });
                }
                (None, None) => {}
            }
        }
        if self.has_changes() {
            changes.push(Change { key: Key::Queue, value: Some(encode_meta(&self.meta)) });
        }
        changes
    }

    /// Jobs that the operations since the last [`confirm`](Queue::confirm) have brought to their end. After
    /// [`restore`](crate::restore) these are the jobs whose end it decided.
    pub fn ended(&self) -> Vec<JobId> {
        let is_new = |before: &Option<Job>, job: &Job| match before {
            // A job that was tried again and cancelled within one group has another end than before.
            Some(before) => {
                before.facts.state != job.facts.state || before.facts.ended_ms != job.facts.ended_ms
            }
            None => true,
        };
        let ended = self.staged.jobs.iter().filter(|(id, before)| {
            self.jobs.get(id).is_some_and(|job| !job.facts.state.is_open() && is_new(before, job))
        });
        ended.map(|(id, _)| *id).collect()
    }

    /// Stages the queue's own record though nothing changed: whether the store takes it shows whether the store writes again.
    pub fn stage_record(&mut self) {
        self.meta_mut();
    }

    /// The transaction is durable: now answers are given, and claimed jobs begin. Raises the stop flags of cancelled
    /// work. Returns the jobs that changed, for those who watch.
    pub fn confirm(&mut self) -> Vec<JobId> {
        let staged = std::mem::take(&mut self.staged);
        for flag in staged.signals {
            flag.raise(Stop::Cancelled);
        }
        staged.jobs.into_keys().collect()
    }

    /// The transaction failed: the queue is again what it was at the last [`confirm`](Queue::confirm), and whatever the
    /// operations since then answered does not hold. What [`restore`](crate::restore) did is not taken back: it is
    /// staged until it is stored.
    pub fn abandon(&mut self) {
        if self.staged.is_recovery {
            return;
        }
        let staged = std::mem::take(&mut self.staged);
        for id in staged.jobs.keys() {
            if let Some(job) = self.jobs.remove(id) {
                self.index.remove(&job, self.settings.age_ms);
                self.index.unlink(&job);
            }
        }
        for job in staged.jobs.into_values().flatten() {
            self.index.link(&job);
            self.index.insert(&job, self.settings.age_ms);
            self.jobs.insert(job.id, job);
        }
        if let Some(before) = staged.meta {
            // Refusals are no part of a transaction: they happened.
            let Totals { refused, stale, .. } = self.meta.totals;
            self.meta = Meta { totals: Totals { refused, stale, ..before.totals }, ..before };
        }
    }

    /// Remembers how a job is before it changes.
    pub(super) fn stage(&mut self, id: JobId) {
        let job = self.jobs.get(&id);
        if let (Some(job), std::collections::btree_map::Entry::Vacant(entry)) =
            (job, self.staged.jobs.entry(id))
        {
            entry.insert(Some(job.clone()));
        }
    }

    /// The queue's own record, to be changed.
    pub(super) fn meta_mut(&mut self) -> &mut Meta {
        let before = &self.meta;
        self.staged.meta.get_or_insert_with(|| before.clone());
        &mut self.meta
    }

    pub(super) fn count(&mut self, change: impl FnOnce(&mut Totals)) {
        change(&mut self.meta_mut().totals);
    }

    /// Takes in a job that was not there.
    pub(super) fn create(&mut self, job: Job) {
        self.staged.jobs.entry(job.id).or_insert(None);
        self.index.link(&job);
        self.index.insert(&job, self.settings.age_ms);
        self.jobs.insert(job.id, job);
    }

    /// Removes a job and its records.
    pub(super) fn delete(&mut self, id: JobId) {
        self.stage(id);
        if let Some(job) = self.jobs.remove(&id) {
            self.index.remove(&job, self.settings.age_ms);
            self.index.unlink(&job);
        }
    }
}

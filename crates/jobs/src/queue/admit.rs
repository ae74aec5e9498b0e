//! What is checked of a request before anything of it is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::AddError;
use crate::graph;
use crate::job::{Dependency, JobId, Spec, State};
use crate::names::{self, NameError, NameField};
use crate::queue::Queue;
use crate::request::{JobRequest, WorkflowJob};
use crate::settings::{DAY_MS, LONGEST_MS, MOST_ATTEMPTS, Settings};
use crate::time::{Now, signed};

/// The place of a job in the whole request, for errors: its label, or its name.
fn place_of(label: Option<&str>, request: &JobRequest) -> String {
    match label {
        Some(label) => format!("job \"{}\"", names::clean(label, 40)),
        None => format!("job \"{}\"", names::clean(&request.name, 40)),
    }
}

impl Queue {
    /// Checks one job by itself, without its parents.
    pub(super) fn check(
        &self,
        now: Now,
        label: Option<&str>,
        request: &JobRequest,
    ) -> Result<Spec, AddError> {
        let settings = &self.settings;
        let bounds = &settings.bounds;
        let name = |result: Result<(), NameError>| {
            result.map_err(|error| AddError::Name { job: place_of(label, request), error })
        };
        if let Some(label) = label {
            name(names::check_name(NameField::Label, label, bounds.name_chars))?;
        }
        name(names::check_word(NameField::Kind, &request.kind, bounds.kind_chars))?;
        name(names::check_name(NameField::Name, &request.name, bounds.name_chars))?;
        if let Some(key) = &request.unique_key {
            name(names::check_key(key, bounds.key_chars))?;
        }
        check_kind(settings, label, request)?;
        if request.payload.len() > bounds.payload_bytes {
            let (bytes, max) = (request.payload.len(), bounds.payload_bytes);
            return Err(AddError::Payload { job: place_of(label, request), bytes, max });
        }
        let range = |field, value, least, most| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(AddError::Range { job: place_of(label, request), field, value, least, most })
        };
        let max_attempts = request.max_attempts.unwrap_or(settings.max_attempts);
        range("max_attempts", max_attempts.into(), 1, MOST_ATTEMPTS.into())?;
        let time_limit_ms = request.time_limit_ms.unwrap_or(settings.time_limit_ms);
        range("time_limit_ms", signed(time_limit_ms), 1, signed(LONGEST_MS))?;
        let ahead_ms = signed(u64::from(bounds.run_ahead_days) * DAY_MS);
        range("run_at_ms", request.run_at_ms.unwrap_or(0), 0, now.utc_ms.max(0).saturating_add(ahead_ms))?;
        Ok(Spec {
            kind: request.kind.as_str().into(),
            name: request.name.as_str().into(),
            workflow: None,
            priority: request.priority.unwrap_or(settings.default_priority),
            run_at_ms: request.run_at_ms,
            max_attempts,
            time_limit_ms,
            unique_key: request.unique_key.as_deref().map(Arc::from),
            parents: Vec::new(),
            payload: request.payload.clone(),
        })
    }

    /// Checks the jobs in the queue that a job depends on. Each is there once; needed, if it is needed at all.
    pub(super) fn check_parents(
        &self,
        label: Option<&str>,
        request: &JobRequest,
        more: usize,
    ) -> Result<Vec<Dependency>, AddError> {
        let count = request.parents.len() + more;
        let max = self.settings.bounds.parents;
        if count > max {
            return Err(AddError::Parents { job: place_of(label, request), count, max });
        }
        let unknown: Vec<String> = (request.parents.iter())
            .filter(|parent| !self.jobs.contains_key(&parent.job))
            .map(|parent| format!("job {}", parent.job))
            .collect();
        if !unknown.is_empty() {
            return Err(AddError::UnknownParents {
                job: place_of(label, request),
                names: unknown.join(", "),
            });
        }
        let mut parents = Vec::new();
        for parent in &request.parents {
            self.check_ended(label, request, parent.job, parent.optional)?;
            depend(&mut parents, *parent);
        }
        Ok(parents)
    }

    /// Refuses a needed parent that will not complete.
    pub(super) fn check_ended(
        &self,
        label: Option<&str>,
        request: &JobRequest,
        parent: JobId,
        optional: bool,
    ) -> Result<(), AddError> {
        match self.jobs.get(&parent).map(|job| job.facts.state) {
            Some(state @ (State::Failed | State::Cancelled | State::Quarantined)) if !optional => {
                Err(AddError::ParentEnded { job: place_of(label, request), parent, state })
            }
            _ => Ok(()),
        }
    }
}

/// Adds a parent, once.
pub(super) fn depend(parents: &mut Vec<Dependency>, parent: Dependency) {
    match parents.iter_mut().find(|known| known.job == parent.job) {
        Some(known) => known.optional &= parent.optional,
        None => parents.push(parent),
    }
}

fn check_kind(settings: &Settings, label: Option<&str>, request: &JobRequest) -> Result<(), AddError> {
    let Some(kinds) = &settings.kinds else { return Ok(()) };
    if kinds.contains(request.kind.as_str()) {
        return Ok(());
    }
    let known: Vec<&str> = kinds.iter().map(|kind| &**kind).collect();
    Err(AddError::UnknownKind {
        job: place_of(label, request),
        kind: request.kind.clone(),
        known: known.join(", "),
    })
}

/// The numbers in the request of the jobs that each one comes after, and an order in which parents come first.
pub(super) fn sorted(jobs: &[WorkflowJob]) -> Result<(Vec<Vec<usize>>, Vec<usize>), AddError> {
    let mut labels = BTreeMap::new();
    for (at, job) in jobs.iter().enumerate() {
        if labels.insert(job.label.as_str(), at).is_some() {
            return Err(AddError::Label { label: job.label.clone() });
        }
    }
    let mut parents = Vec::with_capacity(jobs.len());
    for job in jobs {
        let found: Result<BTreeSet<usize>, &str> = (job.after.iter())
            .map(|after| labels.get(after.label.as_str()).copied().ok_or(after.label.as_str()))
            .collect();
        let Ok(found) = found else {
            let unknown = job.after.iter().filter(|after| !labels.contains_key(after.label.as_str()));
            let unknown: Vec<String> =
                unknown.take(10).map(|after| format!("\"{}\"", names::clean(&after.label, 40))).collect();
            let names = unknown.join(", ");
            return Err(AddError::UnknownParents { job: place_of(Some(&job.label), &job.job), names });
        };
        parents.push(found.into_iter().collect());
    }
    match graph::order(&parents) {
        Ok(order) => Ok((parents, order)),
        Err(circle) => {
            let path: Vec<&str> = circle.iter().map(|&at| jobs[at].label.as_str()).collect();
            Err(AddError::Cycle { path: path.join(" -> ") })
        }
    }
}

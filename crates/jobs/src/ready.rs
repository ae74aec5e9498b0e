//! The jobs that are due, and which of them goes first under the limits of kinds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::job::JobId;

/// How many jobs may run at once. A limit of 0 leaves jobs of that kind waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of all kinds together.
    pub total: usize,
    /// Of each kind that is not named.
    pub other: usize,
    /// Of the kinds that are named.
    pub kinds: BTreeMap<Box<str>, usize>,
    /// Of several kinds together that use the same thing: cores, the network.
    pub classes: Vec<Class>,
}

/// Kinds that share a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The kinds; one may be in several classes, and keeps the limits of all.
    pub kinds: BTreeSet<Box<str>>,
    /// How many jobs of them may run at once.
    pub limit: usize,
}

impl Limits {
    /// At most `total` at once, of whatever kind.
    pub fn total(total: usize) -> Limits {
        Limits { total, other: total, kinds: BTreeMap::new(), classes: Vec::new() }
    }

    fn of(&self, kind: &str) -> usize {
        let own = self.kinds.get(kind).copied().unwrap_or(self.other);
        let classes = self.classes.iter().filter(|class| class.kinds.contains(kind)).map(|class| class.limit);
        classes.fold(own.min(self.total), usize::min)
    }
}

/// The jobs that run, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Running {
    pub kinds: BTreeMap<Arc<str>, usize>,
    pub total: usize,
    /// Of them, those that ran when the process died.
    pub suspects: usize,
}

impl Running {
    pub fn add(&mut self, kind: &Arc<str>, is_suspect: bool) {
        *self.kinds.entry(kind.clone()).or_default() += 1;
        self.total += 1;
        self.suspects += usize::from(is_suspect);
    }

    pub fn remove(&mut self, kind: &Arc<str>, is_suspect: bool) {
        if let Some(count) = self.kinds.get_mut(kind) {
            *count -= 1;
            if *count == 0 {
                self.kinds.remove(kind);
            }
        }
        self.total -= 1;
        self.suspects -= usize::from(is_suspect);
    }

    fn takes(&self, kind: &str, limits: &Limits) -> bool {
        let count = |kind: &str| self.kinds.get(kind).copied().unwrap_or(0);
        let own = limits.kinds.get(kind).copied().unwrap_or(limits.other);
        self.total < limits.total
            && count(kind) < own
            && limits
                .classes
                .iter()
                .filter(|class| class.kinds.contains(kind))
                .all(|class| class.kinds.iter().map(|kind| count(kind)).sum::<usize>() < class.limit)
    }
}

/// Jobs that are due, in the order of their turn.
///
/// A job of priority `p` that is due since `t` has its place at `t + p · age`. That does not change while it waits, and is the
/// same order as priorities that go down by one each `age`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ready {
    kinds: BTreeMap<Arc<str>, BTreeSet<(i64, JobId)>>,
    /// Jobs that ran when the process died, with their kinds. They run alone, so that the next death is theirs for sure.
    suspects: BTreeMap<(i64, JobId), Arc<str>>,
    /// All of them by the time since when they are due.
    since: BTreeSet<(i64, JobId)>,
}

impl Ready {
    pub fn len(&self) -> usize {
        self.since.len()
    }

    /// Since when the one that waits longest is due.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.since.first().map(|(since, _)| *since)
    }

    pub fn insert(&mut self, kind: &Arc<str>, place: i64, since_ms: i64, id: JobId, is_suspect: bool) {
        self.since.insert((since_ms, id));
        if is_suspect {
            self.suspects.insert((place, id), kind.clone());
        } else {
            self.kinds.entry(kind.clone()).or_default().insert((place, id));
        }
    }

    pub fn remove(&mut self, kind: &Arc<str>, place: i64, since_ms: i64, id: JobId) {
        self.since.remove(&(since_ms, id));
        self.suspects.remove(&(place, id));
        if let Some(set) = self.kinds.get_mut(kind) {
            set.remove(&(place, id));
            if set.is_empty() {
                self.kinds.remove(kind);
            }
        }
    }

    /// The job whose turn it is. Looks at each kind once, not at each job.
    pub fn first(&self, running: &Running, limits: &Limits) -> Option<JobId> {
        if running.suspects > 0 {
            return None;
        }
        // The others wait until a suspect had its turn, or it would never find the machine idle.
        if let Some((_, id)) = self.suspects.iter().find(|(_, kind)| limits.of(kind) > 0).map(|(at, _)| at) {
            return (running.total == 0).then_some(*id);
        }
        let free = self.kinds.iter().filter(|(kind, _)| running.takes(kind, limits));
        free.filter_map(|(_, set)| set.first()).min().map(|(_, id)| *id)
    }
}

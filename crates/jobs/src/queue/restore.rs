//! The queue is made again from what is stored: what ran when the process died is due at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Queue, StopFlag};
use crate::job::{Doing, End, Facts, Job, JobId, Reason, Run, Spec, State};
use crate::record::{Change, Key, RecordError, decode_facts, decode_meta, decode_spec};
use crate::settings::{Settings, SettingsError};
use crate::time::{Now, signed};

/// Records that are set aside and kept; the oldest beyond them are removed.
const KEPT_ASIDE: usize = 1_000;

/// A queue as it is after the start. Its changes are to be stored before anything else, as after every operation.
pub struct Restored {
    /// The queue, ready for use.
    pub queue: Queue,
    /// Records that could not be read. Their bytes are kept under other keys, and looked at again at each start.
    pub damaged: Vec<Damage>,
    /// Jobs that ran when the process died. They are due at once, or have ended with the reason.
    pub killed: Vec<JobId>,
    /// Of them, those that are set aside.
    pub quarantined: Vec<JobId>,
}

/// A record that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the record {} of the job queue was set aside{}: {error}", .key.escape_ascii(), .job.map(|id| format!(" (job {id})")).unwrap_or_default())]
pub struct Damage {
    /// The key that it had.
    pub key: Vec<u8>,
    /// The job that it belongs to.
    pub job: Option<JobId>,
    /// What is wrong with it.
    pub error: RecordError,
}

/// Makes the queue from all stored records, in any order. `seed` decides the jitter of pauses from now on.
pub fn restore<K, V>(
    settings: Settings,
    seed: u64,
    now: Now,
    records: impl IntoIterator<Item = (K, V)>,
) -> Result<Restored, SettingsError>
where
    K: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    settings.check()?;
    let mut queue = Queue::new(settings, seed);
    let mut stored = Stored::default();
    for (key, value) in records {
        stored.take(key.as_ref(), value.as_ref());
    }
    stored.join(&mut queue, now);
    let mut killed = Vec::new();
    let running = queue.jobs.values().filter(|job| job.facts.state == State::Running);
    let running: Vec<JobId> = running.map(|job| job.id).collect();
    for id in running {
        queue.recover(now, id);
        killed.push(id);
    }
    let pending: Vec<JobId> = queue.jobs.keys().copied().collect();
    for id in pending {
        queue.resettle(now, id);
    }
    queue.prune(now);
    let is_aside = |id: &JobId| queue.jobs.get(id).is_some_and(|job| job.facts.state == State::Quarantined);
    let quarantined = killed.iter().copied().filter(is_aside).collect();
    let aside: Vec<Change> = stored.aside_changes();
    if !stored.damaged.is_empty() {
        let count = stored.damaged.len() as u64;
        queue.count(|totals| totals.damaged += count);
    }
    queue.staged.extra = aside;
    queue.staged.is_recovery = queue.has_changes();
    Ok(Restored { queue, damaged: stored.damaged, killed, quarantined })
}

/// What was read of the store.
#[derive(Default)]
struct Stored {
    specs: BTreeMap<JobId, Spec>,
    facts: BTreeMap<JobId, Facts>,
    meta: Option<crate::record::Meta>,
    /// Records that were set aside before, under the keys that they had.
    aside: BTreeMap<Vec<u8>, Vec<u8>>,
    damaged: Vec<Damage>,
    /// Records that are set aside now.
    moved: Vec<(Key, Vec<u8>)>,
    /// Records that can be read again.
    back: Vec<Vec<u8>>,
}

impl Stored {
    fn take(&mut self, key: &[u8], value: &[u8]) {
        let decoded = match Key::decode(key) {
            Some(Key::Queue) => decode_meta(value).map(|meta| self.meta = Some(meta)),
            Some(Key::Spec(id)) => decode_spec(value).map(|spec| drop(self.specs.insert(id, spec))),
            Some(Key::Facts(id)) => decode_facts(value).map(|facts| drop(self.facts.insert(id, facts))),
            Some(Key::SetAside(inner)) => {
                self.aside.insert(inner.into(), value.to_vec());
                Ok(())
            }
            Some(Key::Unknown(_)) | None => Err(RecordError::Key),
        };
        if let Err(error) = decoded {
            self.set_aside(key, value, error);
        }
    }

    fn set_aside(&mut self, key: &[u8], value: &[u8], error: RecordError) {
        let job = match Key::decode(key) {
            Some(Key::Spec(id) | Key::Facts(id)) => Some(id),
            _ => None,
        };
        let known = Key::decode(key).unwrap_or(Key::Unknown(key.into()));
        self.damaged.push(Damage { key: key.to_vec(), job, error });
        self.moved.push((known, value.to_vec()));
    }

    /// Makes the jobs of what was read. What is not whole is set aside, or the job is.
    fn join(&mut self, queue: &mut Queue, now: Now) {
        let again = self.read_again();
        let orphans: Vec<JobId> =
            self.facts.keys().filter(|id| !self.specs.contains_key(id)).copied().collect();
        for id in orphans {
            if let Some(facts) = self.facts.remove(&id) {
                let (key, value) = (Key::Facts(id).encode(), crate::record::encode_facts(&facts));
                self.set_aside(&key, &value, RecordError::Orphan);
            }
        }
        let highest =
            self.damaged.iter().filter_map(|damage| damage.job).chain(self.specs.keys().copied()).max();
        let next_id = highest.map_or(1, |id| id.0.saturating_add(1));
        queue.meta = self.meta.take().unwrap_or_default();
        queue.meta.next_id = queue.meta.next_id.max(next_id).max(1);
        let mut lost = Vec::new();
        for (id, spec) in std::mem::take(&mut self.specs) {
            let facts = self.facts.remove(&id);
            lost.extend(facts.is_none().then_some(id));
            let facts = facts.unwrap_or_else(|| Facts::new(State::Pending, now.utc_ms));
            let doing = doing_of(&facts, &spec, now);
            let job = Job { id, spec: Arc::new(spec), facts, doing };
            if again.contains(&id) {
                queue.create(job);
            } else {
                queue.index.link(&job);
                queue.index.insert(&job, queue.settings.age_ms);
                queue.jobs.insert(id, job);
            }
        }
        for id in lost {
            let damage = self.damaged.iter().find(|damage| damage.job == Some(id));
            let text = damage.map_or_else(|| "it is missing".to_owned(), |damage| damage.error.to_string());
            queue.end(now, id, State::Quarantined, Some(Reason::Damaged { text }));
        }
    }

    /// Takes back jobs of which both records were set aside and can be read now, by a newer program for instance.
    fn read_again(&mut self) -> Vec<JobId> {
        let mut back = Vec::new();
        let ids: Vec<JobId> = (self.aside.keys())
            .filter_map(|key| match Key::decode(key) {
                Some(Key::Facts(id)) => Some(id),
                _ => None,
            })
            .collect();
        for id in ids {
            let (spec_key, facts_key) = (Key::Spec(id).encode(), Key::Facts(id).encode());
            if self.specs.contains_key(&id) || self.facts.contains_key(&id) {
                continue;
            }
            let spec = self.aside.get(&spec_key).map(|bytes| decode_spec(bytes));
            let facts = self.aside.get(&facts_key).map(|bytes| decode_facts(bytes));
            if let (Some(Ok(spec)), Some(Ok(facts))) = (spec, facts) {
                self.specs.insert(id, spec);
                self.facts.insert(id, facts);
                self.back.extend([spec_key, facts_key]);
                back.push(id);
            }
        }
        back
    }

    fn aside_changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (key, value) in std::mem::take(&mut self.moved) {
            let aside = key.encode();
            self.aside.insert(aside.clone(), value.clone());
            changes.push(Change { key: Key::SetAside(aside.into()), value: Some(value) });
            changes.push(Change { key, value: None });
        }
        for key in &self.back {
            self.aside.remove(key);
            changes.push(Change { key: Key::SetAside(key.as_slice().into()), value: None });
        }
        let excess = self.aside.len().saturating_sub(KEPT_ASIDE);
        let removed = self.aside.keys().take(excess);
        changes.extend(removed.map(|key| Change { key: Key::SetAside(key.as_slice().into()), value: None }));
        changes
    }
}

/// What a job does before the queue looked at it: what ran counts as running, what waits as waiting for parents.
fn doing_of(facts: &Facts, spec: &Spec, now: Now) -> Doing {
    let mono_ms = now.mono_ms();
    match facts.state {
        State::Pending => Doing::Parents,
        State::Running => Doing::Running(Run {
            started_ms: mono_ms,
            deadline_ms: mono_ms.saturating_add(signed(spec.time_limit_ms)),
            revoke_ms: None,
            step_since_ms: mono_ms,
            saved_ms: mono_ms,
            stop: StopFlag::default(),
        }),
        _ => Doing::Ended,
    }
}

impl Queue {
    /// A job that ran when the process died: due at once, or at its end.
    fn recover(&mut self, now: Now, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let facts = &job.facts;
        let (crashes, tries) = (facts.crashes + 1, facts.tries + 1);
        let (step, fraction) = (facts.step.clone(), facts.fraction);
        let reason = Reason::Killed { times: crashes, step, fraction };
        let (is_cancelling, is_last) = (facts.is_cancelling, tries >= job.spec.max_attempts);
        self.count(|totals| totals.killed += 1);
        self.edit(id, |job| {
            job.facts.end_attempt(now.utc_ms, End::Killed, Some(reason.clone()));
            // The index counts jobs that ran before among those that run: it must not see a change of that in between.
            job.facts.state = State::Pending;
            job.doing = Doing::Parents;
            job.facts.crashes = crashes;
            job.facts.tries = tries;
            job.facts.pause_ms = 0;
            job.facts.reason = Some(reason.clone());
        });
        let end = if is_cancelling {
            (State::Cancelled, Reason::Cancelled)
        } else if crashes >= self.settings.max_crashes {
            (State::Quarantined, reason)
        } else if is_last {
            (State::Failed, reason)
        } else {
            return;
        };
        self.end(now, id, end.0, Some(end.1));
    }

    /// Finds where a pending job was: at its parents, its time, its pause or its turn.
    fn resettle(&mut self, now: Now, id: JobId) {
        if self.open_gate_again(now, id) {
            self.settle(now, id);
        }
    }

    /// Like [`open_gate`](Queue::open_gate), for a job that may have been let through before.
    pub(super) fn open_gate_again(&mut self, now: Now, id: JobId) -> bool {
        let Some(job) = self.jobs.get(&id).filter(|job| job.facts.state == State::Pending) else {
            return false;
        };
        let Some(due_ms) = job.facts.due_ms else { return self.open_gate(now, id) };
        let mono_ms = now.mono_ms();
        let pause_ms = signed(job.facts.pause_ms);
        let left_ms = due_ms.saturating_sub(now.utc_ms);
        let doing = match job.spec.run_at_ms {
            Some(utc_ms) if utc_ms > now.utc_ms && pause_ms == 0 => Doing::Until { utc_ms },
            // A clock that was set back, or was never set, makes no pause longer than it was.
            _ if left_ms > 0 && pause_ms > 0 => Doing::Pause { until_ms: mono_ms + left_ms.min(pause_ms) },
            _ => Doing::Due {
                since_ms: mono_ms - left_ms.saturating_neg().clamp(0, self.settings.oldest_ms()),
            },
        };
        self.touch(id, |job| job.doing = doing);
        false
    }
}

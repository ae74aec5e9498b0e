//! The queue beside a model that looks at every job each time: random operations, kills and failed transactions.

use std::collections::BTreeMap;

use ocellus_jobs::{
    Cancelled, Dependency, How, JobId, JobRequest, Limits, Outcome, Retry, Settings, State, Token,
};
use proptest::prelude::*;

use crate::support::{Lab, job, plain};

const AGE_MS: u64 = 50;
const MAX: usize = 12;
const KINDS: [&str; 3] = ["clip", "fetch", "upscale"];

#[derive(Clone, Debug)]
enum Operation {
    Add {
        kind: usize,
        priority: u8,
        delay_ms: Option<i64>,
        parents: Vec<(prop::sample::Index, bool)>,
        unique: Option<u8>,
    },
    Claim {
        total: usize,
        fetch: usize,
    },
    Complete {
        which: prop::sample::Index,
        how: u8,
    },
    Cancel {
        which: prop::sample::Index,
    },
    Retry {
        which: prop::sample::Index,
    },
    Wait {
        ms: u64,
    },
    Expire,
    Kill,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let index = any::<prop::sample::Index>;
    let parents = proptest::collection::vec((index(), any::<bool>()), 0..3);
    let delay = proptest::option::weighted(0.2, 0..400i64);
    let unique = proptest::option::weighted(0.2, 0..4u8);
    prop_oneof![
        8 => (0..3usize, 0..6u8, delay, parents, unique)
            .prop_map(|(kind, priority, delay_ms, parents, unique)| Add { kind, priority, delay_ms, parents, unique }),
        10 => (1..4usize, 0..3usize).prop_map(|(total, fetch)| Claim { total, fetch }),
        8 => (index(), 0..6u8).prop_map(|(which, how)| Complete { which, how }),
        1 => index().prop_map(|which| Cancel { which }),
        1 => index().prop_map(|which| Retry { which }),
        4 => (0..200u64).prop_map(|ms| Wait { ms }),
        2 => Just(Expire),
        1 => Just(Kill),
    ]
}

/// A job of the model. Times are on the wall clock, which goes with the monotonic one here.
#[derive(Clone, Debug)]
struct Known {
    kind: &'static str,
    priority: u8,
    run_at: i64,
    parents: Vec<(JobId, bool)>,
    unique: Option<u8>,
    state: State,
    /// Not before: the end of a pause.
    paused_until: i64,
    /// Since when it is due, as soon as somebody looked.
    since: Option<i64>,
    attempt: u32,
    tries: u32,
    crashes: u32,
    started: i64,
    cancelling: bool,
    /// It was asked to stop at this moment because it took too long, or was cancelled.
    revoke: Option<i64>,
    by_parent: bool,
}

const LIMIT_MS: i64 = 500;
const GRACE_MS: i64 = 100;
const ATTEMPTS: u32 = 3;

#[derive(Clone, Default)]
struct Model {
    jobs: BTreeMap<JobId, Known>,
    now: i64,
}

impl Model {
    fn open(&self, id: JobId) -> bool {
        self.jobs[&id].state.is_open()
    }

    /// `None`: it waits; `Some(Ok)`: it may run; `Some(Err)`: it ends in this state.
    fn gate(&self, job: &Known) -> Option<Result<(), State>> {
        let needed = job.parents.iter().filter(|(_, optional)| !optional);
        let ended = needed.map(|(id, _)| self.jobs[id].state);
        for state in ended {
            match state {
                State::Cancelled => return Some(Err(State::Cancelled)),
                State::Failed | State::Quarantined => return Some(Err(State::Failed)),
                _ => {}
            }
        }
        job.parents.iter().all(|(id, _)| !self.open(*id)).then_some(Ok(()))
    }

    /// Ends what has to end and lets go what may, until nothing changes.
    fn settle(&mut self) {
        loop {
            let waiting: Vec<JobId> = self
                .jobs
                .iter()
                .filter(|(_, job)| job.state == State::Pending && job.since.is_none())
                .map(|(id, _)| *id)
                .collect();
            let mut changed = false;
            for id in waiting {
                let job = &self.jobs[&id];
                // Whoever was let through once is not asked again.
                if job.paused_until != i64::MIN || job.run_at == i64::MIN {
                    continue;
                }
                match self.gate(job) {
                    Some(Err(state)) => {
                        let job = self.jobs.get_mut(&id).unwrap();
                        (job.state, job.by_parent) = (state, true);
                        changed = true;
                    }
                    Some(Ok(())) => {
                        let now = self.now;
                        let job = self.jobs.get_mut(&id).unwrap();
                        if job.run_at > now {
                            // Its time is a pause without a failure.
                            job.paused_until = job.run_at;
                        } else {
                            job.since = Some(now);
                        }
                        changed = true;
                    }
                    None => {}
                }
            }
            if !changed {
                return;
            }
        }
    }

    fn advance(&mut self) {
        for job in self.jobs.values_mut() {
            if job.state == State::Pending
                && job.since.is_none()
                && job.paused_until != i64::MIN
                && job.paused_until <= self.now
            {
                job.since = Some(self.now);
            }
        }
    }

    fn running(&self, kind: Option<&str>) -> usize {
        self.jobs
            .values()
            .filter(|job| job.state == State::Running && kind.is_none_or(|kind| kind == job.kind))
            .count()
    }

    fn next(&mut self, total: usize, fetch: usize) -> Option<JobId> {
        self.advance();
        let limit = |kind: &str| if kind == "fetch" { fetch.min(total) } else { total };
        if self.jobs.values().any(|job| job.state == State::Running && job.crashes > 0) {
            return None;
        }
        let due = || self.jobs.iter().filter(|(_, job)| job.state == State::Pending && job.since.is_some());
        let place =
            |(id, job): (&JobId, &Known)| (job.since.unwrap() + i64::from(job.priority) * AGE_MS as i64, *id);
        let suspects = due().filter(|(_, job)| job.crashes > 0 && limit(job.kind) > 0);
        if let Some(first) = suspects.map(place).min() {
            return (self.running(None) == 0).then_some(first.1);
        }
        let free = due().filter(|(_, job)| {
            job.crashes == 0 && self.running(None) < total && self.running(Some(job.kind)) < limit(job.kind)
        });
        free.map(place).min().map(|(_, id)| id)
    }

    fn fail(&mut self, id: JobId, pause: i64, is_final: bool) {
        let now = self.now;
        let job = self.jobs.get_mut(&id).unwrap();
        job.tries += 1;
        if job.tries >= ATTEMPTS || is_final {
            job.state = State::Failed;
        } else {
            job.state = State::Pending;
            if pause > 0 {
                (job.paused_until, job.since) = (now + pause, None);
            }
        }
        self.settle();
    }

    fn cancelled(&mut self, id: JobId) {
        self.jobs.get_mut(&id).unwrap().state = State::Cancelled;
        self.settle();
    }
}

fn settings() -> Settings {
    Settings {
        max_queue_size: MAX,
        age_ms: AGE_MS,
        max_attempts: ATTEMPTS,
        time_limit_ms: LIMIT_MS as u64,
        stop_grace_ms: GRACE_MS as u64,
        ..plain()
    }
}

struct Pair {
    lab: Lab,
    model: Model,
    tokens: Vec<Token>,
}

impl Pair {
    fn add(
        &mut self,
        kind: usize,
        priority: u8,
        delay_ms: Option<i64>,
        parents: &[(prop::sample::Index, bool)],
        unique: Option<u8>,
    ) {
        let ids: Vec<JobId> = self.model.jobs.keys().copied().collect();
        let mut of: Vec<(JobId, bool)> = Vec::new();
        for (which, optional) in parents.iter().filter(|_| !ids.is_empty()) {
            let id = *which.get(&ids);
            match of.iter_mut().find(|(known, _)| *known == id) {
                Some((_, known)) => *known &= optional,
                None => of.push((id, *optional)),
            }
        }
        let run_at = delay_ms.map(|delay| self.lab.now.utc_ms + delay);
        let request = JobRequest {
            priority: Some(priority),
            run_at_ms: run_at,
            parents: of.iter().map(|&(job, optional)| Dependency { job, optional }).collect(),
            unique_key: unique.map(|key| key.to_string()),
            ..job(KINDS[kind])
        };
        let answer = self.lab.queue.add(self.lab.now, request);
        let holder = self.model.jobs.iter().find(|(_, job)| {
            unique.is_some() && job.unique == unique && !matches!(job.state, State::Failed | State::Cancelled)
        });
        let blocked = of.iter().any(|(id, optional)| {
            !optional
                && matches!(self.model.jobs[id].state, State::Failed | State::Cancelled | State::Quarantined)
        });
        let waiting = self.model.jobs.values().filter(|job| job.state == State::Pending).count();
        if blocked {
            assert!(answer.is_err());
        } else if let Some((id, _)) = holder {
            assert_eq!(answer.unwrap(), ocellus_jobs::Added { id: *id, how: How::Existing });
        } else if waiting >= MAX {
            assert!(answer.unwrap_err().to_string().contains("full"));
        } else {
            let id = answer.unwrap().id;
            assert_eq!(id.0, self.model.jobs.len() as u64 + 1);
            let known = Known {
                kind: KINDS[kind],
                priority,
                run_at: run_at.unwrap_or(0),
                parents: of,
                unique,
                state: State::Pending,
                paused_until: i64::MIN,
                since: None,
                attempt: 0,
                tries: 0,
                crashes: 0,
                started: 0,
                cancelling: false,
                revoke: None,
                by_parent: false,
            };
            self.model.jobs.insert(id, known);
            self.model.settle();
        }
    }

    fn claim(&mut self, total: usize, fetch: usize) {
        let limits = Limits { kinds: [("fetch".into(), fetch)].into(), ..Limits::total(total) };
        let claim = self.lab.queue.claim(self.lab.now, &limits);
        let expected = self.model.next(total, fetch);
        assert_eq!(claim.as_ref().map(|claim| claim.token.job()), expected);
        if let Some(claim) = claim {
            let now = self.model.now;
            let job = self.model.jobs.get_mut(&claim.token.job()).unwrap();
            job.attempt += 1;
            (job.state, job.started, job.revoke, job.cancelling) = (State::Running, now, None, false);
            assert_eq!(claim.token.attempt(), job.attempt);
            let states: Vec<State> = claim.parents.iter().map(|parent| parent.state).collect();
            let known = self.model.jobs[&claim.token.job()].parents.clone();
            assert_eq!(states, known.iter().map(|(id, _)| self.model.jobs[id].state).collect::<Vec<_>>());
            self.tokens.push(claim.token);
        }
    }

    fn complete(&mut self, which: prop::sample::Index, how: u8) {
        if self.tokens.is_empty() {
            return;
        }
        let token = *which.get(&self.tokens);
        let id = token.job();
        let outcome = match how {
            0 => Outcome::Failed { text: "x".into(), retry: Retry::Backoff },
            1 => Outcome::Failed { text: "x".into(), retry: Retry::After(70) },
            2 => Outcome::Failed { text: "x".into(), retry: Retry::Never },
            3 => Outcome::Stopped,
            _ => Outcome::Completed { result: (*b"y").into(), cache_key: None },
        };
        let answer = self.lab.queue.complete(self.lab.now, token, outcome);
        let job = self.model.jobs[&id].clone();
        if job.state != State::Running || job.attempt != token.attempt() {
            assert!(answer.is_err(), "an old attempt counted");
            return;
        }
        answer.unwrap();
        match how {
            4.. => {
                let job = self.model.jobs.get_mut(&id).unwrap();
                (job.state, job.tries) = (State::Completed, job.tries + 1);
                self.model.settle();
            }
            _ if job.cancelling => self.model.cancelled(id),
            0 => self.model.fail(id, 0, false),
            1 => self.model.fail(id, 70, false),
            2 => self.model.fail(id, 0, true),
            _ if job.revoke.is_some() => self.model.fail(id, 0, false),
            // Given back: due since it was.
            _ => self.model.jobs.get_mut(&id).unwrap().state = State::Pending,
        }
    }

    fn cancel(&mut self, which: prop::sample::Index) {
        let ids: Vec<JobId> = self.model.jobs.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = *which.get(&ids);
        let answer = self.lab.queue.cancel(self.lab.now, id);
        match self.model.jobs[&id].state {
            State::Pending => {
                assert_eq!(answer, Ok(Cancelled::AtOnce));
                self.model.cancelled(id);
            }
            State::Running => {
                assert_eq!(answer, Ok(Cancelled::Requested));
                let revoke = self.model.now + GRACE_MS;
                let job = self.model.jobs.get_mut(&id).unwrap();
                job.cancelling = true;
                job.revoke.get_or_insert(revoke);
                let needing: Vec<JobId> = self
                    .model
                    .jobs
                    .iter()
                    .filter(|(_, job)| job.state == State::Pending && job.parents.contains(&(id, false)))
                    .map(|(id, _)| *id)
                    .collect();
                for child in needing {
                    self.model.jobs.get_mut(&child).unwrap().by_parent = true;
                    self.model.cancelled(child);
                }
            }
            _ => assert!(answer.is_err()),
        }
    }

    fn retry(&mut self, which: prop::sample::Index) {
        let ids: Vec<JobId> = self.model.jobs.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = *which.get(&ids);
        let answer = self.lab.queue.retry(self.lab.now, id);
        let job = &self.model.jobs[&id];
        let ended = matches!(job.state, State::Failed | State::Cancelled | State::Quarantined);
        let held = |model: &Model, job: &Known, id: JobId| {
            job.unique.is_some()
                && model.jobs.iter().any(|(other, known)| {
                    *other != id
                        && known.unique == job.unique
                        && !matches!(known.state, State::Failed | State::Cancelled)
                })
        };
        let waiting = self.model.jobs.values().filter(|job| job.state == State::Pending).count();
        let allowed = ended
            && !matches!(self.model.gate(job), Some(Err(_)))
            && !held(&self.model, job, id)
            && waiting < MAX;
        assert_eq!(answer.is_ok(), allowed, "{answer:?}");
        if !allowed {
            return;
        }
        self.model.reopen(id);
        let mut reopened = vec![id];
        while let Some(parent) = reopened.pop() {
            let ids: Vec<JobId> = self.model.jobs.keys().copied().collect();
            for child in ids {
                let job = &self.model.jobs[&child];
                if job.by_parent
                    && matches!(job.state, State::Failed | State::Cancelled)
                    && job.parents.iter().any(|(of, _)| *of == parent)
                    && !matches!(self.model.gate(job), Some(Err(_)))
                    && !held(&self.model, job, child)
                {
                    self.model.reopen(child);
                    reopened.push(child);
                }
            }
        }
    }

    fn expire(&mut self) {
        let expired: Vec<JobId> =
            self.lab.queue.expire(self.lab.now).iter().map(|expired| expired.token.job()).collect();
        let running: Vec<JobId> = self
            .model
            .jobs
            .iter()
            .filter(|(_, job)| job.state == State::Running)
            .map(|(id, _)| *id)
            .collect();
        let mut revoked = Vec::new();
        for id in running {
            let now = self.model.now;
            let job = self.model.jobs.get_mut(&id).unwrap();
            match job.revoke {
                None if job.started + LIMIT_MS <= now => job.revoke = Some(now + GRACE_MS),
                Some(at) if at <= now => {
                    let is_cancelling = job.cancelling;
                    revoked.push(id);
                    if is_cancelling { self.model.cancelled(id) } else { self.model.fail(id, 0, false) }
                }
                _ => {}
            }
        }
        let mut found = expired;
        found.sort_unstable();
        assert_eq!(found, revoked);
    }

    fn kill(&mut self) {
        // No time passes, so that both clocks go on alike.
        let now = ocellus_jobs::Now { monotonic: self.lab.now.monotonic, utc_ms: self.lab.now.utc_ms };
        self.lab.restart(now);
        let running: Vec<JobId> = self
            .model
            .jobs
            .iter()
            .filter(|(_, job)| job.state == State::Running)
            .map(|(id, _)| *id)
            .collect();
        for id in running {
            let job = self.model.jobs.get_mut(&id).unwrap();
            (job.crashes, job.tries) = (job.crashes + 1, job.tries + 1);
            job.state = if job.cancelling {
                State::Cancelled
            } else if job.crashes >= 2 {
                State::Quarantined
            } else if job.tries >= ATTEMPTS {
                State::Failed
            } else {
                State::Pending
            };
        }
        self.model.settle();
        // Where a job was let go when somebody looked, a restart looks at once: due since its time, not since the look.
        self.model.relook();
    }
}

impl Model {
    fn relook(&mut self) {
        let now = self.now;
        for job in self.jobs.values_mut().filter(|job| job.state == State::Pending) {
            if job.paused_until != i64::MIN {
                job.since = (job.paused_until <= now).then_some(job.paused_until);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_queue_does_what_the_model_does(
        operations in proptest::collection::vec((operation(), 0..8u8), 1..120)
    ) {
        let lab = Lab::new(settings());
        let now = lab.now.utc_ms;
        let mut pair = Pair { lab, model: Model { jobs: BTreeMap::new(), now }, tokens: Vec::new() };
        for (operation, fate) in operations {
            if fate == 0 && !matches!(operation, Operation::Wait { .. } | Operation::Kill) {
                // The transaction fails: what was answered does not hold.
                let (model, tokens) = (pair.model.clone(), pair.tokens.clone());
                pair.step(&operation);
                let looked = pair.model.clone();
                (pair.model, pair.tokens) = (model, tokens);
                pair.lab.queue.abandon();
                pair.model.keep_looks(&looked);
            } else {
                pair.step(&operation);
                pair.lab.commit();
            }
            prop_assert!(pair.lab.queue.is_consistent());
            for (id, known) in &pair.model.jobs {
                let report = pair.lab.get(*id);
                prop_assert_eq!(report.state, known.state, "job {}", id);
                prop_assert_eq!(report.tries, known.tries, "job {}", id);
            }
        }
    }
}

impl Model {
    fn reopen(&mut self, id: JobId) {
        let job = self.jobs.get_mut(&id).unwrap();
        (job.state, job.since, job.paused_until) = (State::Pending, None, i64::MIN);
        (job.tries, job.crashes, job.by_parent) = (0, job.crashes.min(1), false);
        self.settle();
    }

    /// Looking at the clock is no part of a transaction: what it let go stays so, and so do requests to stop.
    fn keep_looks(&mut self, looked: &Model) {
        for (id, job) in &mut self.jobs {
            let after = &looked.jobs[id];
            if job.state == State::Pending
                && job.paused_until != i64::MIN
                && job.paused_until == after.paused_until
            {
                job.since = job.since.or(after.since);
            }
            if job.state == State::Running && after.state == State::Running && !after.cancelling {
                job.revoke = after.revoke;
            }
        }
    }
}

impl Pair {
    fn step(&mut self, operation: &Operation) {
        match operation.clone() {
            Operation::Add { kind, priority, delay_ms, parents, unique } => {
                self.add(kind, priority, delay_ms, &parents, unique);
            }
            Operation::Claim { total, fetch } => self.claim(total, fetch),
            Operation::Complete { which, how } => self.complete(which, how),
            Operation::Cancel { which } => self.cancel(which),
            Operation::Retry { which } => self.retry(which),
            Operation::Wait { ms } => {
                self.lab.wait_ms(ms);
                self.model.now += ms as i64;
            }
            Operation::Expire => self.expire(),
            Operation::Kill => self.kill(),
        }
    }
}

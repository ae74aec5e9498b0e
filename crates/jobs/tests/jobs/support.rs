//! A store in memory, a clock by hand, and a process that can be killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ocellus_jobs::{
    Added, Change, Claim, Finished, JobId, JobReport, JobRequest, Limits, Now, Outcome, Queue, Restored,
    Retry, Settings, State, Token, TokenError, WorkflowAdded, WorkflowJob, WorkflowRequest, restore,
};

/// 2026-11-29 in milliseconds since 1970.
pub const TODAY_MS: i64 = 1_795_910_400_000;

/// The store: what a transaction wrote is all there or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store(pub BTreeMap<Vec<u8>, Vec<u8>>);

impl Store {
    pub fn apply(&mut self, changes: Vec<Change>) {
        for Change { key, value } in changes {
            match value {
                Some(value) => drop(self.0.insert(key.encode(), value)),
                None => drop(self.0.remove(&key.encode())),
            }
        }
    }
}

/// The generator of Marsaglia's xorshift, so that a run can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

pub struct Lab {
    pub settings: Settings,
    pub store: Store,
    pub queue: Queue,
    pub now: Now,
    seed: u64,
}

/// Settings without jitter, so that a test can say when a job is tried again.
pub fn plain() -> Settings {
    Settings { backoff_first_ms: 0, backoff_longest_ms: 0, ..Settings::default() }
}

pub fn job(kind: &str) -> JobRequest {
    JobRequest::new(kind, format!("{kind}.jpg"), kind.as_bytes())
}

pub fn failed(text: &str) -> Outcome {
    Outcome::Failed { text: text.into(), retry: Retry::Backoff }
}

pub fn fatal(text: &str) -> Outcome {
    Outcome::Failed { text: text.into(), retry: Retry::Never }
}

pub fn done(result: &str) -> Outcome {
    Outcome::Completed { result: result.as_bytes().into(), cache_key: None }
}

impl Lab {
    pub fn new(settings: Settings) -> Lab {
        let now = Now { monotonic: Duration::from_secs(1), utc_ms: TODAY_MS };
        let Restored { queue, .. } =
            restore(settings.clone(), 1, now, [] as [([u8; 0], [u8; 0]); 0]).unwrap();
        Lab { settings, store: Store::default(), queue, now, seed: 1 }
    }

    /// Stores what is staged, and confirms.
    pub fn commit(&mut self) -> Vec<JobId> {
        self.store.apply(self.queue.changes());
        let changed = self.queue.confirm();
        assert!(!self.queue.has_changes());
        assert!(self.is_large() || self.queue.is_consistent());
        changed
    }

    /// Looking at all of it after each step would take long.
    fn is_large(&self) -> bool {
        self.store.0.len() > 500
    }

    pub fn wait_ms(&mut self, ms: u64) {
        self.now.monotonic += Duration::from_millis(ms);
        self.now.utc_ms += ms as i64;
    }

    /// The process dies, and starts again a second later with clocks that begin anew.
    pub fn kill(&mut self) -> Restored {
        self.restart(Now { monotonic: Duration::ZERO, utc_ms: self.now.utc_ms + 1_000 })
    }

    pub fn restart(&mut self, now: Now) -> Restored {
        self.now = now;
        self.seed += 1;
        let mut restored = restore(self.settings.clone(), self.seed, now, self.store.0.clone()).unwrap();
        let queue = &mut restored.queue;
        assert!(queue.is_consistent());
        self.store.apply(queue.changes());
        queue.confirm();
        if !self.is_large() {
            let again = restore(self.settings.clone(), self.seed, now, self.store.0.clone()).unwrap();
            let left = again.queue.changes().len();
            // What ran is due again after the first start; after a second one nothing more has happened.
            assert!(again.killed.is_empty() && again.damaged.is_empty() && left == 0, "{left} changes");
        }
        std::mem::swap(&mut self.queue, &mut restored.queue);
        restored
    }

    pub fn add(&mut self, request: JobRequest) -> JobId {
        self.added(request).id
    }

    pub fn added(&mut self, request: JobRequest) -> Added {
        let added = self.queue.add(self.now, request).unwrap();
        self.commit();
        added
    }

    pub fn workflow(&mut self, jobs: Vec<WorkflowJob>) -> WorkflowAdded {
        let added = self.queue.add_workflow(self.now, &WorkflowRequest { jobs }).unwrap();
        self.commit();
        added
    }

    pub fn claim(&mut self) -> Option<Claim> {
        self.claim_under(&Limits::total(1_000))
    }

    pub fn claim_under(&mut self, limits: &Limits) -> Option<Claim> {
        let claim = self.queue.claim(self.now, limits);
        self.commit();
        claim
    }

    /// The job that is handed out next; it must be there.
    pub fn run(&mut self) -> Claim {
        self.claim().expect("a job is due")
    }

    pub fn answer(&mut self, token: Token, outcome: Outcome) -> Result<Finished, TokenError> {
        let finished = self.queue.complete(self.now, token, outcome);
        self.commit();
        finished
    }

    /// Runs the next job to its end.
    pub fn finish(&mut self, outcome: Outcome) -> JobId {
        let token = self.run().token;
        self.answer(token, outcome).unwrap();
        token.job()
    }

    pub fn get(&self, id: JobId) -> JobReport {
        self.queue.get(self.now, id).expect("the job is kept")
    }

    pub fn state(&self, id: JobId) -> State {
        self.get(id).state
    }

    pub fn message(&self, id: JobId) -> String {
        self.get(id).message.unwrap_or_default()
    }

    pub fn result(&self, id: JobId) -> Option<Arc<[u8]>> {
        self.queue.result(id)
    }
}

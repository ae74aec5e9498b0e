//! Ten thousand jobs, and a process that dies between any two steps: none is lost, none completes twice.
//!
//! The journal is what an observer outside of the process would have seen: answers to those who asked, starts and ends of work.

use std::collections::BTreeMap;

use ocellus_jobs::{Dependency, JobId, JobRequest, Limits, Outcome, Retry, Settings, State, Token};

use crate::support::{Lab, Random, job, plain};

/// What was seen of a job from outside.
#[derive(Default)]
struct Seen {
    /// Its work was started with these tokens.
    starts: Vec<Token>,
    /// Its completion was told.
    completions: u32,
    /// Its result, as it was told.
    result: Option<Vec<u8>>,
}

/// A process with four workers.
struct Process {
    lab: Lab,
    random: Random,
    running: Vec<Token>,
    journal: BTreeMap<JobId, Seen>,
    /// Poisonous jobs: the process dies while they run.
    poison: Vec<JobId>,
    kills: u32,
}

enum Step {
    Stored,
    Killed,
}

impl Process {
    /// Stores what is staged; with `kill` dies before or after it, and then nobody was told.
    fn store(&mut self, kill: bool) -> Step {
        if kill {
            if self.random.below(2) == 0 {
                self.lab.store.apply(self.lab.queue.changes());
            }
            self.die();
            return Step::Killed;
        }
        self.lab.store.apply(self.lab.queue.changes());
        self.lab.queue.confirm();
        Step::Stored
    }

    fn die(&mut self) {
        self.kills += 1;
        self.running.clear();
        self.lab.kill();
    }

    fn request(&mut self, number: u64) -> JobRequest {
        let known = self.journal.len() as u64;
        let mut request = JobRequest {
            priority: Some(self.random.below(256) as u8),
            // Whoever got no answer asks again, with the same key.
            unique_key: Some(format!("asked {number}")),
            max_attempts: Some(100),
            ..job(["clip", "upscale", "fetch"][self.random.below(3) as usize])
        };
        if known > 0 && self.random.below(4) == 0 {
            let parent = JobId(1 + self.random.below(known));
            request.parents.push(Dependency { job: parent, optional: true });
        }
        request
    }

    /// Adds jobs in groups of up to 64, as a group commit does.
    fn add(&mut self, asked: &mut Vec<u64>, kill: bool) {
        let group = asked.len().min(1 + self.random.below(64) as usize);
        let numbers: Vec<u64> = asked.iter().rev().take(group).copied().collect();
        let mut answers = Vec::new();
        for number in numbers {
            let request = self.request(number);
            answers.push(self.lab.queue.add(self.lab.now, request).unwrap().id);
        }
        if let Step::Stored = self.store(kill) {
            asked.truncate(asked.len() - group);
            for id in answers {
                self.journal.entry(id).or_default();
            }
        }
    }

    fn claim(&mut self, kill: bool) {
        let limits = Limits { kinds: [("fetch".into(), 2)].into(), ..Limits::total(4) };
        let Some(claim) = self.lab.queue.claim(self.lab.now, &limits) else { return };
        if let Step::Stored = self.store(kill) {
            let token = claim.token;
            self.journal.entry(token.job()).or_default().starts.push(token);
            self.running.push(token);
            if self.poison.contains(&token.job()) {
                self.die();
            }
        }
    }

    fn end(&mut self, kill: bool) {
        if self.running.is_empty() {
            return;
        }
        let at = self.random.below(self.running.len() as u64) as usize;
        let token = self.running.swap_remove(at);
        // Outputs are named by content: the same for each attempt.
        let result = format!("output of {}", token.job()).into_bytes();
        let outcome = match self.random.below(20) {
            0 => Outcome::Failed { text: "once".into(), retry: Retry::Backoff },
            1 => Outcome::Released { after_ms: 0 },
            _ => Outcome::Completed { result: result.clone().into(), cache_key: None },
        };
        let completes = matches!(outcome, Outcome::Completed { .. });
        self.lab.queue.complete(self.lab.now, token, outcome).unwrap();
        if let (Step::Stored, true) = (self.store(kill), completes) {
            let seen = self.journal.entry(token.job()).or_default();
            seen.completions += 1;
            seen.result = Some(result);
        }
    }
}

#[test]
fn ten_thousand_jobs_and_fifty_kills_lose_none_and_complete_none_twice() {
    let (count, kills) = (10_000u64, 50u64);
    let settings = Settings { max_queue_size: 20_000, history_count: 20_000, ..plain() };
    let mut process = Process {
        lab: Lab::new(settings),
        random: Random(2_026),
        running: Vec::new(),
        journal: BTreeMap::new(),
        poison: [77, 1_234, 5_678].map(JobId).into(),
        kills: 0,
    };
    let mut asked: Vec<u64> = (0..count).collect();
    let (mut steps, mut random) = (0u64, Random(50));
    let mut next_kill = 1;
    while !asked.is_empty() || !process.lab.queue.is_empty() {
        steps += 1;
        // Kills are spread over the whole run, which takes some 30,000 steps.
        let kill = steps >= next_kill && u64::from(process.kills) < kills;
        if kill {
            next_kill = steps + 1 + random.below(900);
        }
        match random.below(if asked.is_empty() { 8 } else { 9 }) {
            0..4 => process.claim(kill),
            4..8 => process.end(kill),
            _ => process.add(&mut asked, kill),
        }
        process.lab.wait_ms(1);
        if steps % 5_000 == 0 {
            assert!(process.lab.queue.is_consistent());
        }
    }
    let Process { lab, journal, poison, kills: died, .. } = process;
    assert!(u64::from(died) >= kills, "{died}");

    assert_eq!(journal.len() as u64, count, "each request has its job, and only one");
    let (mut completed, mut aside) = (0, Vec::new());
    for (id, seen) in &journal {
        assert!(seen.completions <= 1, "job {id} was completed {} times", seen.completions);
        let report = lab.get(*id);
        let attempts: Vec<u32> = seen.starts.iter().map(|token| token.attempt()).collect();
        assert!(attempts.windows(2).all(|pair| pair[0] < pair[1]), "job {id}: {attempts:?}");
        match report.state {
            State::Completed => {
                completed += 1;
                let ends = report
                    .attempts
                    .iter()
                    .filter(|attempt| attempt.end == Some(ocellus_jobs::End::Completed));
                assert_eq!(ends.count(), 1, "job {id} has one attempt that completed");
                let result = lab.result(*id).unwrap();
                assert_eq!(&*result, format!("output of {id}").as_bytes());
                assert!(seen.result.as_deref().is_none_or(|seen| seen == &*result));
            }
            State::Quarantined => aside.push(*id),
            state => panic!("job {id} is {state}"),
        }
    }
    let unanswered = journal.values().filter(|seen| seen.completions == 0).count() - aside.len();
    println!(
        "{count} jobs, {died} deaths, {steps} steps: {completed} completed, {} set aside, {unanswered} stored when the process died before it could answer",
        aside.len()
    );
    for id in &poison {
        assert!(aside.contains(id), "poison is set aside");
    }
    // Nothing else is blamed: what ran when the process died runs alone until it is done.
    let blamed = aside.iter().filter(|id| !poison.contains(id));
    for id in blamed {
        let killed = journal[id].starts.len();
        assert!(killed >= 1, "job {id} was killed by us in two attempts that ran alone");
    }
    assert_eq!(completed + aside.len() as u64, count);
    assert_eq!(lab.queue.status(lab.now, 4).totals.completed, completed);
}

//! A real process over sled, killed by SIGKILL fifty times: no job is lost, none completes twice.
//!
//! `OCELLUS_JOBS_COUNT=10000 cargo test --release -p ocellus-jobs process -- --nocapture` runs it on more jobs.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ocellus_jobs::{
    Change, End, Filter, JobId, JobReport, JobRequest, Limits, Now, Outcome, Queue, Settings, State, Token,
    restore,
};

use crate::support::{Random, job, plain};

const NAME: &str = "process::jobs_survive_fifty_kills_of_the_process";
const KILLS: u32 = 50;

fn count() -> u64 {
    std::env::var("OCELLUS_JOBS_COUNT").map_or(2_000, |count| count.parse().unwrap())
}

/// The process that is killed: a queue, its store, sixteen workers, and a journal of what it did.
struct Worker {
    db: sled::Db,
    file: File,
    queue: Queue,
    journal: File,
    begun: Instant,
}

impl Worker {
    fn open(dir: &Path) -> Worker {
        let db = sled::open(dir.join("db")).unwrap();
        let file = File::open(dir.join("db/db")).unwrap();
        let journal = OpenOptions::new().create(true).append(true).open(dir.join("journal")).unwrap();
        let begun = Instant::now();
        let settings = Settings { max_queue_size: 100_000, history_count: 100_000, ..plain() };
        let restored = restore(settings, 1, now(begun), db.iter().map(Result::unwrap)).unwrap();
        assert!(restored.damaged.is_empty(), "{:?}", restored.damaged);
        let mut worker = Worker { db, file, queue: restored.queue, journal, begun };
        worker.store();
        worker
    }

    fn store(&mut self) {
        let mut batch = sled::Batch::default();
        for Change { key, value } in self.queue.changes() {
            match value {
                Some(value) => batch.insert(key.encode(), value),
                None => batch.remove(key.encode()),
            }
        }
        self.db.apply_batch(batch).unwrap();
        self.db.flush().unwrap();
        self.file.sync_data().unwrap();
        self.queue.confirm();
    }

    fn note(&mut self, word: &str, tokens: &[Token]) {
        let lines: String =
            tokens.iter().map(|token| format!("{word} {} {}\n", token.job(), token.attempt())).collect();
        // One write: the kernel has all of it or none.
        self.journal.write_all(lines.as_bytes()).unwrap();
    }

    fn work(mut self, count: u64) {
        let limits = Limits::total(16);
        let mut running: Vec<Token> = Vec::new();
        loop {
            let now = now(self.begun);
            let added = self.queue.status(now, 16).totals.added;
            for number in added..count.min(added + 64) {
                let max_attempts = Some(100);
                let name = format!("{number}.jpg");
                self.queue.add(now, JobRequest { max_attempts, name, ..job("clip") }).unwrap();
            }
            let done = std::mem::take(&mut running);
            for &token in &done {
                let result = format!("output of {}", token.job()).into_bytes().into();
                self.queue.complete(now, token, Outcome::Completed { result, cache_key: None }).unwrap();
            }
            while let Some(claim) = self.queue.claim(now, &limits) {
                running.push(claim.token);
            }
            self.store();
            self.note("done", &done);
            self.note("start", &running);
            if added >= count && self.queue.is_empty() {
                return;
            }
        }
    }
}

fn now(begun: Instant) -> Now {
    let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now { monotonic: begun.elapsed(), utc_ms: utc.as_millis() as i64 }
}

fn start(dir: &Path) -> Child {
    let exe = std::env::current_exe().unwrap();
    Command::new(exe).args(["--exact", NAME, "--nocapture"]).env("OCELLUS_JOBS_WORK", dir).spawn().unwrap()
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Waits until the journal has grown by `bytes`, or the process ended. Returns whether it ended.
fn wait(child: &mut Child, journal: &Path, bytes: u64) -> bool {
    let end = length(journal) + bytes;
    let patience = Instant::now() + Duration::from_secs(120);
    while length(journal) < end {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "the worker failed: {status}");
            return true;
        }
        assert!(Instant::now() < patience, "the worker stands still");
        std::thread::sleep(Duration::from_micros(200));
    }
    false
}

#[test]
fn jobs_survive_fifty_kills_of_the_process() {
    if let Some(dir) = std::env::var_os("OCELLUS_JOBS_WORK") {
        return Worker::open(Path::new(&dir)).work(count());
    }
    let dir = tempfile::tempdir().unwrap();
    let (count, journal) = (count(), dir.path().join("journal"));
    let mut random = Random(7);
    let mut kills = 0;
    // About 26 bytes of journal a job, and 50 kills spread over all of it.
    let share = count * 26 / u64::from(KILLS);
    loop {
        let mut child = start(dir.path());
        let bytes = if kills < KILLS { 1 + random.below(share) } else { u64::MAX / 2 };
        if wait(&mut child, &journal, bytes) {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert_eq!(kills, KILLS);

    let mut starts: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    let mut completions: BTreeMap<u64, u32> = BTreeMap::new();
    for line in fs::read_to_string(&journal).unwrap().lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let (id, attempt) = (fields[1].parse().unwrap(), fields[2].parse().unwrap());
        match fields[0] {
            "start" => starts.entry(id).or_default().push(attempt),
            _ => *completions.entry(id).or_default() += 1,
        }
    }
    assert!(completions.values().all(|&times| times == 1), "one answer a job");
    assert!(starts.values().all(|attempts| attempts.windows(2).all(|pair| pair[0] < pair[1])));

    let worker = Worker::open(dir.path());
    let jobs = all(&worker.queue);
    assert_eq!(jobs.len() as u64, count);
    let (mut completed, mut aside) = (0, 0);
    for job in &jobs {
        let ends = job.attempts.iter().filter(|attempt| attempt.end == Some(End::Completed)).count();
        match job.state {
            State::Completed => {
                completed += 1;
                assert_eq!(ends, 1, "{job:?}");
                let result = worker.queue.result(job.id).unwrap();
                assert_eq!(&*result, format!("output of {}", job.id).as_bytes());
            }
            State::Quarantined => aside += 1,
            state => panic!("job {} is {state}", job.id),
        }
    }
    println!(
        "{count} jobs, {kills} SIGKILLs: {completed} completed, {aside} set aside, {} answered",
        completions.len()
    );
    assert_eq!(completed + aside, count);
    let set_aside = worker.queue.status(now(worker.begun), 1).totals.quarantined;
    assert_eq!(set_aside, aside);
}

fn all(queue: &Queue) -> Vec<JobReport> {
    let mut jobs: Vec<JobReport> = Vec::new();
    loop {
        let before = jobs.last().map_or(JobId(u64::MAX), |job| job.id);
        let page =
            queue.list(Now::default(), &Filter { before: Some(before), limit: 1_000, ..Filter::default() });
        if page.is_empty() {
            return jobs;
        }
        jobs.extend(page);
    }
}

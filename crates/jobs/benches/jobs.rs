//! What the queue costs: durable enqueues over sled with group commit, from enqueue to start on an idle queue, and the
//! queue alone with ten thousand jobs.
//!
//! `cargo bench -p ocellus-jobs`. The folder is below the build folder, so that the disk is the one that is meant.

#![allow(missing_docs)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ocellus_jobs::{Change, JobRequest, Limits, Now, Outcome, Queue, Settings, restore};

struct Target {
    db: sled::Db,
    /// sled syncs with `sync_file_range`; `fdatasync` on the same file makes it durable, as the outbox does.
    file: File,
    queue: Queue,
    begun: Instant,
}

impl Target {
    fn open(dir: &Path) -> Target {
        let db = sled::Config::new().path(dir).mode(sled::Mode::LowSpace).cache_capacity(1 << 20);
        let db = db.segment_size(256 << 10).flush_every_ms(Some(500)).open().unwrap();
        let settings = Settings { max_queue_size: 200_000, history_count: 200_000, ..Settings::default() };
        let begun = Instant::now();
        let restored = restore(settings, 1, now(begun), db.iter().map(Result::unwrap)).unwrap();
        Target { db, file: File::open(dir.join("db")).unwrap(), queue: restored.queue, begun }
    }

    fn now(&self) -> Now {
        now(self.begun)
    }

    fn commit(&mut self) {
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
}

fn now(begun: Instant) -> Now {
    let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now { monotonic: begun.elapsed(), utc_ms: utc.as_millis() as i64 }
}

fn request(number: usize) -> JobRequest {
    let payload =
        format!(r#"{{"input":"photo-{number}.jpg","backgrounds":["white","plain:#e8e8e8"],"upscale":2}}"#);
    let unique_key = Some(format!("shift/{number}"));
    JobRequest {
        unique_key,
        ..JobRequest::new("variations", format!("photo-{number}.jpg"), payload.into_bytes())
    }
}

fn folder() -> tempfile::TempDir {
    let beside: PathBuf = std::env::current_exe().unwrap().parent().unwrap().into();
    tempfile::tempdir_in(beside).unwrap()
}

fn enqueues() {
    for (group, count) in [(1, 300), (8, 2_000), (32, 6_000), (128, 10_000)] {
        let dir = folder();
        let mut target = Target::open(dir.path());
        let begun = Instant::now();
        for number in 0..count {
            let now = target.now();
            target.queue.add(now, request(number)).unwrap();
            if (number + 1) % group == 0 {
                target.commit();
            }
        }
        target.commit();
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        println!("durable enqueues, groups of {group:3}: {rate:8.0}/s");
    }
}

/// One job at a time: from the request until it is handed out, with a commit for the answer and one for the claim.
fn idle() {
    let dir = folder();
    let mut target = Target::open(dir.path());
    let mut times: Vec<Duration> = Vec::new();
    for number in 0..500 {
        let begun = Instant::now();
        let now = target.now();
        target.queue.add(now, request(number)).unwrap();
        target.commit();
        let claim = target.queue.claim(now, &Limits::total(1)).unwrap();
        target.commit();
        times.push(begun.elapsed());
        let outcome = Outcome::Completed { result: (*b"{}").into(), cache_key: None };
        target.queue.complete(now, claim.token, outcome).unwrap();
        target.commit();
    }
    times.sort_unstable();
    println!(
        "idle queue, enqueue to start: p50 {:?}, p99 {:?}, max {:?}",
        times[250], times[495], times[499]
    );
}

/// The queue alone, without a store.
fn alone() {
    for count in [1_000usize, 10_000, 100_000] {
        let settings = Settings { max_queue_size: 200_000, history_count: 200_000, ..Settings::default() };
        let begun = Instant::now();
        let records: [([u8; 0], [u8; 0]); 0] = [];
        let mut queue = restore(settings, 1, now(begun), records).unwrap().queue;
        let each = |begun: Instant| begun.elapsed().as_nanos() as usize / count;
        let mut encoded = 0;
        let start = Instant::now();
        for number in 0..count {
            let request = JobRequest { priority: Some((number * 7 % 256) as u8), ..request(number) };
            queue.add(now(begun), request).unwrap();
            encoded += queue.changes().len();
            queue.confirm();
        }
        let add = each(start);
        let start = Instant::now();
        let mut tokens = Vec::new();
        while let Some(claim) = queue.claim(now(begun), &Limits::total(count)) {
            tokens.push(claim.token);
            encoded += queue.changes().len();
            queue.confirm();
        }
        let claim = each(start);
        let start = Instant::now();
        for token in tokens {
            let outcome = Outcome::Completed { result: (*b"{}").into(), cache_key: None };
            queue.complete(now(begun), token, outcome).unwrap();
            encoded += queue.changes().len();
            queue.confirm();
        }
        println!(
            "{count:6} jobs, each with its encoding: add {add} ns, claim {claim} ns, complete {} ns ({encoded} records)",
            each(start)
        );
    }
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    alone();
    enqueues();
    idle();
}

//! The unit's thread: writes offered inspections, and keeps the folders within their bounds.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::Time;
use super::error::EvidenceError;
use super::folder::{self, Prepared};
use super::index::{self, FolderOrder, Index};
use super::queue::{EvidenceJob, EvidenceLoss, EvidenceQueue, NextJob, Standing};
use crate::config;
use crate::supervisor::{Beat, Stop};
use crate::types::{AgeGate, Clock, Doubt, Explanation};

/// Encoding a picture takes time on the cores that inspect, so inspection gets the higher priority.
const NICE: i32 = 10;
/// How often the thread searches for folders that were kept while the clock was ahead.
const LOOK_AHEAD: Duration = Duration::from_secs(60);
/// The alarm about dropped frames ends after this time without another drop.
const CALM: Duration = Duration::from_secs(10);

/// Runs the writer thread until `stop`; see [`super::Evidence::run`].
pub(super) fn run(
    queue: &EvidenceQueue,
    time: &Time<'_>,
    stop: &Stop,
    beat: &Beat,
    alarm: &dyn Fn(Option<&Explanation>),
) {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!("the evidence thread keeps its priority: {error}");
    }
    folder::clear_partial(&queue.root);
    let index = Index::scan(&queue.root, || beat.beat());
    let newest_ns = index.newest().map(index::midnight_ns);
    let alarm = EvidenceAlarm { tell: alarm, standing: &queue.standing, clock: time.clock };
    let gate = AgeGate::new(time.clock.now());
    let mut writer = EvidenceWriter {
        queue,
        time,
        beat,
        index,
        alarm,
        gate,
        newest_ns,
        look_ahead_at: time.clock.monotonic(),
    };
    writer.show();
    loop {
        beat.beat();
        match queue.next(stop) {
            NextJob::EvidenceJob(job) => writer.keep(job),
            NextJob::Idle => writer.tidy(),
            NextJob::Over => return,
        }
        writer.look_at_drops();
    }
}

struct EvidenceWriter<'a> {
    queue: &'a EvidenceQueue,
    beat: &'a Beat,
    index: Index,
    alarm: EvidenceAlarm<'a>,
    time: &'a Time<'a>,
    gate: AgeGate,
    /// When the newest folder was kept, wall clock, nanoseconds since 1970.
    newest_ns: Option<u64>,
    /// The earliest time for the next search of all folders, because that search is slow.
    look_ahead_at: Duration,
}

/// Whether a prepared folder was written.
enum Put {
    Kept,
    Outranked,
}

impl EvidenceWriter<'_> {
    fn keep(&mut self, mut job: EvidenceJob) {
        let (id, counters) = (job.inspection.id, &self.queue.counters);
        let captured_ns = job.shot.captured.wall_ns;
        let mut held = self.queue.held();
        let outcome = Prepared::new(&mut job).and_then(|prepared| self.put(&prepared));
        held.buffer = job.shot.bytes;
        drop(held);
        match outcome {
            Ok(Put::Kept) => {
                counters.kept.inc();
                self.newest_ns = Some(captured_ns);
                self.alarm.clear(EvidenceLoss::Disk, Duration::ZERO);
            }
            Ok(Put::Outranked) => counters.outranked.inc(),
            Err(error) => {
                counters.failed.inc();
                tracing::warn!(acquisition = id, "no evidence was kept: {error}");
                self.alarm.raise(EvidenceLoss::Disk, || {
                    error.explanation().within("inspection goes on, but keeps no evidence")
                });
            }
        }
        self.show();
    }

    /// Writes a folder, after removing others where the bounds or the disk leave no room for it.
    fn put(&mut self, prepared: &Prepared) -> Result<Put, EvidenceError> {
        let (limits, bytes) = (self.queue.settings(), prepared.bytes());
        if bytes > limits.max_bytes {
            return Err(EvidenceError::TooLarge { bytes });
        }
        let rank = FolderOrder::of(&prepared.path()).map(|key| key.rank);
        while self.index.is_beyond(&limits, (1, bytes)) {
            match self.index.first().cloned() {
                Some(first) if Some(first.rank) > rank => return Ok(Put::Outranked),
                Some(first) => self.remove(&first),
                None => break,
            };
        }
        let path = match prepared.write(&self.queue.root) {
            Err(error) if error.is_full() && self.free(bytes, prepared) => {
                prepared.write(&self.queue.root)?
            }
            outcome => outcome?,
        };
        if let Some(key) = FolderOrder::of(&path) {
            self.index.insert(key, bytes);
        }
        Ok(Put::Kept)
    }

    /// Frees `bytes` on a full disk by removing folders that are worth no more than `prepared`; returns
    /// whether it removed any.
    fn free(&mut self, bytes: u64, prepared: &Prepared) -> bool {
        let rank = FolderOrder::of(&prepared.path()).map(|key| key.rank);
        let mut freed = 0;
        while freed < bytes {
            let Some(first) = self.index.first().filter(|first| Some(first.rank) <= rank).cloned() else {
                break;
            };
            freed += self.remove(&first);
        }
        freed > 0
    }

    /// Removes folders that are too old or, after a reload, beyond the new bounds.
    fn tidy(&mut self) {
        let limits = self.queue.settings();
        let now = self.time.clock.now();
        if let Some(by_s) = self.gate.watch(now, self.newest_ns) {
            tracing::warn!(by_s, "the clock has jumped; no evidence is deleted by its age for an hour");
        }
        let Some(today) = index::days_since_1970(&index::date(now.wall_ns)) else { return };
        self.remove_aged(&limits, today);
        while let Some(key) = self.index.first().filter(|_| self.index.is_beyond(&limits, (0, 0))).cloned() {
            self.remove(&key);
            self.show();
        }
    }

    /// Removes folders that are older than `max_days`, where the clock can be trusted.
    fn remove_aged(&mut self, limits: &config::EvidenceConfig, today: i32) {
        let aged =
            |writer: &mut Self| writer.index.aged(limits, today).or_else(|| writer.ahead(limits, today));
        let mut next = aged(self);
        // Judged also where nothing is old, because the gate forgets a jump only when it judges after the
        // jump is over.
        let max_age = Duration::from_secs(u64::from(limits.max_days) * 86_400);
        let judged = self.gate.judge(max_age, self.time.synchronised).err().filter(|_| next.is_some());
        let known = std::mem::replace(&mut *self.doubt(), judged.clone());
        if let Some(doubt) = judged {
            if known.as_ref() != Some(&doubt) {
                tracing::warn!("evidence is not deleted by its age: {doubt}");
            }
            return;
        }
        while let Some(key) = next {
            self.remove(&key);
            self.show();
            next = aged(self);
        }
    }

    /// A folder that was kept while the clock was ahead and is too old by its number. The search runs only
    /// now and then.
    fn ahead(&mut self, limits: &config::EvidenceConfig, today: i32) -> Option<FolderOrder> {
        if limits.max_days == 0 || self.time.clock.monotonic() < self.look_ahead_at {
            return None;
        }
        let found = self.index.ahead(limits, today);
        if found.is_none() {
            self.look_ahead_at = self.time.clock.monotonic() + LOOK_AHEAD;
        }
        found
    }

    fn doubt(&self) -> MutexGuard<'_, Option<Doubt>> {
        self.queue.doubt.lock()
    }

    /// Removes one folder; returns the bytes that it took. A folder that cannot be removed is not tried again
    /// until the next start, so that it does not block the others.
    fn remove(&mut self, key: &FolderOrder) -> u64 {
        self.beat.beat();
        let bytes = self.index.remove(key);
        match folder::remove(&self.queue.root, &key.path) {
            Ok(()) => {
                self.queue.counters.removed.inc();
                bytes
            }
            Err(error) => {
                tracing::warn!("evidence {} cannot be removed: {error}", key.path.display());
                0
            }
        }
    }

    fn look_at_drops(&self) {
        let dropped = self.alarm.new_drops(self.queue.counters.dropped.get());
        if dropped == 0 {
            return self.alarm.clear(EvidenceLoss::Queue, CALM);
        }
        tracing::warn!(dropped, "inspections left no evidence: the disk does not keep up");
        self.alarm.raise(EvidenceLoss::Queue, || {
            Explanation::new(
                "inspection goes on, but some of it leaves no evidence: the disk does not keep up",
                "raise evidence.queue for bursts, keep less, or use a faster disk",
            )
        });
    }

    fn show(&self) {
        self.queue.counters.folders.set(self.index.len() as i64);
        self.queue.counters.bytes.set(self.index.bytes() as i64);
    }
}

/// The alarm about lost evidence, which is raised once and not with each loss.
struct EvidenceAlarm<'a> {
    tell: &'a dyn Fn(Option<&Explanation>),
    standing: &'a Mutex<Standing>,
    clock: &'a dyn Clock,
}

impl EvidenceAlarm<'_> {
    fn raise(&self, loss: EvidenceLoss, text: impl FnOnce() -> Explanation) {
        let before = self.standing().raised.replace((loss, self.clock.monotonic()));
        if before.is_none_or(|(known, _)| known != loss) {
            (self.tell)(Some(&text()));
        }
    }

    /// Ends the alarm about `loss` after `calm` without another loss.
    fn clear(&self, loss: EvidenceLoss, calm: Duration) {
        let now = self.clock.monotonic();
        let is_over =
            |(known, last): (EvidenceLoss, Duration)| known == loss && now.saturating_sub(last) >= calm;
        let over = self.standing().raised.take_if(|raised| is_over(*raised));
        if over.is_some() {
            (self.tell)(None);
        }
    }

    /// The number of drops since the last call; `dropped` is the total.
    fn new_drops(&self, dropped: u64) -> u64 {
        dropped - std::mem::replace(&mut self.standing().dropped, dropped)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock()
    }
}

//! The unit's thread: writes what was offered, and keeps the folders within their bounds.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::desk::{Desk, Job, Loss, Next, Standing};
use super::error::EvidenceError;
use super::folder::{self, Prepared};
use super::index::{self, Index, Key};
use crate::supervisor::{Beat, Stop};
use crate::types::{Clock, SystemClock};

/// Encoding a picture takes time on the cores that inspect: whoever inspects goes first.
const NICE: i32 = 10;
/// An alarm about frames that were dropped stands until none was for so long.
const CALM: Duration = Duration::from_secs(10);

/// See [`super::Evidence::run`].
pub(super) fn run(desk: &Desk, stop: &Stop, beat: &Beat, alarm: &dyn Fn(Option<&str>)) {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!("the evidence thread keeps its priority: {error}");
    }
    folder::clear_partial(&desk.root);
    let index = Index::scan(&desk.root, || beat.beat());
    let mut keeper = Keeper { desk, beat, index, alarm: Alarm { tell: alarm, standing: &desk.standing } };
    keeper.show();
    loop {
        beat.beat();
        match desk.next(stop) {
            Next::Job(job) => keeper.keep(job),
            Next::Idle => keeper.tidy(),
            Next::Over => return,
        }
        keeper.look_at_drops();
    }
}

struct Keeper<'a> {
    desk: &'a Desk,
    beat: &'a Beat,
    index: Index,
    alarm: Alarm<'a>,
}

/// What became of a prepared folder.
enum Put {
    Kept,
    Outranked,
}

impl Keeper<'_> {
    fn keep(&mut self, mut job: Job) {
        let (id, counters) = (job.inspection.id, &self.desk.counters);
        let outcome = Prepared::new(&mut job).and_then(|prepared| self.put(&prepared));
        self.desk.release(job.shot.bytes);
        match outcome {
            Ok(Put::Kept) => {
                counters.kept.inc();
                self.alarm.clear(Loss::Disk, Duration::ZERO);
            }
            Ok(Put::Outranked) => counters.outranked.inc(),
            Err(error) => {
                counters.failed.inc();
                tracing::warn!(acquisition = id, "no evidence was kept: {error}");
                self.alarm
                    .raise(Loss::Disk, || format!("inspection goes on, but keeps no evidence: {error}"));
            }
        }
        self.show();
    }

    /// Writes a folder, once the others leave it room within the bounds and on the disk.
    fn put(&mut self, prepared: &Prepared) -> Result<Put, EvidenceError> {
        let (limits, bytes) = (self.desk.settings(), prepared.bytes());
        if bytes > limits.max_bytes {
            return Err(EvidenceError::TooLarge { bytes });
        }
        let rank = Key::of(&prepared.path()).map(|key| key.rank);
        while self.index.is_beyond(&limits, (1, bytes)) {
            match self.index.first().cloned() {
                Some(first) if Some(first.rank) > rank => return Ok(Put::Outranked),
                Some(first) => self.remove(&first),
                None => break,
            };
        }
        let path = match prepared.write(&self.desk.root) {
            Err(error) if error.is_full() && self.free(bytes, prepared) => prepared.write(&self.desk.root)?,
            outcome => outcome?,
        };
        if let Some(key) = Key::of(&path) {
            self.index.insert(key, bytes);
        }
        Ok(Put::Kept)
    }

    /// Frees `bytes` on a full disk by removing folders that are worth no more than `prepared`; whether any went.
    fn free(&mut self, bytes: u64, prepared: &Prepared) -> bool {
        let rank = Key::of(&prepared.path()).map(|key| key.rank);
        let mut freed = 0;
        while freed < bytes {
            let Some(first) = self.index.first().filter(|first| Some(first.rank) <= rank).cloned() else {
                break;
            };
            freed += self.remove(&first);
        }
        freed > 0
    }

    /// Removes what is too old or, after a reload, too much.
    fn tidy(&mut self) {
        let limits = self.desk.settings();
        let Some(today) = index::julian_day(&index::date(SystemClock.now().wall_ns)) else { return };
        loop {
            let beyond = || self.index.first().filter(|_| self.index.is_beyond(&limits, (0, 0)));
            let Some(key) = self.index.aged(&limits, today).or_else(beyond).cloned() else { break };
            self.remove(&key);
            self.show();
        }
    }

    /// Removes one folder; gives the bytes that it took. One that cannot be removed is not tried again until the next
    /// start, so that it cannot hold up the others.
    fn remove(&mut self, key: &Key) -> u64 {
        self.beat.beat();
        let bytes = self.index.remove(key);
        match folder::remove(&self.desk.root, &key.path) {
            Ok(()) => {
                self.desk.counters.removed.inc();
                bytes
            }
            Err(error) => {
                tracing::warn!("evidence {} cannot be removed: {error}", key.path.display());
                0
            }
        }
    }

    fn look_at_drops(&self) {
        let dropped = self.alarm.new_drops(self.desk.counters.dropped.get());
        if dropped == 0 {
            return self.alarm.clear(Loss::Queue, CALM);
        }
        tracing::warn!(dropped, "inspections left no evidence: the disk does not keep up");
        self.alarm.raise(Loss::Queue, || {
            "inspection goes on, but some of it leaves no evidence: the disk does not keep up; raise evidence.queue \
             for bursts, keep less, or use a faster disk"
                .to_owned()
        });
    }

    fn show(&self) {
        self.desk.counters.folders.set(self.index.len() as i64);
        self.desk.counters.bytes.set(self.index.bytes() as i64);
    }
}

/// The alarm; told once, not with each loss.
struct Alarm<'a> {
    tell: &'a dyn Fn(Option<&str>),
    standing: &'a Mutex<Standing>,
}

impl Alarm<'_> {
    fn raise(&self, loss: Loss, text: impl FnOnce() -> String) {
        let before = self.standing().raised.replace((loss, Instant::now()));
        if before.is_none_or(|(known, _)| known != loss) {
            (self.tell)(Some(&text()));
        }
    }

    /// Ends the alarm about `loss`, once it has stood for `calm` without another loss.
    fn clear(&self, loss: Loss, calm: Duration) {
        let is_over = |(known, last): (Loss, Instant)| known == loss && last.elapsed() >= calm;
        let over = self.standing().raised.take_if(|raised| is_over(*raised));
        if over.is_some() {
            (self.tell)(None);
        }
    }

    /// Drops since the last call; `dropped` is all of them.
    fn new_drops(&self, dropped: u64) -> u64 {
        dropped - std::mem::replace(&mut self.standing().dropped, dropped)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(|e| e.into_inner())
    }
}

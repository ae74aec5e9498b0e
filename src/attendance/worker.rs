//! The unit's thread, the only one that runs the rules and writes the attendance log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::{Around, AttendanceShared};
use crate::attendance::rules::Rules;
use crate::pipeline::Offer;
use crate::store::{Attendances, Change, StoreError};
use crate::supervisor::{Beat, Stop};
use crate::types::{AgeGate, Attendance, Explanation, RecordedEvent, Sighting};

/// How often the rules get the time; also the longest time that a stop waits for this thread.
const TICK: Duration = Duration::from_millis(100);
/// Sightings that are taken at once, so that the events that follow are written with one flush.
const GROUP: usize = 256;
/// How often later sightings of people who are present are written to disk.
const TOUCH: Duration = Duration::from_secs(5);
/// Pause before the next attempt after the disk refused a write.
const RETRY: Duration = Duration::from_secs(1);
/// Most events that wait in memory for the disk.
const UNWRITTEN: usize = 4_096;
/// Events that are read from the attendance log at once.
const PAGE: usize = 500;
/// How often old events are searched for and removed.
const PRUNE: Duration = Duration::from_secs(3_600);
/// The alarm about dropped sightings ends after this time without another drop.
const CALM: Duration = Duration::from_secs(10);
const DAY_NS: u64 = 86_400_000_000_000;

const ALARM: &str = "attendance";
const QUEUE_ALARM: &str = "attendance-queue";

/// Runs the unit's thread until `stop`; see [`super::Attendance::run`].
pub(super) fn run(shared: &AttendanceShared, around: &Around<'_>, stop: &Stop, beat: &Beat) {
    let inbox = shared.inbox.lock();
    let Some(mut worker) = AttendanceWorker::begin(shared, around, stop, beat) else { return };
    while !stop.is_stopped() {
        beat.beat();
        worker.take(&inbox, TICK);
        worker.turn();
    }
    worker.close(&inbox);
}

struct AttendanceWorker<'a> {
    shared: &'a AttendanceShared,
    around: &'a Around<'a>,
    book: Attendances,
    rules: Rules,
    revision: u64,
    /// How many changes of the gallery's people the worker has applied.
    changes: usize,
    /// Events that the rules have given and that are not known to be on disk.
    unwritten: Vec<Attendance>,
    /// The earliest time of the next write, because the disk refused the last one or nothing is due.
    write_at: Duration,
    tick_at: Duration,
    touch_at: Duration,
    prune_at: Duration,
    /// Whether the outbox may lack events that are in the attendance log.
    behind: bool,
    /// When the last event was, wall clock, nanoseconds since 1970.
    newest_ns: Option<u64>,
    /// Decides whether the clock can be trusted to tell the age of events.
    gate: AgeGate,
    dropped: (u64, Option<Duration>),
}

impl<'a> AttendanceWorker<'a> {
    /// Reads who is present from the attendance log, as soon as the disk allows it; `None` when stopped
    /// before that.
    fn begin(
        shared: &'a AttendanceShared,
        around: &'a Around<'a>,
        stop: &Stop,
        beat: &Beat,
    ) -> Option<AttendanceWorker<'a>> {
        let now = around.clock.monotonic();
        let revision = shared.revision.load(Ordering::Acquire);
        let mut worker = AttendanceWorker {
            book: around.store.attendance(),
            rules: Rules::new(shared.settings.lock().clone(), shared.counters.rules.clone()),
            revision,
            changes: 0,
            unwritten: Vec::new(),
            write_at: now,
            tick_at: now,
            touch_at: now,
            prune_at: now,
            behind: true,
            newest_ns: None,
            gate: AgeGate::new(around.clock.now()),
            dropped: (shared.counters.dropped.get(), None),
            shared,
            around,
        };
        loop {
            beat.beat();
            match worker.restore() {
                Ok(()) => return Some(worker),
                Err(error) => worker.fail(&error),
            }
            if stop.wait(RETRY) {
                return None;
            }
        }
    }

    /// Restores presence, and offers the sinks the events that they have not received in this process. The
    /// time since the service last ran does not count as absence.
    fn restore(&mut self) -> Result<(), StoreError> {
        let (present, looked) = self.book.present()?;
        self.rules.restore(present, self.around.clock.now(), looked.unwrap_or(0));
        let kept = (self.around.kept)(self.around.store)?;
        let mut from = kept.max(self.shared.offered.load(Ordering::Acquire));
        loop {
            let events = self.book.after(from, PAGE)?;
            for event in events.iter().cloned().map(Arc::new) {
                from = event.id;
                self.tell_others(&event);
            }
            if events.len() < PAGE {
                break;
            }
        }
        self.catch_up()?;
        self.newest_ns = self.book.last_ns()?;
        self.around_alarm(ALARM, None);
        Ok(())
    }

    /// Waits for a sighting, at most `patience`, and passes all that are queued to the rules.
    fn take(&mut self, inbox: &Receiver<Sighting>, patience: Duration) {
        let Ok(first) = inbox.recv_timeout(patience) else { return };
        // Must precede the rules, because the gallery may have erased the person since the last turn.
        self.follow_gallery();
        for sighting in std::iter::once(first).chain(inbox.try_iter().take(GROUP - 1)) {
            self.shared.counters.waiting.add(-1);
            let before = self.unwritten.len();
            self.rules.push(&sighting, &mut self.unwritten);
            for event in &mut self.unwritten[before..] {
                // A `leave` that is dated with an earlier sighting has no frames any more.
                if event.frame_seq == sighting.frame_seq && event.camera == sighting.camera {
                    let cause = format_args!("{} {}", event.kind.as_str(), event.name);
                    let (camera, at) = (&event.camera, sighting.captured);
                    event.recording =
                        self.around.recordings.request(camera, RecordedEvent::Attendance, at, &cause);
                }
            }
        }
    }

    fn turn(&mut self) {
        let revision = self.shared.revision.load(Ordering::Acquire);
        if std::mem::replace(&mut self.revision, revision) != revision {
            self.rules.set(self.shared.settings.lock().clone());
        }
        self.follow_gallery();
        let now = self.around.clock.monotonic();
        if now >= self.tick_at {
            self.rules.tick(self.around.clock.now(), self.around.looks, &mut self.unwritten);
            self.shared.counters.present.set(self.rules.present() as i64);
            self.tick_at = now + TICK;
            let _ = self.gate.watch(self.around.clock.now(), self.newest_ns);
        }
        if now >= self.write_at
            && let Err(error) = self.work(now)
        {
            self.shared.counters.failed.inc();
            self.fail(&error);
            self.write_at = now + RETRY;
        }
        self.bound();
        self.look_at_drops(now);
    }

    /// Does all work that needs the disk.
    fn work(&mut self, now: Duration) -> Result<(), StoreError> {
        self.write()?;
        if self.behind {
            self.catch_up()?;
        }
        if now >= self.touch_at {
            self.touch()?;
            self.touch_at = now + TOUCH;
        }
        if now >= self.prune_at {
            self.prune()?;
            self.prune_at = now + PRUNE;
        }
        Ok(())
    }

    /// Writes events to the attendance log, then offers them to the sinks.
    fn write(&mut self) -> Result<(), StoreError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let rules = &self.rules;
        let written = self.book.record(&self.unwritten, |person| rules.presence(person).cloned())?;
        self.unwritten.clear();
        self.newest_ns = written.last().map(|event| event.wall_ns).or(self.newest_ns);
        self.shared.counters.events.add(written.len() as u64);
        self.around_alarm(ALARM, None);
        for event in written.into_iter().map(Arc::new) {
            // The outbox must get events in the order of their numbers, so after a drop the dropped one goes
            // first.
            self.behind = self.behind || self.around.durable.offer_attendance(&event) == Offer::Dropped;
            self.tell_others(&event);
        }
        Ok(())
    }

    fn tell_others(&self, event: &Arc<Attendance>) {
        let others = self.around.sinks.iter().filter(|sink| sink.name() != self.around.durable.name());
        for sink in others {
            // A sink that keeps nothing counts what it drops itself.
            let _ = sink.offer_attendance(event);
        }
        self.shared.offered.fetch_max(event.id, Ordering::AcqRel);
    }

    /// Offers the outbox the events that it lacks. It gets those twice that still wait in its queue, but
    /// keeps them once.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        let mut from = (self.around.kept)(self.around.store)?;
        loop {
            let events = self.book.after(from, PAGE)?;
            let short = events.len() < PAGE;
            for event in events.into_iter().map(Arc::new) {
                from = event.id;
                if self.around.durable.offer_attendance(&event) == Offer::Dropped {
                    self.behind = true;
                    self.write_at = self.around.clock.monotonic() + RETRY;
                    return Ok(());
                }
            }
            if short {
                self.behind = false;
                return Ok(());
            }
        }
    }

    /// Writes later sightings and the time of this look, which are only of use while somebody is present.
    fn touch(&mut self) -> Result<(), StoreError> {
        let changed = self.rules.take_changed();
        if self.rules.present() == 0 {
            return Ok(());
        }
        self.book.touch(&changed, self.around.clock.now().wall_ns)
    }

    /// Removes events that are older than `keep_days`, where the clock can be trusted.
    fn prune(&mut self) -> Result<(), StoreError> {
        let days = u64::from(self.shared.settings.lock().all.keep_days);
        if days == 0 {
            return Ok(());
        }
        let now = self.around.clock.now();
        let _ = self.gate.watch(now, self.newest_ns);
        let before = now.wall_ns.saturating_sub(days * DAY_NS);
        let judged = self.gate.judge(Duration::from_secs(days * 86_400), self.around.synchronised);
        *self.shared.doubt.lock() = judged.as_ref().err().cloned();
        if let Err(doubt) = judged {
            tracing::info!("attendance events are not deleted by their age: {doubt}");
            return Ok(());
        }
        let mut pruned = self.book.prune(before, (self.around.kept)(self.around.store)?)?;
        pruned += self.book.prune_ahead(before, self.gate.ahead_from_ns())?;
        self.shared.counters.pruned.add(pruned as u64);
        Ok(())
    }

    fn follow_gallery(&mut self) {
        for change in self.book.changes(self.changes) {
            self.changes += 1;
            let gone = match change {
                Change::Forgotten(person) => {
                    self.rules.forget(person);
                    person
                }
                Change::Merged { from, into } => {
                    self.rules.merge(from, into);
                    from
                }
            };
            self.unwritten.retain(|event| event.person != gone);
        }
    }

    /// Handles a write that the disk refused. sled then refuses every further one, so the store is closed
    /// here and opened again at the next attempt.
    fn fail(&self, error: &StoreError) {
        self.around_alarm(ALARM, Some(&error.explanation().within("attendance events wait in memory")));
        self.around.store.close();
    }

    /// Bounds the events that wait in memory: the oldest are dropped first.
    fn bound(&mut self) {
        let over = self.unwritten.len().saturating_sub(UNWRITTEN);
        if over > 0 {
            self.unwritten.drain(..over);
            self.shared.counters.lost.add(over as u64);
            tracing::error!(
                over,
                "attendance events are lost: the disk does not take them; see the alarm attendance"
            );
        }
    }

    fn look_at_drops(&mut self, now: Duration) {
        let dropped = self.shared.counters.dropped.get();
        if std::mem::replace(&mut self.dropped.0, dropped) != dropped {
            if self.dropped.1.replace(now).is_none() {
                let cause = "sightings are dropped, and attendance may miss people: the disk under device.state_dir \
                             does not keep up";
                let remedy = "use a faster one, or raise attendance.queue for bursts";
                self.around_alarm(QUEUE_ALARM, Some(&Explanation::new(cause, remedy)));
            }
        } else if self.dropped.1.is_some_and(|last| now - last >= CALM) {
            self.dropped.1 = None;
            self.around_alarm(QUEUE_ALARM, None);
        }
    }

    /// Writes the events that wait. Those that the disk refuses now are lost, and the log tells how many.
    fn close(mut self, inbox: &Receiver<Sighting>) {
        self.take(inbox, Duration::ZERO);
        self.follow_gallery();
        let done = self.write().and_then(|()| self.touch()).and_then(|()| self.book.flush());
        if let Err(error) = done {
            let lost = self.unwritten.len();
            tracing::error!(lost, "attendance events could not be written before the end: {error}");
        }
    }

    fn around_alarm(&self, name: &str, why: Option<&Explanation>) {
        (self.around.alarm)(name, why);
    }
}

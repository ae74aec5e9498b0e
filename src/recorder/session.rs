//! One run of a recorder's thread: decides about each frame, counts it exactly once, and stops and resumes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::camera::{CameraRecorder, RecorderOutlet};
use super::counters::MissedCause;
use super::error::RecorderError;
use super::gap::Gaps;
use super::requests::Window;
use super::take::Taker;
use crate::ring::{Lease, Reader};
use crate::supervisor::Beat;
use crate::types::{DegradationStep, Explanation, Frame, RecordingNews, Stamp};

/// Pause before a disk or an encoder that refused is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// The alarm about a recorder that is too slow ends after this time without another missed frame.
const CALM: Duration = Duration::from_secs(10);

/// Why the alarm of the camera is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Raised {
    Stopped,
    Slow,
}

/// What the thread knows from one frame to the next.
pub(super) struct RecordingSession<'a> {
    recorder: &'a CameraRecorder,
    outlet: &'a RecorderOutlet<'a>,
    pub(super) reader: Reader<Frame>,
    /// Whether a window of an event is being recorded.
    pub(super) in_window: bool,
    taker: Taker<'a>,
    gaps: Gaps,
    /// Why nothing is recorded, and when to try again (monotonic nanoseconds).
    stopped: Option<(MissedCause, u64)>,
    raised: Option<Raised>,
    /// When a frame was last missed because the recorder is too slow.
    slow_at: Option<Stamp>,
    /// What the reader had skipped when the last frame was counted.
    skipped: u64,
    /// The ring's number of the next frame.
    next: u64,
    /// Whether the next frame follows the last one; false where a window begins.
    follows: bool,
}

impl<'a> RecordingSession<'a> {
    pub(super) fn new(
        recorder: &'a CameraRecorder,
        reader: Reader<Frame>,
        outlet: &'a RecorderOutlet<'a>,
        beat: &'a Beat,
    ) -> Result<RecordingSession<'a>, RecorderError> {
        Ok(RecordingSession {
            recorder,
            outlet,
            reader,
            in_window: false,
            taker: Taker::new(recorder, outlet, beat)?,
            gaps: Gaps::default(),
            stopped: None,
            raised: None,
            slow_at: None,
            skipped: 0,
            next: 0,
            follows: true,
        })
    }

    /// Goes back in the ring to the beginning of `window`, but not to frames that are recorded already.
    pub(super) fn enter(&mut self, window: &Window) {
        self.reader.seek(window.from_ns, self.next);
        (self.in_window, self.follows) = (true, false);
    }

    /// Ends the window where no event can extend it any more.
    pub(super) fn leave_if_over(&mut self) {
        let now = self.outlet.clock.now();
        let requests = &self.recorder.requests;
        if requests.until_ns().is_none_or(|until_ns| now.mono_ns <= until_ns) {
            return self.idle();
        }
        if let Some(window) = requests.end(now.mono_ns, self.recorder.settings.pre_roll) {
            self.in_window = false;
            self.end_clip(Some(&window));
        }
        self.idle();
    }

    /// Decides about one frame: it is recorded, not wanted, or missed.
    pub(super) fn frame(&mut self, frame: &Lease<Frame>, window: Option<&Window>) {
        let now = self.outlet.clock.now();
        self.count_until(frame, now);
        let counters = &self.recorder.counters;
        counters.queue.set(self.reader.backlog() as i64);
        if !frame.seq.is_multiple_of(u64::from(self.recorder.settings.every)) {
            counters.passed.inc();
            return self.idle();
        }
        let is_behind = self.reader.backlog() * 2 > self.recorder.parts.ring.slots() as u64;
        let taken = self.may_record(now).and_then(|()| {
            let taken = self.taker.take(frame, window, is_behind);
            taken.map_err(|error| (cause_of(&error), Some(error)))
        });
        match taken {
            Ok(()) => {
                counters.recorded.inc();
                self.resume();
            }
            Err((cause, error)) => self.stop(cause, error, frame.seq),
        }
        self.idle();
    }

    /// Counts the frames between the last one and this one.
    fn count_until(&mut self, frame: &Lease<Frame>, now: Stamp) {
        let recorder = self.recorder;
        let expected = recorder.accounted.swap(frame.seq + 1, Ordering::Relaxed).min(frame.seq);
        let skipped = self.reader.skipped();
        let overwritten = skipped - std::mem::replace(&mut self.skipped, skipped);
        self.next = frame.seq() + 1;
        let between = frame.seq - expected;
        if between == 0 {
            self.follows = true;
            return;
        }
        if !std::mem::replace(&mut self.follows, true) {
            return recorder.counters.passed.add(between);
        }
        let every = u64::from(recorder.settings.every);
        let wanted = frame.seq.div_ceil(every) - expected.div_ceil(every);
        recorder.counters.passed.add(between - wanted);
        // Frames that the ring has skipped were overwritten in it; the others never got into it.
        let starved = between.saturating_sub(overwritten).min(wanted);
        let range = (expected, frame.seq - 1);
        let slow = (range.0, range.1, wanted - starved);
        self.gaps.miss(&recorder.counters, MissedCause::Slow, slow, now);
        // Under overload the camera itself delivers fewer frames.
        let is_thinned = recorder.parts.degradation.has(DegradationStep::FrameRate);
        let cause = if is_thinned { MissedCause::Degraded } else { MissedCause::Starved };
        self.gaps.miss(&recorder.counters, cause, (range.0, range.1, starved), now);
        if wanted > starved || (wanted > 0 && !is_thinned) {
            self.slow_at = Some(now);
            self.raise(Raised::Slow, &|| {
                Explanation::new(
                    format!(
                        "camera {}: not every frame is recorded, because disk or processor do not keep up",
                        recorder.camera
                    ),
                    "raise ring_slots of the camera for bursts, record fewer frames (every), smaller ones (width), or use a \
                     faster disk",
                )
            });
        }
    }

    /// Whether a frame may be recorded now; otherwise the cause, with the error where it has just occurred.
    fn may_record(&mut self, now: Stamp) -> Result<(), (MissedCause, Option<RecorderError>)> {
        let parts = &self.recorder.parts;
        if parts.degradation.has(DegradationStep::Recorder) {
            return Err((MissedCause::Degraded, None));
        }
        if let Some((cause, again_ns)) = self.stopped
            && matches!(cause, MissedCause::Disk | MissedCause::Encoder)
            && now.mono_ns < again_ns
        {
            return Err((cause, None));
        }
        let resumes = self.stopped.is_some_and(|(cause, _)| cause == MissedCause::Full);
        let ready = parts.library.check(resumes).and_then(|()| self.taker.check_left());
        ready.map_err(|error| (cause_of(&error), Some(error)))
    }

    /// Counts a frame that was missed, and stops recording unless it is stopped already.
    fn stop(&mut self, cause: MissedCause, error: Option<RecorderError>, frame: u64) {
        let now = self.outlet.clock.now();
        self.gaps.miss(&self.recorder.counters, cause, (frame, frame, 1), now);
        let before = self.stopped.map(|(cause, _)| cause);
        if error.is_some() || before != Some(cause) {
            self.stopped = Some((cause, now.mono_ns + RETRY.as_nanos() as u64));
        }
        if before == Some(cause) {
            return;
        }
        // The clip so far is closed, so that it can be played.
        self.taker.interrupt(self.in_window);
        let camera = &self.recorder.camera;
        let why = match &error {
            Some(error) => error
                .explanation()
                .within(format_args!("camera {camera} is not recorded, everything else goes on")),
            None => Explanation::new(
                format!("camera {camera} is not recorded: the service has more work than time"),
                "it goes on by itself; see the alarm about the load",
            ),
        };
        tracing::warn!(%camera, frame, "recording has stopped: {why}");
        self.announce(RecordingNews::Stopped { frame, cause: cause.as_str(), why: why.to_string() });
        // The degradation ladder raises its own alarm.
        if cause != MissedCause::Degraded {
            self.raised = None;
            self.raise(Raised::Stopped, &|| why.clone());
        }
    }

    /// Ends a stop, if there was one, and announces its gap.
    fn resume(&mut self) {
        if self.stopped.take().is_none() {
            return;
        }
        tracing::info!(camera = %self.recorder.camera, "recording goes on");
        self.clear(Raised::Stopped);
        self.announce_gap(true);
    }

    /// Does what is due even when no frame comes.
    pub(super) fn idle(&mut self) {
        let now = self.outlet.clock.now();
        self.announce_gap(false);
        let is_calm = |at: Stamp| now.mono_ns.saturating_sub(at.mono_ns) >= CALM.as_nanos() as u64;
        if self.slow_at.take_if(|at| is_calm(*at)).is_some() {
            self.clear(Raised::Slow);
        }
        if self.recorder.settings.on.is_none() && self.taker.is_stale(now) {
            self.end_clip(None);
        }
        self.taker.try_left_again(now);
    }

    /// Closes what is open, and announces what is not announced yet.
    pub(super) fn finish(mut self) {
        let windows = self.recorder.requests.take_all();
        self.end_clip(windows.first());
        self.taker.publish_left();
        for window in windows {
            self.recorder.parts.library.break_promise(window.id);
        }
        self.announce_gap(true);
        if self.raised.take().is_some() {
            (self.outlet.alarm)(None);
        }
    }

    fn end_clip(&mut self, window: Option<&Window>) {
        self.taker.end_clip(window);
        if let Some(window) = window {
            // Where nothing of it could be written, requests for it are answered with `missed`.
            self.recorder.parts.library.break_promise(window.id);
        }
    }

    fn announce_gap(&mut self, ends: bool) {
        // While it is stopped the gap is still open.
        if self.stopped.is_some() && !ends {
            return;
        }
        if let Some(gap) = self.gaps.over(self.outlet.clock.now(), ends) {
            tracing::warn!(
                camera = %self.recorder.camera,
                from = gap.from,
                to = gap.to,
                frames = gap.frames,
                "frames were not recorded"
            );
            self.announce(RecordingNews::Gap(gap));
        }
    }

    fn announce(&self, news: RecordingNews) {
        self.outlet.publish(&self.recorder.camera, news);
    }

    fn raise(&mut self, why: Raised, text: &dyn Fn() -> Explanation) {
        if self.raised.is_none() {
            self.raised = Some(why);
            (self.outlet.alarm)(Some(&text()));
        }
    }

    fn clear(&mut self, why: Raised) {
        if self.raised.take_if(|raised| *raised == why).is_some() {
            (self.outlet.alarm)(None);
        }
    }
}

fn cause_of(error: &RecorderError) -> MissedCause {
    match error {
        error if error.is_full() => MissedCause::Full,
        error if error.is_of_encoding() => MissedCause::Encoder,
        _ => MissedCause::Disk,
    }
}

//! The capture session of one camera: connect, commit frames, and reconnect after a loss.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gstreamer as gst;

use super::appsink::SampleMapper;
use super::bus::{FaultKind, Wording};
use super::feed::FeedSlot;
use super::health::{self, Health, HealthWatch};
use super::pipeline::{Build, CapturePipeline, Variant, failure};
use super::remote::Attempt;
use super::scoped::{SampleIntake, ScopedCallback};
use super::source::{self, NextConnection, SourceSpec};
use super::{CaptureError, Committed, FrameSink, SessionEnd, Wiring};
use crate::backoff::Backoff;
use crate::config::{CameraConfig, Pace, Source};
use crate::types::{Explanation, Stamp};

/// Longest wait of one turn of the loop, and so the delay of its checks for stop, bus errors and freezing.
const TURN: Duration = Duration::from_millis(100);
/// Least time that a source gets for its first frame.
const FIRST_FRAME: Duration = Duration::from_secs(15);
/// After so long without a working thread, a pipeline that reported neither an end nor an error is given up. A decoder
/// that empties itself after the demuxer has ended delivers its first frame sooner.
const STRANDED: Duration = Duration::from_secs(5);

/// How one connection ended without an error.
enum ConnectionEnd {
    Eos { live: bool },
    Waiting(String),
    Stopped,
    Closed,
}

/// Commits the frames of one connection, on the thread that makes them. In the steady state it allocates
/// nothing.
struct FrameCommitter<'s, 'a> {
    session: &'s mut CaptureSession<'a>,
    mapper: SampleMapper,
    /// Set with every frame; the capture thread reads it, also while a frame is held back.
    came: &'s AtomicBool,
    /// Why the connection takes no more frames. A panic is passed on to the capture thread, so that its
    /// supervisor sees it.
    end: Option<std::thread::Result<Result<ConnectionEnd, CaptureError>>>,
}

impl SampleIntake for FrameCommitter<'_, '_> {
    fn take(&mut self, sample: gst::Sample) -> bool {
        if self.end.is_some() {
            return false;
        }
        self.came.store(true, Ordering::Relaxed);
        let (session, mapper) = (&mut *self.session, &mut self.mapper);
        self.end = match catch_unwind(AssertUnwindSafe(|| session.take(mapper, sample))) {
            Ok(Ok(Committed::Closed)) => Some(Ok(Ok(ConnectionEnd::Closed))),
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(Ok(Err(error))),
            Err(panic) => Some(Err(panic)),
        };
        self.end.is_none()
    }
}

/// The capture of one camera, from start to end.
pub struct CaptureSession<'a> {
    camera: &'a CameraConfig,
    sink: &'a mut dyn FrameSink,
    wiring: &'a Wiring<'a>,
    watch: HealthWatch,
    backoff: Backoff,
    variant: Variant,
    seq: u64,
    /// Frames since the source began or was rewound.
    frames: u64,
    /// Frames that must still be skipped.
    pass: u32,
    offline: Option<Explanation>,
    /// When frames were last discarded by command.
    discarded: Stamp,
    /// The facts about the last connection that ended.
    attempt: Attempt,
}

impl<'a> CaptureSession<'a> {
    /// Makes a session that has opened nothing yet.
    pub fn new(
        camera: &'a CameraConfig,
        sink: &'a mut dyn FrameSink,
        wiring: &'a Wiring<'a>,
    ) -> CaptureSession<'a> {
        let seq = sink.next_seq();
        CaptureSession {
            camera,
            sink,
            wiring,
            watch: HealthWatch::new((!camera.source.ends()).then_some(camera.frozen_after)),
            backoff: Backoff::new(camera.reconnect, camera.reconnect_max).jittered(),
            variant: Variant::default(),
            seq,
            frames: 0,
            pass: 0,
            offline: None,
            discarded: Stamp::default(),
            attempt: Attempt::default(),
        }
    }

    /// Runs until the source ends; a live source runs until it is stopped.
    pub fn run(mut self) -> Result<SessionEnd, CaptureError> {
        self.tell_offline(Explanation::new(health::NO_FRAME_YET, ""), None);
        let origin = SourceSpec::of(self.camera, self.sink.slots(), self.wiring)?;
        loop {
            if self.wiring.stop.is_stopped() {
                return Ok(SessionEnd::Stopped);
            }
            let ended = match self.connect(&origin) {
                Ok(ConnectionEnd::Stopped) => return Ok(SessionEnd::Stopped),
                Ok(ConnectionEnd::Closed) => return Ok(SessionEnd::Closed),
                Ok(ConnectionEnd::Waiting(what)) => {
                    self.watch.lost();
                    self.tell_offline(Explanation::new(what, ""), None);
                    None
                }
                Ok(ConnectionEnd::Eos { live }) => self.at_end(&origin, live)?,
                Err(error) => self.after_error(&origin, error)?,
            };
            if let Some(ended) = ended {
                return Ok(ended);
            }
        }
    }

    /// Runs one connection, from building the pipeline to its end.
    fn connect(&mut self, origin: &SourceSpec) -> Result<ConnectionEnd, CaptureError> {
        self.wiring.beat.beat();
        self.attempt = Attempt::default();
        let build = Build {
            camera: &self.camera.name,
            slots: self.sink.slots(),
            sync: self.camera.pace == Pace::Live,
            variant: self.variant,
            wording: if self.camera.source.holds_secrets() { Wording::Kinds } else { Wording::Sentences },
            keeps_jpeg: self.camera.record.as_ref().is_some_and(|record| record.layer.has_raw()),
            stop: self.wiring.stop,
            damaged: self.wiring.damaged,
        };
        match origin.next_line(self.camera, build)? {
            NextConnection::CapturePipeline(line) => self.pump(*line),
            NextConnection::Waiting(what) => Ok(ConnectionEnd::Waiting(what)),
            NextConnection::End => Ok(ConnectionEnd::Eos { live: false }),
        }
    }

    /// Lets the pipeline's own thread commit frames until it ends, and monitors it meanwhile.
    fn pump(&mut self, mut line: CapturePipeline) -> Result<ConnectionEnd, CaptureError> {
        let (begun, before) = (self.wiring.clock.now(), self.frames);
        let outcome = self.look_after(&mut line, begun);
        let lasted = self.wiring.clock.now().mono_ns.saturating_sub(begun.mono_ns);
        let (lasted, frames) = (Duration::from_nanos(lasted), self.frames - before);
        self.attempt = Attempt { lasted, frames, ..line.attempt() };
        outcome
    }

    fn look_after(
        &mut self,
        line: &mut CapturePipeline,
        begun: Stamp,
    ) -> Result<ConnectionEnd, CaptureError> {
        let (wiring, mapper) =
            (self.wiring, SampleMapper::new(self.sink.slots(), line.names.clone(), line.originals()));
        let callback = ScopedCallback::default();
        let news = line.serve(&callback);
        let came = AtomicBool::new(false);
        let (ends, mut stranded) = (self.camera.source.ends(), None);
        callback.lend(&mut FrameCommitter { session: self, mapper, came: &came, end: None }, |frames| {
            line.play()?;
            while !wiring.stop.is_stopped() {
                let message = news.recv_timeout(TURN).is_ok();
                let fresh = came.swap(false, Ordering::Relaxed);
                let looked = frames.look(|frames| frames.end.take());
                // A frame that waits for a reader does not count as progress.
                if fresh || looked.is_some() {
                    wiring.beat.beat();
                }
                match looked {
                    None => continue,
                    Some(Some(end)) => return end.unwrap_or_else(|panic| resume_unwind(panic)),
                    Some(None) if fresh && !message => continue,
                    Some(None) => {}
                }
                // The order matters: errors are reported before the end of the stream.
                let over = line.is_eos();
                if let Some(error) = line.fault() {
                    return Err(error);
                }
                if over {
                    return Ok(ConnectionEnd::Eos { live: line.is_live() });
                }
                let now = wiring.clock.now().mono_ns;
                if ends && line.is_stranded() {
                    let since = *stranded.get_or_insert(now);
                    if Duration::from_nanos(now.saturating_sub(since)) >= STRANDED {
                        // Another pipeline may help: what was not reported may be a format that needs a converter.
                        let cause = "it stopped without a frame, an end or an error";
                        return Err(failure(cause, FaultKind::Negotiation));
                    }
                } else {
                    stranded = None;
                }
                let running = now.saturating_sub(begun.mono_ns);
                frames.look(|frames| frames.session.idle(Duration::from_nanos(running))).transpose()?;
            }
            Ok(ConnectionEnd::Stopped)
        })
    }

    /// Skips one sample, or maps and commits it.
    fn take(&mut self, mapper: &mut SampleMapper, sample: gst::Sample) -> Result<Committed, CaptureError> {
        let seq = self.seq;
        self.seq += 1;
        self.frames += 1;
        self.wiring.senders.decoded();
        if self.pass > 0 {
            self.pass -= 1;
            self.watch.committed(self.wiring.clock.now());
            return Ok(Committed::Taken);
        }
        // What senders push was skipped before it was decoded.
        self.pass = if matches!(self.camera.source, Source::Tcp(_)) { 0 } else { self.camera.skip_frames };
        let now = self.wiring.clock.now();
        let (frame, shape) = mapper.frame(sample, seq, now)?;
        if let Some(health) = self.watch.frame(now, shape) {
            self.offline = None;
            self.backoff.reset();
            (self.wiring.health)(health);
        }
        let committed = self.sink.commit(frame);
        self.watch.committed(self.wiring.clock.now());
        Ok(committed)
    }

    /// Handles a turn without a frame, `running` after the pipeline started.
    fn idle(&mut self, running: Duration) -> Result<(), CaptureError> {
        let now = self.wiring.clock.now();
        if self.wiring.senders.is_stopped() {
            self.discarded = now;
            if let Some(health) = self.watch.discarding(now) {
                (self.wiring.health)(health);
            }
            return Ok(());
        }
        // A camera that was stopped has had time for its first frame only since then.
        let running = running.min(Duration::from_nanos(now.mono_ns.saturating_sub(self.discarded.mono_ns)));
        if let Some(health) = self.watch.quiet(now) {
            (self.wiring.health)(health);
        }
        if self.camera.source.ends() {
            return Ok(());
        }
        let patience = self.camera.frozen_after.max(FIRST_FRAME);
        if !self.watch.is_online() && running >= patience {
            return Err(CaptureError::Silent { waited: patience });
        }
        // Reports the limit and not the elapsed time, so that a repeated fault has the same cause text.
        let frozen = self.camera.frozen_after * 3 + self.camera.reconnect_max;
        if self.watch.is_online() && self.watch.since_last(now) >= frozen {
            return Err(CaptureError::Frozen { frozen });
        }
        Ok(())
    }

    /// Handles the end of the stream: of this pipeline only, of one round, or of the whole source.
    fn at_end(&mut self, origin: &SourceSpec, live: bool) -> Result<Option<SessionEnd>, CaptureError> {
        if let SourceSpec::Fed { feeder, .. } = origin {
            let FeedSlot { switch, error, .. } = &mut *feeder.lock();
            if std::mem::take(switch) {
                return Ok(None);
            }
            if let Some(error) = error.take() {
                return self.lost(error).map(|()| None);
            }
        }
        if live {
            let error = CaptureError::StreamEnded;
            let error = source::explain(self.camera, error, &self.attempt, self.wiring);
            return self.lost(error).map(|()| None);
        }
        match origin {
            SourceSpec::File(video) => video.check_end(self.frames)?,
            SourceSpec::Fed { feeder, .. } => feeder.lock().feed.check_end(self.frames)?,
            SourceSpec::Elements => {}
        }
        if !self.camera.repeat {
            (self.wiring.health)(Health::Ended);
            return Ok(Some(SessionEnd::EndOfStream));
        }
        self.frames = 0;
        origin.rewind();
        Ok(None)
    }

    /// Tries another pipeline where that may help, ends where nothing can, and otherwise waits and
    /// reconnects.
    fn after_error(
        &mut self,
        origin: &SourceSpec,
        error: CaptureError,
    ) -> Result<Option<SessionEnd>, CaptureError> {
        if let SourceSpec::Fed { feeder, .. } = origin {
            // The feed's own error is more precise than the one that the pipeline derived from it.
            if let Some(first) = feeder.lock().error.take() {
                return self.lost(first).map(|()| None);
            }
        }
        // A file restarts with its pipeline: after the first frame, a retry would deliver frames twice.
        let begun = matches!(origin, SourceSpec::File(_)) && self.frames > 0;
        if !begun && self.vary(&error) {
            if let SourceSpec::Fed { feeder, .. } = origin {
                feeder.lock().feed.again();
            }
            return Ok(None);
        }
        match origin {
            SourceSpec::File(video) => Err(video.explain(error, self.frames)),
            SourceSpec::Fed { feeder, live: false } => {
                feeder.lock().feed.check_end(self.frames)?;
                Err(error)
            }
            _ if error.is_final() => Err(error),
            _ => {
                let error = source::explain(self.camera, error, &self.attempt, self.wiring);
                self.lost(error).map(|()| None)
            }
        }
    }

    /// Whether another pipeline may avoid the error; if so, selects that one.
    fn vary(&mut self, error: &CaptureError) -> bool {
        if matches!(error, CaptureError::Turned) {
            return !std::mem::replace(&mut self.variant.upright, true);
        }
        let CaptureError::Stream(fault) = error else { return false };
        let v4l2 = matches!(self.camera.source, Source::V4l2(_));
        if v4l2
            && !self.variant.plain_io
            && matches!(fault.kind, FaultKind::Settings | FaultKind::Negotiation)
        {
            self.variant.plain_io = true;
            return true;
        }
        let convert = fault.kind == FaultKind::Negotiation && !self.variant.convert;
        self.variant.convert |= convert;
        convert
    }

    /// Reports the loss, waits, and lets the loop reconnect.
    fn lost(&mut self, error: CaptureError) -> Result<(), CaptureError> {
        if error.is_final() {
            return Err(error);
        }
        self.watch.lost();
        // The camera listens: one sender's fault must not delay the next sender.
        let of_sender = matches!(&error, CaptureError::Tcp(error) if error.is_of_sender());
        let pause = if of_sender { Duration::ZERO } else { self.backoff.pause() };
        self.tell_offline(error.explanation(), Some(pause));
        let until = self.wiring.clock.now().plus(pause).mono_ns;
        loop {
            let left = Duration::from_nanos(until.saturating_sub(self.wiring.clock.now().mono_ns));
            if left.is_zero() || self.wiring.stop.wait(left.min(TURN)) {
                return Ok(());
            }
            self.wiring.beat.beat();
        }
    }

    /// Reports that the source is offline, once for each cause.
    fn tell_offline(&mut self, cause: Explanation, next_try: Option<Duration>) {
        if next_try.is_none() && self.offline.as_ref() == Some(&cause) {
            return;
        }
        self.offline = Some(cause.clone());
        (self.wiring.health)(Health::Offline { cause, next_try });
    }
}

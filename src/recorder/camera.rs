//! Records one camera: reads the ring in order, after the workers, and holds one frame at a time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::Mutex;

use super::counters::CameraCounters;
use super::error::RecorderError;
use super::library::Library;
use super::reports::RecentReports;
use super::requests::Requests;
use super::session::RecordingSession;
use super::verdicts::{Found, RecentVerdicts};
use crate::annotate::{Overlays, Place};
use crate::config::{CameraConfig, RecordConfig};
use crate::ring::{Policy, Reader, Ring, Take};
use crate::supervisor::{Beat, Stop};
use crate::types::{
    Clock, Degradation, ExperimentId, Explanation, Frame, Inspection, Label, Point, RecordedEvent,
    RecordingId, RecordingNews, RecordingNotice, Report, Stamp,
};

/// The longest sleep of the thread: it beats that often, and sees a stop that late.
const LOOK: Duration = Duration::from_millis(100);
/// How often it looks whether an event extends a window that is over.
const LINGER: Duration = Duration::from_millis(20);

/// Where a recorder reports to.
pub struct RecorderOutlet<'a> {
    /// Raises the camera's alarm with the reason, or clears it.
    pub alarm: &'a dyn Fn(Option<&Explanation>),
    /// Announces what happened to recordings.
    pub announce: &'a dyn Fn(RecordingNotice),
    /// The clock of gaps and retries.
    pub clock: &'a dyn Clock,
}

impl RecorderOutlet<'_> {
    /// Announces `news` about recordings of `camera`.
    pub(super) fn publish(&self, camera: &Label, news: RecordingNews) {
        (self.announce)(RecordingNotice { camera: camera.clone(), wall_ns: self.clock.now().wall_ns, news });
    }
}

/// What a camera's recorder is made from.
pub struct RecorderParts {
    /// The ring with the camera's frames.
    pub ring: Ring<Frame>,
    /// The index and the folder of all recordings.
    pub library: Library,
    /// The experiment that frames belong to.
    pub experiment: ExperimentId,
    /// The steps of degradation that are in force.
    pub degradation: Degradation,
    /// Zones and lines that are drawn.
    pub places: Vec<Place>,
}

/// The recorder of one camera.
pub struct CameraRecorder {
    /// Name of the camera.
    pub camera: Label,
    /// Counts of every frame of the camera.
    pub counters: CameraCounters,
    pub(super) settings: RecordConfig,
    pub(super) parts: RecorderParts,
    pub(super) requests: Requests,
    /// Reports of the camera's frames, where it detects and they are recorded.
    pub(super) reports: Option<RecentReports>,
    /// Verdicts on its parts, where it inspects and they are drawn.
    pub(super) verdicts: Option<RecentVerdicts>,
    /// The reader of the first run of its thread: it sees the camera's first frame.
    first_reader: Mutex<Option<Reader<Frame>>>,
    /// The number of the next frame that is not counted yet.
    pub(super) accounted: AtomicU64,
}

impl CameraRecorder {
    /// The recorder of `camera` with these settings.
    pub fn new(camera: &CameraConfig, settings: &RecordConfig, parts: RecorderParts) -> Arc<CameraRecorder> {
        let needs_reports = camera.detect.is_some() && (settings.sidecar || settings.layer.has_annotated());
        let needs_verdicts = camera.inspect.is_some() && settings.layer.has_annotated();
        let verdicts = needs_verdicts.then(|| RecentVerdicts::new(parts.ring.slots(), camera.preview.hold));
        Arc::new(CameraRecorder {
            verdicts,
            camera: camera.name.as_str().into(),
            counters: CameraCounters::default(),
            settings: settings.clone(),
            reports: needs_reports.then(|| RecentReports::new(parts.ring.slots())),
            first_reader: Mutex::new(Some(parts.ring.reader(Policy::Oldest))),
            parts,
            requests: Requests::default(),
            accounted: AtomicU64::new(0),
        })
    }

    /// Keeps the report of a frame that may be recorded.
    pub fn offer_report(&self, report: &Arc<Report>) {
        if let Some(reports) = &self.reports {
            reports.add(report);
        }
    }

    /// Keeps the verdict on a part, to be drawn into its frame. `outlines` are the corners of each region, recipe px.
    pub fn judged(&self, inspection: &Arc<Inspection>, outlines: &Arc<[Vec<Point>]>) {
        if let Some(verdicts) = &self.verdicts {
            verdicts.add(inspection, outlines);
        }
    }

    /// Asks for a recording around `at`; `None` where the camera does not record such events.
    pub fn request(&self, event: RecordedEvent, at: Stamp, cause: &dyn fmt::Display) -> Option<RecordingId> {
        let on = self.settings.on?;
        let wanted = match event {
            RecordedEvent::Ng => on.ng || on.trigger,
            RecordedEvent::Error => on.error || on.trigger,
            RecordedEvent::Trigger => on.trigger,
            RecordedEvent::Zone => on.zone,
            RecordedEvent::Line => on.line,
            RecordedEvent::Attendance => on.attendance,
        };
        let around = (self.settings.pre_roll, self.settings.post_roll);
        let number = || self.parts.library.promise();
        wanted.then(|| self.requests.ask(at, around, cause.to_string(), number))
    }

    /// What is drawn into a frame.
    pub(super) fn overlays<'a>(&'a self, found: Found<'a>) -> Overlays<'a> {
        Overlays { report: found.report, places: &self.parts.places, part: found.part }
    }

    /// Records until `stop`, or until the ring is closed and all of it is recorded.
    ///
    /// # Errors
    /// There is no memory for an encoder.
    pub fn run(&self, outlet: &RecorderOutlet<'_>, stop: &Stop, beat: &Beat) -> Result<(), RecorderError> {
        let first = self.first_reader.lock().take();
        let reader = first.unwrap_or_else(|| self.parts.ring.reader(Policy::Oldest));
        let mut session = RecordingSession::new(self, reader, outlet, beat)?;
        while !stop.is_stopped() {
            beat.beat();
            let goes_on = match self.parts.library.is_ready() {
                false => !stop.wait(LINGER),
                true if self.settings.on.is_some() => self.follow_events(&mut session, stop),
                true => self.follow_all(&mut session),
            };
            if !goes_on {
                break;
            }
        }
        if self.settings.on.is_none() && self.parts.library.is_ready() {
            // Frames that came before the stop and are still in the ring.
            for _ in 0..self.parts.ring.slots() {
                beat.beat();
                let Take::Lease(frame) = session.reader.try_lease() else { break };
                session.frame(&frame, None);
            }
        }
        session.finish();
        Ok(())
    }

    /// One turn of a continuous recording; false at the end of the ring.
    fn follow_all(&self, session: &mut RecordingSession<'_>) -> bool {
        match session.reader.lease(Some(LOOK)) {
            Take::Lease(frame) => session.frame(&frame, None),
            Take::Empty => session.idle(),
            Take::Closed => return false,
        }
        true
    }

    /// One turn of a recording around events; false at the end of the ring.
    fn follow_events(&self, session: &mut RecordingSession<'_>, stop: &Stop) -> bool {
        if !session.in_window {
            let Some(window) = self.requests.front(LOOK) else {
                session.idle();
                return !self.parts.ring.is_closed();
            };
            session.enter(&window);
        }
        match session.reader.lease(Some(LINGER)) {
            Take::Lease(frame) => match self.requests.front(Duration::ZERO) {
                Some(window) if frame.stamp_ns() <= window.until_ns => session.frame(&frame, Some(&window)),
                _ => {
                    // The frame stays in the ring for a while: an event may still extend the window to it.
                    let (at_ns, seq) = (frame.stamp_ns(), frame.seq());
                    drop(frame);
                    session.reader.seek(at_ns, seq);
                    session.leave_if_over();
                    stop.wait(LINGER);
                }
            },
            Take::Empty => session.leave_if_over(),
            Take::Closed => return false,
        }
        true
    }
}

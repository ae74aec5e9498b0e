//! Writes one frame as a picture, or into the clip that is open.

use std::time::Duration;

use bytes::Bytes;

use super::aside::AsideFile;
use super::camera::{CameraRecorder, RecorderOutlet};
use super::error::RecorderError;
use super::names::{self, NameParts};
use super::open_clip::OpenClip;
use super::requests::Window;
use super::sidecar::{self, SidecarHead};
use super::verdicts::{Found, RecentVerdict};
use crate::annotate::{Annotate, Annotator, Look};
use crate::config::RecordAs;
use crate::ring::Lease;
use crate::store::{FileRole, Recording, RecordingKind, RecordingState};
use crate::supervisor::Beat;
use crate::types::{Frame, RecordingId, RecordingNews, Report, Stamp};

/// How long a frame waits for what was found on it.
const REPORT_PATIENCE: Duration = Duration::from_millis(250);
/// A frame that is older than that still waits so long for a verdict in the window of an event, because the event asks
/// for its recording just before its verdict is published.
const EVENT_PATIENCE: Duration = Duration::from_millis(20);
/// Clips that may wait for a disk that does not let them be named.
const MOST_LEFT: usize = 4;
/// Pause before they are tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// A clip of a camera that sends nothing ends after this time.
const STALE: Duration = Duration::from_secs(10);

/// The tools of a recorder's thread.
pub(super) struct Taker<'a> {
    pub(super) recorder: &'a CameraRecorder,
    pub(super) outlet: &'a RecorderOutlet<'a>,
    pub(super) beat: &'a Beat,
    pub(super) annotator: Annotator,
    clip: Option<OpenClip>,
    /// The recording of the current window's first picture.
    window: Option<RecordingId>,
    /// The sidecar's text, whose memory is used again.
    text: Vec<u8>,
    /// Clips that the disk did not allow to be published; their files are in the folder of incomplete ones.
    left: Vec<OpenClip>,
    /// When they are tried again, monotonic nanoseconds.
    left_again_ns: u64,
}

impl<'a> Taker<'a> {
    pub(super) fn new(
        recorder: &'a CameraRecorder,
        outlet: &'a RecorderOutlet<'a>,
        beat: &'a Beat,
    ) -> Result<Taker<'a>, RecorderError> {
        let annotator = Annotate::default().annotator()?;
        let (clip, window, text, left) = (None, None, Vec::new(), Vec::new());
        Ok(Taker { recorder, outlet, beat, annotator, clip, window, text, left, left_again_ns: 0 })
    }

    /// Records the frame, for `window` where an event asked for it.
    pub(super) fn take(
        &mut self,
        frame: &Lease<Frame>,
        window: Option<&Window>,
        is_behind: bool,
    ) -> Result<(), RecorderError> {
        let report = self.report(frame, is_behind);
        let part = self.part(frame, window.is_some(), is_behind);
        let found = Found { report: report.as_deref(), part: part.as_ref().map(|part| part.marks()) };
        match self.recorder.settings.what {
            RecordAs::Pictures => self.picture(frame, window, found),
            RecordAs::Clips => self.add_to_clip(frame, window, found),
        }
    }

    /// The verdict that is drawn into the frame.
    fn part(&self, frame: &Frame, in_window: bool, is_behind: bool) -> Option<RecentVerdict> {
        let verdicts = self.recorder.verdicts.as_ref()?;
        let age =
            Duration::from_nanos(self.outlet.clock.now().mono_ns.saturating_sub(frame.captured.mono_ns));
        let least = if in_window { EVENT_PATIENCE } else { Duration::ZERO };
        let patience = match is_behind {
            true => Duration::ZERO,
            false => REPORT_PATIENCE.saturating_sub(age).max(least),
        };
        verdicts.of((frame.seq, frame.captured.mono_ns), patience)
    }

    fn report(&self, frame: &Frame, is_behind: bool) -> Option<std::sync::Arc<Report>> {
        // Once half of the ring waits, frames are worth more than what was found on them.
        let patience = if is_behind { Duration::ZERO } else { REPORT_PATIENCE };
        self.recorder.reports.as_ref()?.of((frame.seq, frame.captured.mono_ns), patience)
    }

    /// Writes one picture, with its layers and its sidecar.
    fn picture(
        &mut self,
        frame: &Frame,
        window: Option<&Window>,
        found: Found<'_>,
    ) -> Result<(), RecorderError> {
        let recorder = self.recorder;
        let (library, settings) = (&recorder.parts.library, &recorder.settings);
        let mut pictures: Vec<(FileRole, Bytes)> = Vec::with_capacity(2);
        if settings.layer.has_raw() {
            pictures.push((FileRole::Raw, self.jpeg(frame, None)?));
        }
        if settings.layer.has_annotated() {
            pictures.push((FileRole::Annotated, self.jpeg(frame, Some(found))?));
        }
        let library_settings = library.settings();
        // The first picture of an event has the number that the event was given.
        let id = match window {
            Some(window) if self.window != Some(window.id) => window.id,
            _ => library.next_id(),
        };
        let mut recording = self.recording(id, RecordingKind::Picture, frame, window);
        recording.state = RecordingState::Whole;
        self.text.clear();
        if settings.sidecar {
            let zone = zone_name(&library_settings.zone);
            let head = self.head(&recording, &zone, frame, window);
            sidecar::begin(&mut self.text, &head);
            sidecar::frame(&mut self.text, true, (frame, None), found.report);
            sidecar::end(&mut self.text, RecordingState::Whole, 1);
        }
        let bytes = pictures.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() + self.text.len();
        library.make_way(bytes as u64)?;
        let name = self.name(&recording, frame, &library_settings.zone);
        let mut files = Vec::with_capacity(3);
        for (role, bytes) in &pictures {
            files.push(AsideFile::new(library.root(), id, *role, "jpg").written(bytes)?);
        }
        if settings.sidecar {
            files.push(AsideFile::new(library.root(), id, FileRole::Sidecar, "json").written(&self.text)?);
        }
        library.publish(recording, files, &name, false)?;
        self.window = window.map(|window| window.id);
        Ok(())
    }

    /// The frame as a JPEG; with drawings where `found` is there, even if it holds nothing.
    pub(super) fn jpeg(&mut self, frame: &Frame, found: Option<Found<'_>>) -> Result<Bytes, RecorderError> {
        let settings = &self.recorder.settings;
        let width = self.width(frame);
        // A camera's own JPEG is neither decoded nor encoded again.
        if let (None, Some(jpeg)) = (found, frame.jpeg().filter(|_| width >= frame.width)) {
            return Ok(jpeg);
        }
        let look = Look { width, quality: settings.quality };
        let overlays = found.map(|found| self.recorder.overlays(found));
        Ok(self.annotator.picture(frame, &look, overlays.as_ref())?.jpeg)
    }

    /// Greatest width of pictures of `frame`, px.
    pub(super) fn width(&self, frame: &Frame) -> usize {
        match self.recorder.settings.width {
            0 => frame.width,
            width => width.min(frame.width),
        }
    }

    fn add_to_clip(
        &mut self,
        frame: &Frame,
        window: Option<&Window>,
        found: Found<'_>,
    ) -> Result<(), RecorderError> {
        if self.clip.as_ref().is_some_and(|clip| clip.is_full(frame, self.recorder.settings.clip)) {
            self.roll_over(window);
        }
        if self.clip.is_none() {
            // After a roll-over the window has another number.
            let current = self.recorder.requests.front(Duration::ZERO).filter(|_| window.is_some());
            let id = current.map_or_else(|| self.recorder.parts.library.next_id(), |window| window.id);
            let recording = self.recording(id, RecordingKind::Clip, frame, window);
            let library_settings = self.recorder.parts.library.settings();
            let name = self.name(&recording, frame, &library_settings.zone);
            let zone = zone_name(&library_settings.zone);
            self.text.clear();
            let head = self.head(&recording, &zone, frame, window);
            sidecar::begin(&mut self.text, &head);
            let head_text = std::mem::take(&mut self.text);
            let begun = OpenClip::begin(self, recording, name, frame, &head_text);
            self.text = head_text;
            self.clip = Some(begun?);
        }
        let Some(mut clip) = self.clip.take() else { return Ok(()) };
        let added = clip.add(self, frame, found);
        self.clip = Some(clip);
        added
    }

    /// Ends a clip that has become too long; what follows gets another number.
    fn roll_over(&mut self, window: Option<&Window>) {
        let former = window.and_then(|_| self.continue_window());
        self.end_clip(former.as_ref());
    }

    /// Ends the clip that is open because recording stops. Where it is that of a window, what follows in the window gets
    /// another number, so that it does not take the place of this clip in the index.
    pub(super) fn interrupt(&mut self, in_window: bool) {
        // A clip without a frame is forgotten, and its number is free for what follows.
        let is_kept = self.clip.as_ref().is_some_and(|clip| clip.recording.frames > 0);
        let former = if in_window && is_kept { self.continue_window() } else { None };
        self.end_clip(former.as_ref());
    }

    /// Gives the rest of the window another number; returns what is known of the window so far.
    fn continue_window(&self) -> Option<Window> {
        // Promised, because a further event of the window is given the new number before a frame is recorded under it.
        self.recorder.requests.continue_as(self.recorder.parts.library.promise())
    }

    /// Completes the clip that is open, if one is, and announces it.
    pub(super) fn end_clip(&mut self, window: Option<&Window>) {
        let Some(mut clip) = self.clip.take() else { return };
        if let Some(window) = window {
            clip.recording.causes.clone_from(&window.causes);
        }
        clip.close(self.beat);
        self.publish(clip);
    }

    /// Gives a closed clip its name, counts and announces it; where the disk refuses, it is tried again later.
    fn publish(&mut self, mut clip: OpenClip) {
        let id = clip.recording.id;
        match clip.publish(&self.recorder.parts.library) {
            Ok(Some(done)) => {
                self.recorder.counters.clips.inc();
                self.outlet.publish(&self.recorder.camera, RecordingNews::Clip(done));
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(recording = id, "the clip waits for the disk: {error}");
                self.left_again_ns = self.outlet.clock.now().mono_ns + AGAIN.as_nanos() as u64;
                self.left.push(clip);
            }
        }
    }

    /// Publishes clips that the disk did not take before, if it is time to try again.
    pub(super) fn try_left_again(&mut self, now: Stamp) {
        if now.mono_ns >= self.left_again_ns {
            self.publish_left();
        }
    }

    /// Publishes clips that the disk did not take before. The next start completes those that it still refuses.
    pub(super) fn publish_left(&mut self) {
        std::mem::take(&mut self.left).into_iter().for_each(|clip| self.publish(clip));
    }

    /// Refuses to begin more while many clips wait for their names, because the limits do not know of them.
    pub(super) fn check_left(&self) -> Result<(), RecorderError> {
        match self.left.len() {
            0..MOST_LEFT => Ok(()),
            count => {
                Err(RecorderError::Unnamed { path: self.recorder.parts.library.root().to_owned(), count })
            }
        }
    }

    /// Whether a clip is open to which nothing was added for long.
    pub(super) fn is_stale(&self, now: Stamp) -> bool {
        let last_ns = self.clip.as_ref().map(|clip| clip.last_mono_ns);
        last_ns.is_some_and(|last_ns| now.mono_ns.saturating_sub(last_ns) > STALE.as_nanos() as u64)
    }

    fn recording(
        &self,
        id: RecordingId,
        kind: RecordingKind,
        frame: &Frame,
        window: Option<&Window>,
    ) -> Recording {
        // The number that the event was given; later parts of its window have numbers of their own.
        let event = window.map(|window| window.first);
        Recording {
            id,
            camera: self.recorder.camera.to_string(),
            kind,
            state: RecordingState::Writing,
            files: Vec::new(),
            frames: 1,
            first_frame: frame.seq,
            last_frame: frame.seq,
            started_ns: frame.captured.wall_ns,
            ended_ns: frame.captured.wall_ns,
            causes: window.map(|window| window.causes.clone()).unwrap_or_default(),
            event,
            experiment: self.recorder.parts.experiment.get().map(|id| id.to_string()),
        }
    }

    fn head<'r>(
        &self,
        recording: &'r Recording,
        zone: &'r str,
        frame: &Frame,
        window: Option<&Window>,
    ) -> SidecarHead<'r> {
        let pre_ns = window.map(|window| window.event_ns.saturating_sub(frame.captured.mono_ns));
        SidecarHead {
            experiment: recording.experiment.as_deref(),
            causes: &recording.causes,
            pre_roll_ms: pre_ns.map(|ns| ns / 1_000_000),
            ..SidecarHead::new(recording.id, &recording.camera, recording.kind, zone)
        }
    }

    fn name(&self, recording: &Recording, frame: &Frame, zone: &jiff::tz::TimeZone) -> String {
        let parts = NameParts {
            camera: &recording.camera,
            wall_ns: frame.captured.wall_ns,
            zone,
            frame: frame.seq,
            id: recording.id,
            experiment: recording.experiment.as_deref(),
        };
        names::name(&self.recorder.settings.pattern, &parts)
    }
}

/// The zone's name, for people.
fn zone_name(zone: &jiff::tz::TimeZone) -> String {
    zone.iana_name().map_or_else(|| "local".to_owned(), str::to_owned)
}

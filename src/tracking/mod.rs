//! Follows detections from frame to frame and reports the life of each object, with the zones and lines that
//! it passes.
//!
//! Association follows Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box"
//! (ECCV 2022): a Kalman filter predicts where each object will be. Detections are paired with those
//! predictions by IoU, first those with high scores, then those with low scores for objects that are left
//! without one.

mod associate;
mod kalman;
mod life;
mod zones;

use std::time::Duration;

use associate::{PairMatcher, Position};
use kalman::NOMINAL_FPS;
use life::{Followed, Moment};
use zones::CameraPlaces;

use crate::config;
pub use crate::types::{Events, MAX_EVENTS};
use crate::types::{Finding, Label, MAX_FINDINGS, Numbering, Report};

/// Most objects followed at once; further detections are not followed, and are counted.
pub const MAX_TRACKS: usize = 128;
// In one frame every object may end and be replaced by a new one.
const _: () = assert!(MAX_EVENTS >= 2 * MAX_TRACKS);

/// After a longer gap positions are unknown; the limit also keeps the filter's values small.
const LONGEST_STEP: Duration = Duration::from_secs(10);

/// The objects of one camera. Called in frame order, by one thread at a time.
#[derive(Debug)]
pub struct Tracker {
    settings: config::TrackConfig,
    min_score: f32,
    tracks: Vec<Followed>,
    places: CameraPlaces,
    matcher: PairMatcher,
    /// For each finding, whether it is matched to an object.
    taken: Vec<bool>,
    clock: FrameClock,
    numbers: Numbering,
    /// Detections that came while all [`MAX_TRACKS`] places were taken.
    pub overflow: u64,
}

/// The position at which an object is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// The position that its motion predicts.
    Expected,
    /// Its position in the last frame: it has turned or stopped abruptly, and its motion starts anew.
    Turned,
}

/// The tracker's clock, driven by the frames' stamps.
#[derive(Debug, Default)]
struct FrameClock {
    now: Duration,
    last: Option<(Option<u64>, u64)>,
}

impl FrameClock {
    /// Advances to a report's frame and returns the step. It uses the source's own stamps while they advance,
    /// since frames may come in bursts, and the stamps of capture otherwise.
    fn tick(&mut self, report: &Report) -> Duration {
        let stamps = (report.pts_ns, report.captured.mono_ns);
        let Some((pts, captured)) = self.last.replace(stamps) else { return Duration::ZERO };
        let own = stamps.0.zip(pts).and_then(|(now, before)| now.checked_sub(before));
        let own = own
            .map(Duration::from_nanos)
            .filter(|step| (Duration::from_nanos(1)..LONGEST_STEP).contains(step));
        let step = own.unwrap_or(Duration::from_nanos(stamps.1.saturating_sub(captured)));
        self.now += step;
        step.min(LONGEST_STEP)
    }
}

impl Tracker {
    /// A tracker whose objects are numbered from `first_id` on. Allocates all memory here, except what the
    /// assignment needs for a crowd (see [`crowds`](Tracker::crowds)).
    pub fn new(settings: config::TrackConfig, first_id: u64) -> Tracker {
        Tracker {
            places: CameraPlaces::new(&settings, &[], &[]),
            settings,
            min_score: 0.0,
            tracks: Vec::with_capacity(MAX_TRACKS),
            matcher: PairMatcher::new(),
            taken: Vec::with_capacity(MAX_FINDINGS),
            clock: FrameClock::default(),
            numbers: Numbering::from_first(first_id),
            overflow: 0,
        }
    }

    /// Makes the tracker take numbers from `numbers`, which others may share.
    pub fn with_numbers(mut self, numbers: Numbering) -> Tracker {
        self.numbers = numbers;
        self
    }

    /// Adds zones and lines; fractions of the frame become px with the first report that contains the frame's
    /// size.
    pub fn with_places(mut self, zones: &[config::Zone], lines: &[config::Line]) -> Tracker {
        self.places = CameraPlaces::new(&self.settings, zones, lines);
        self
    }

    /// From now on findings below `score` start no object, and keep one alive only where there is no better
    /// one.
    pub fn set_min_score(&mut self, score: f32) {
        self.min_score = score;
    }

    /// The least score at which a finding is useful to this tracker, where the camera's own limit is
    /// `min_score`.
    pub fn least_score(&self, min_score: f32) -> f32 {
        self.settings.low_score.min(min_score)
    }

    /// How often a crowd (more than eight objects and more than eight detections connected by overlaps) was
    /// passed to the solver: the only part that allocates, a few vectors that are freed when it is solved.
    pub fn crowds(&self) -> u64 {
        self.matcher.crowds
    }

    /// The zones in which object `track` is.
    pub fn zones_of(&self, track: u64) -> impl Iterator<Item = &Label> {
        let found = self.tracks.iter().find(|followed| followed.id == Some(track));
        found.into_iter().flat_map(|followed| self.places.names(followed.stays()))
    }

    /// Processes the next frame's report. Its findings receive their track and its zones, from the frame on
    /// in which the object's `new` is reported; `events` receives the changes.
    pub fn update(&mut self, report: &mut Report, events: &mut Events) {
        let step = self.clock.tick(report);
        let moment = Moment::new(report, self.clock.now);
        self.places.fit(report.width, report.height);
        self.taken.clear();
        self.taken.resize(report.findings.len(), false);
        let frames = step.as_secs_f32() * NOMINAL_FPS;
        self.tracks.iter_mut().for_each(|track| track.step(frames));
        let least = self.min_score;
        let (sure, unsure) = (|score: f32| score >= least, |score: f32| score < least);
        self.pair(report, &moment, Pass::Expected, |track| track.id.is_some(), sure);
        self.pair(report, &moment, Pass::Turned, |track| track.id.is_some() && track.missed == 1, sure);
        // An object that was lost before is not matched to an unsure detection, which may be noise.
        self.pair(report, &moment, Pass::Expected, |track| track.id.is_some() && track.missed == 1, unsure);
        self.pair(report, &moment, Pass::Expected, |track| track.id.is_none(), sure);
        self.begin(report, &moment);
        self.report_event(report, &moment, events);
        self.forget(&moment, events);
    }

    /// For a camera that has gone: ends every object that was reported. Returns true when all ends are
    /// reported; otherwise call it again with empty `events`.
    pub fn end_all(&mut self, last: &Report, events: &mut Events) -> bool {
        let moment = Moment::new(last, self.clock.now);
        self.tracks.retain_mut(|track| !track.tell_end(&self.places, &moment, events));
        self.tracks.is_empty()
    }

    /// Pairs the unmatched objects that are `wanted` with free findings whose score is `fit`.
    fn pair(
        &mut self,
        report: &Report,
        moment: &Moment,
        pass: Pass,
        wanted: impl Fn(&Followed) -> bool,
        fit: impl Fn(f32) -> bool,
    ) {
        let matcher = &mut self.matcher;
        matcher.clear();
        let free = self.tracks.iter().enumerate().filter(|(_, track)| track.missed > 0 && wanted(track));
        matcher.tracks.extend(free.map(|(at, track)| {
            let rect = if pass == Pass::Turned { track.last() } else { track.expected() };
            Position { at, class: track.class, rect }
        }));
        let free = report.findings.iter().zip(&self.taken).enumerate();
        let free = free.filter(|(_, (finding, taken))| !**taken && fit(finding.score));
        matcher.findings.extend(free.filter_map(|(at, (finding, _))| {
            Some(Position { at, class: finding.class, rect: finding.rect()? })
        }));
        matcher.run(self.settings.iou);
        for (track, at) in matcher.pairs.iter().copied() {
            let finding = &report.findings[at];
            let Some(rect) = finding.rect() else { continue };
            self.tracks[track].seen(at, finding, rect, moment, pass == Pass::Turned);
            self.taken[at] = true;
        }
    }

    fn begin(&mut self, report: &Report, moment: &Moment) {
        for (at, finding) in report.findings.iter().enumerate() {
            let Some(rect) = finding.rect().filter(|_| !self.taken[at] && finding.score >= self.min_score)
            else {
                continue;
            };
            if self.tracks.len() == MAX_TRACKS {
                self.overflow += 1;
                continue;
            }
            let mut track = Followed::new(finding, rect, moment, &self.places);
            track.finding = Some(at);
            self.tracks.push(track);
        }
    }

    fn report_event(&mut self, report: &mut Report, moment: &Moment, events: &mut Events) {
        let Tracker { settings, tracks, places, numbers, .. } = self;
        let rhythm = (settings.min_frames, settings.update_every);
        for track in tracks.iter_mut() {
            let Some(finding) = track.finding.and_then(|at| report.findings.get_mut(at)) else { continue };
            track.tell_life(rhythm, numbers, moment, events);
            track.tell_places(places, moment, events);
            mark(finding, track, places);
        }
    }

    fn forget(&mut self, moment: &Moment, events: &mut Events) {
        let (gap, places) = (self.settings.max_gap, &self.places);
        self.tracks.retain_mut(|track| match track.id {
            // An object without a `new` event is dropped at its first miss, so that noise never becomes an
            // event.
            None => track.missed == 0,
            Some(_) => track.missed <= gap || !track.tell_end(places, moment, events),
        });
    }
}

/// Marks a finding with its object, once the object's `new` was reported.
fn mark(finding: &mut Finding, track: &Followed, places: &CameraPlaces) {
    finding.track = track.id;
    if track.id.is_some() {
        finding.zones = places.set(track.stays());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{EventKind, Rect, Stamp, Value};

    const SETTINGS: config::TrackConfig = config::TrackConfig {
        iou: 0.3,
        low_score: 0.1,
        min_frames: 2,
        max_gap: 2,
        update_every: Duration::from_millis(100),
        anchor: config::Anchor::Centre,
        margin: 0.01,
    };

    fn frame(n: u64, rects: &[(f32, f32)]) -> Report {
        let mut report = Report::new("front".into());
        report.frame_seq = n;
        report.captured = Stamp { mono_ns: n * 33_000_000, wall_ns: n };
        for (x, y) in rects {
            let rect = Rect { x: *x, y: *y, w: 20.0, h: 20.0 };
            let value = Value::Object { rect, points: heapless::Vec::new() };
            report.push(Finding::new(0, "part".into(), 0.9, value));
        }
        report
    }

    fn run(tracker: &mut Tracker, frames: &[Report]) -> Vec<(u64, EventKind, u64)> {
        let mut reported = Vec::new();
        for report in frames {
            let mut events = Events::new();
            tracker.update(&mut report.clone(), &mut events);
            reported.extend(events.iter().map(|event| (event.frame_seq, event.kind, event.track)));
        }
        reported
    }

    #[test]
    fn an_object_is_reported_new_then_updated_then_ended() {
        let mut tracker = Tracker::new(SETTINGS, 7);
        let seen = (0..6).map(|n| frame(n, &[(n as f32 * 8.0, 0.0)]));
        let gone = (6..12).map(|n| frame(n, &[]));
        let reported = run(&mut tracker, &seen.chain(gone).collect::<Vec<_>>());
        assert_eq!(reported, [(1, EventKind::New, 7), (5, EventKind::Update, 7), (8, EventKind::End, 7)]);
    }

    #[test]
    fn a_detection_of_a_single_frame_is_no_event() {
        let mut tracker = Tracker::new(SETTINGS, 0);
        let reported =
            run(&mut tracker, &[frame(0, &[(0.0, 0.0)]), frame(1, &[]), frame(2, &[]), frame(3, &[])]);
        assert!(reported.is_empty());
    }

    #[test]
    fn two_objects_that_pass_each_other_keep_their_numbers() {
        let mut tracker = Tracker::new(SETTINGS, 0);
        let frames: Vec<_> =
            (0..20).map(|n| frame(n, &[(n as f32 * 8.0, 0.0), (152.0 - n as f32 * 8.0, 14.0)])).collect();
        let reported = run(&mut tracker, &frames);
        let news = reported.iter().filter(|(_, kind, _)| *kind == EventKind::New).count();
        assert_eq!(news, 2, "{reported:?}");
        assert!(reported.iter().all(|(_, kind, _)| *kind != EventKind::End));
    }

    #[test]
    fn a_short_gap_does_not_make_a_second_object() {
        let mut tracker = Tracker::new(SETTINGS, 0);
        let frames: Vec<_> =
            (0..9).map(|n| if n == 4 { frame(n, &[]) } else { frame(n, &[(n as f32 * 8.0, 0.0)]) }).collect();
        let reported = run(&mut tracker, &frames);
        assert_eq!(reported.iter().filter(|(_, kind, _)| *kind == EventKind::New).count(), 1);
    }

    #[test]
    fn a_camera_that_goes_away_ends_what_was_reported() {
        let mut tracker = Tracker::new(SETTINGS, 0);
        let last = frame(1, &[(0.0, 0.0)]);
        run(&mut tracker, &[frame(0, &[(0.0, 0.0)]), last.clone()]);
        let mut events = Events::new();
        tracker.end_all(&last, &mut events);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].kind, EventKind::End);
    }
}

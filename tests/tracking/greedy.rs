//! Follows detections from frame to frame by IoU and tells the life of each object: `new`, `update`, `end`.
//!
//! Association is greedy by IoU between a track's predicted rectangle (constant velocity) and the frame's
//! detections of the same class, best pair first (Bochinski et al., "High-Speed Tracking-by-Detection
//! Without Using Image Information", AVSS 2017, with prediction added).

use crate::config;
use crate::types::{Event, EventKind, Finding, Label, Rect, Report, Stamp};

/// Most objects followed at once; a detection beyond is not followed, and is counted.
pub const MAX_TRACKS: usize = 128;
/// Most events of one frame: every track may end while as many begin.
pub const MAX_EVENTS: usize = 2 * MAX_TRACKS;

/// The events of one frame.
pub type Events = heapless::Vec<Event, MAX_EVENTS>;

/// How much of the newest step enters a track's velocity; the rest is what it was.
const VELOCITY_GAIN: f32 = 0.5;

#[derive(Clone, Debug)]
struct Followed {
    id: u64,
    class: u16,
    label: Label,
    rect: Rect,
    /// Frame px a processed frame.
    velocity: (f32, f32),
    best: f32,
    hits: u32,
    missed: u32,
    /// Whether `new` was told.
    told: bool,
    since: Stamp,
    updated: Stamp,
}

impl Followed {
    /// Where it should be in the frame under way.
    fn predicted(&self) -> Rect {
        let steps = (self.missed + 1) as f32;
        Rect {
            x: self.rect.x + self.velocity.0 * steps,
            y: self.rect.y + self.velocity.1 * steps,
            ..self.rect
        }
    }

    fn seen(&mut self, finding: &Finding, rect: Rect) {
        let steps = (self.missed + 1) as f32;
        let step = ((rect.x - self.rect.x) / steps, (rect.y - self.rect.y) / steps);
        let gain = if self.hits == 1 { 1.0 } else { VELOCITY_GAIN };
        self.velocity.0 += (step.0 - self.velocity.0) * gain;
        self.velocity.1 += (step.1 - self.velocity.1) * gain;
        self.rect = rect;
        self.best = self.best.max(finding.score);
        self.hits += 1;
        self.missed = 0;
    }

    fn event(&self, kind: EventKind, report: &Report) -> Event {
        Event {
            camera: report.camera.clone(),
            frame_seq: report.frame_seq,
            captured: report.captured,
            kind,
            track: self.id,
            label: self.label.clone(),
            score: self.best,
            rect: self.rect,
            since: self.since,
        }
    }
}

/// The objects of one camera. Fed in frame order, by one thread at a time.
#[derive(Debug)]
pub struct Tracker {
    settings: config::Track,
    tracks: Vec<Followed>,
    pairs: Vec<(f32, usize, usize)>,
    taken: Vec<bool>,
    next_id: u64,
    /// Detections that found all [`MAX_TRACKS`] places taken.
    pub overflow: u64,
}

impl Tracker {
    /// A tracker whose objects are numbered from `first_id` on. All memory is taken here.
    pub fn new(settings: config::Track, first_id: u64) -> Tracker {
        Tracker {
            settings,
            tracks: Vec::with_capacity(MAX_TRACKS),
            pairs: Vec::with_capacity(MAX_TRACKS * 8),
            taken: Vec::with_capacity(crate::types::MAX_FINDINGS),
            next_id: first_id,
            overflow: 0,
        }
    }

    /// Takes the next frame's report: its findings learn whose track they are, and `events` what that changes.
    pub fn update(&mut self, report: &mut Report, events: &mut Events) {
        self.associate(report, events);
        self.begin(report, events);
        self.forget(report, events);
    }

    /// The camera is gone: ends every object that was told of.
    pub fn end_all(&mut self, last: &Report, events: &mut Events) {
        for track in self.tracks.drain(..).filter(|track| track.told) {
            // Cannot fail: there are at most MAX_TRACKS tracks and twice as many places.
            let _ = events.push(track.event(EventKind::End, last));
        }
    }

    fn associate(&mut self, report: &mut Report, events: &mut Events) {
        self.taken.clear();
        self.taken.resize(report.findings.len(), false);
        self.pairs.clear();
        for (t, track) in self.tracks.iter().enumerate() {
            let expected = track.predicted();
            for (f, finding) in report.findings.iter().enumerate() {
                let overlap =
                    finding.rect().filter(|_| finding.class == track.class).map(|r| r.iou(expected));
                if let Some(iou) = overlap.filter(|iou| *iou >= self.settings.iou)
                    && self.pairs.len() < self.pairs.capacity()
                {
                    self.pairs.push((iou, t, f));
                }
            }
        }
        self.pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        self.tracks.iter_mut().for_each(|track| track.missed += 1);
        for at in 0..self.pairs.len() {
            let (_, t, f) = self.pairs[at];
            let track = &mut self.tracks[t];
            // `missed` is 0 only where this frame already gave the track a detection.
            if track.missed == 0 || std::mem::replace(&mut self.taken[f], true) {
                continue;
            }
            let finding = &mut report.findings[f];
            let Some(rect) = finding.rect() else { continue };
            track.missed -= 1;
            track.seen(finding, rect);
            finding.track = Some(track.id);
            Self::tell(track, &self.settings, report, events);
        }
    }

    fn tell(track: &mut Followed, settings: &config::Track, report: &Report, events: &mut Events) {
        let pause_us = settings.update_every.as_micros() as u64;
        let kind = if !track.told && track.hits >= settings.min_frames {
            EventKind::New
        } else if track.told && report.captured.micros_since(track.updated) >= pause_us {
            EventKind::Update
        } else {
            return;
        };
        track.told = true;
        track.updated = report.captured;
        let _ = events.push(track.event(kind, report));
    }

    fn begin(&mut self, report: &Report, events: &mut Events) {
        for (finding, _) in report.findings.iter().zip(&self.taken).filter(|(_, taken)| !**taken) {
            let Some(rect) = finding.rect() else { continue };
            if self.tracks.len() == MAX_TRACKS {
                self.overflow += 1;
                continue;
            }
            let mut track = Followed {
                id: self.next_id,
                class: finding.class,
                label: finding.label.clone(),
                rect,
                velocity: (0.0, 0.0),
                best: finding.score,
                hits: 1,
                missed: 0,
                told: false,
                since: report.captured,
                updated: report.captured,
            };
            Self::tell(&mut track, &self.settings, report, events);
            self.tracks.push(track);
            self.next_id += 1;
        }
    }

    fn forget(&mut self, report: &Report, events: &mut Events) {
        let gap = self.settings.max_gap;
        self.tracks.retain(|track| {
            // An object not yet believed is dropped at its first miss: noise never becomes an event.
            let gone = track.missed > if track.told { gap } else { 0 };
            if gone && track.told {
                let _ = events.push(track.event(EventKind::End, report));
            }
            !gone
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::types::Value;

    const SETTINGS: config::Track =
        config::Track { iou: 0.3, min_frames: 2, max_gap: 2, update_every: Duration::from_millis(100) };

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
        let mut told = Vec::new();
        for report in frames {
            let mut events = Events::new();
            tracker.update(&mut report.clone(), &mut events);
            told.extend(events.iter().map(|event| (event.frame_seq, event.kind, event.track)));
        }
        told
    }

    #[test]
    fn an_object_is_told_new_then_updated_then_ended() {
        let mut tracker = Tracker::new(SETTINGS, 7);
        let seen = (0..6).map(|n| frame(n, &[(n as f32 * 8.0, 0.0)]));
        let gone = (6..12).map(|n| frame(n, &[]));
        let told = run(&mut tracker, &seen.chain(gone).collect::<Vec<_>>());
        assert_eq!(told, [(1, EventKind::New, 7), (5, EventKind::Update, 7), (8, EventKind::End, 7)]);
    }

    #[test]
    fn a_detection_of_a_single_frame_is_no_event() {
        let mut tracker = Tracker::new(SETTINGS, 0);
        let told = run(&mut tracker, &[frame(0, &[(0.0, 0.0)]), frame(1, &[]), frame(2, &[]), frame(3, &[])]);
        assert!(told.is_empty());
    }

    #[test]
    fn two_objects_that_pass_each_other_keep_their_numbers() {
        let mut tracker = Tracker::new(SETTINGS, 0);
        let frames: Vec<_> =
            (0..20).map(|n| frame(n, &[(n as f32 * 8.0, 0.0), (152.0 - n as f32 * 8.0, 14.0)])).collect();
        let told = run(&mut tracker, &frames);
        let news = told.iter().filter(|(_, kind, _)| *kind == EventKind::New).count();
        assert_eq!(news, 2, "{told:?}");
        assert!(told.iter().all(|(_, kind, _)| *kind != EventKind::End));
    }

    #[test]
    fn a_short_gap_does_not_make_a_second_object() {
        let mut tracker = Tracker::new(SETTINGS, 0);
        let frames: Vec<_> =
            (0..9).map(|n| if n == 4 { frame(n, &[]) } else { frame(n, &[(n as f32 * 8.0, 0.0)]) }).collect();
        let told = run(&mut tracker, &frames);
        assert_eq!(told.iter().filter(|(_, kind, _)| *kind == EventKind::New).count(), 1);
    }

    #[test]
    fn a_camera_that_goes_away_ends_what_was_told() {
        let mut tracker = Tracker::new(SETTINGS, 0);
        let last = frame(1, &[(0.0, 0.0)]);
        run(&mut tracker, &[frame(0, &[(0.0, 0.0)]), last.clone()]);
        let mut events = Events::new();
        tracker.end_all(&last, &mut events);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].kind, EventKind::End);
    }
}

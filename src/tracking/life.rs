//! One object: its position, its age, and the events that were reported about it.

use std::time::Duration;

use crate::types::{Event, EventKind, Finding, Label, Numbering, Rect, Report, Stamp};

use super::Events;
use super::kalman::Motion;
use super::zones::{CameraPlaces, Happening, Stays};

/// The frame that is being processed.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    camera: Label,
    frame_seq: u64,
    experiment: Option<Label>,
    pub(super) captured: Stamp,
    /// Time on the tracker's clock.
    pub(super) now: Duration,
}

impl Moment {
    pub(super) fn new(report: &Report, now: Duration) -> Moment {
        let Report { camera, frame_seq, captured, experiment, .. } = report;
        let (camera, experiment) = (camera.clone(), experiment.clone());
        Moment { camera, frame_seq: *frame_seq, experiment, captured: *captured, now }
    }
}

/// One object that the tracker follows.
#[derive(Clone, Debug)]
pub(super) struct Followed {
    /// The object's number, assigned with its `new` event.
    pub(super) id: Option<u64>,
    pub(super) class: u16,
    looks: Looks,
    motion: Motion,
    hits: u32,
    /// Frames since it was last seen; includes the current frame until it is seen there.
    pub(super) missed: u32,
    /// The finding of the current frame that it was matched to.
    pub(super) finding: Option<usize>,
    /// When the last event of its life was reported.
    reported: Stamp,
    /// When it was last seen, on the tracker's clock.
    seen: Duration,
    stays: Stays,
}

/// The facts that every event about an object contains.
#[derive(Clone, Debug)]
struct Looks {
    label: Label,
    /// The best score so far.
    score: f32,
    /// Where it was last seen.
    rect: Rect,
    since: Stamp,
}

impl Followed {
    pub(super) fn new(finding: &Finding, rect: Rect, moment: &Moment, places: &CameraPlaces) -> Followed {
        let mut stays = Stays::default();
        places.begin(&mut stays, rect);
        Followed {
            id: None,
            class: finding.class,
            looks: Looks { label: finding.label.clone(), score: finding.score, rect, since: moment.captured },
            motion: Motion::new(rect),
            hits: 1,
            missed: 0,
            finding: None,
            reported: moment.captured,
            seen: moment.now,
            stays,
        }
    }

    /// Advances the object by `frames` nominal frames.
    pub(super) fn step(&mut self, frames: f32) {
        self.motion.predict(frames, self.missed > 0);
        self.missed += 1;
        self.finding = None;
    }

    /// The rectangle that is expected in the current frame.
    pub(super) fn expected(&self) -> Rect {
        self.motion.rect()
    }

    /// The rectangle at which it was last seen.
    pub(super) fn last(&self) -> Rect {
        self.looks.rect
    }

    /// Matches it to finding number `at` of the current frame. `turned`: its previous motion no longer
    /// applies.
    pub(super) fn seen(&mut self, at: usize, finding: &Finding, rect: Rect, moment: &Moment, turned: bool) {
        if turned {
            self.motion = Motion::new(rect);
        } else {
            self.motion.correct(rect);
        }
        self.looks.rect = rect;
        self.looks.score = self.looks.score.max(finding.score);
        self.hits += 1;
        self.missed = 0;
        self.finding = Some(at);
        self.seen = moment.now;
    }

    /// Reports `new` (and takes a number from `numbers`) or `update`, where one is due and there is room.
    pub(super) fn tell_life(
        &mut self,
        (min_frames, update_every): (u32, Duration),
        numbers: &Numbering,
        moment: &Moment,
        events: &mut Events,
    ) {
        let kind = match self.id {
            None if self.hits >= min_frames => EventKind::New,
            Some(_) if moment.captured.micros_since(self.reported) >= update_every.as_micros() as u64 => {
                EventKind::Update
            }
            _ => return,
        };
        // Without room for the event no number is used up.
        if events.is_full() {
            return;
        }
        let id = self.id.unwrap_or_else(|| numbers.next());
        if events.push(self.looks.event(id, kind, moment)).is_ok() {
            self.id = Some(id);
            self.reported = moment.captured;
        }
    }

    /// Reports what its position means for zones and lines.
    pub(super) fn tell_places(&mut self, places: &CameraPlaces, moment: &Moment, events: &mut Events) {
        let Some(id) = self.id else { return };
        places.seen(&mut self.stays, self.looks.rect, moment.now, |happening| {
            events.push(self.looks.event_at(id, happening, moment)).is_ok()
        });
    }

    /// Reports its end, after it has left its zones. Returns false where there was no room for all events.
    pub(super) fn tell_end(&mut self, places: &CameraPlaces, moment: &Moment, events: &mut Events) -> bool {
        let Some(id) = self.id else { return true };
        let left = places.gone(&mut self.stays, self.seen, |happening| {
            events.push(self.looks.event_at(id, happening, moment)).is_ok()
        });
        left && events.push(self.looks.event(id, EventKind::End, moment)).is_ok()
    }

    /// The zones in which it is.
    pub(super) fn stays(&self) -> &Stays {
        &self.stays
    }
}

impl Looks {
    fn event(&self, track: u64, kind: EventKind, moment: &Moment) -> Event {
        Event {
            camera: moment.camera.clone(),
            frame_seq: moment.frame_seq,
            captured: moment.captured,
            kind,
            track,
            label: self.label.clone(),
            score: self.score,
            rect: self.rect,
            since: self.since,
            place: None,
            dwell_ms: None,
            direction: None,
            recording: None,
            experiment: moment.experiment.clone(),
        }
    }

    fn event_at(&self, track: u64, happening: Happening<'_>, moment: &Moment) -> Event {
        let Happening { kind, place, dwell, direction } = happening;
        let dwell_ms = dwell.map(|dwell| dwell.as_millis() as u64);
        let place = Some(place.clone());
        Event { place, dwell_ms, direction, ..self.event(track, kind, moment) }
    }
}

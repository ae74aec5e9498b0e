//! Rules that turn sightings and time into presence. Pure: [`Rules`] uses neither clock nor disk.
//!
//! ```text
//!  sighting ─▶ counts? ─▶ the track's row: the same person, often enough, soon enough ─▶ presence ─▶ enter, seen, leave
//!             role, zones,                  (an other person begins a new row)             one a person, whichever
//!             schedule, similarity                                                         camera saw it last
//! ```

mod agreement;
mod hours;
#[cfg(test)]
mod tests;
mod visits;

use std::collections::BTreeMap;

use crate::config::{self, CameraAttendance, CameraRole};
use crate::telemetry::Counter;
use crate::types::{Attendance, AttendanceKind, PersonId, Presence, Sighting, Stamp};

use agreement::{Heard, TrackRows};
pub use hours::is_open;
pub use visits::{PersonDay, day_of, span_of, visits};

/// The most time between two ticks that counts as looking. Beyond it the process or the machine was
/// suspended.
const LONGEST_STEP_NS: u64 = 5_000_000_000;

/// Counts of sightings: each is counted in `sightings` and in exactly one of the others.
#[derive(Clone, Debug, Default)]
pub struct SightingCounts {
    /// All sightings that reached the rules.
    pub sightings: Counter,
    /// On a camera that does not count, or outside of its zones.
    pub elsewhere: Counter,
    /// Outside of the schedule.
    pub closed: Counter,
    /// Of somebody who is not enrolled.
    pub unknown: Counter,
    /// Not similar enough to count.
    pub weak: Counter,
    /// Named another person than the track's sighting before.
    pub disagreed: Counter,
    /// Needs further sightings that agree.
    pub waiting: Counter,
    /// Belongs to somebody who is present, or who was leaving.
    pub counted: Counter,
}

/// The settings of `[attendance]` and of each camera.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSettings {
    /// The section `[attendance]` of the configuration.
    pub all: config::AttendanceConfig,
    /// The settings of each camera, by its name. A camera without an entry counts everywhere, as presence.
    pub cameras: BTreeMap<String, CameraAttendance>,
}

impl RuleSettings {
    /// The settings that a configuration gives.
    pub fn of(all: &config::AttendanceConfig, cameras: &[config::CameraConfig]) -> RuleSettings {
        let cameras = cameras.iter().map(|camera| (camera.name.clone(), camera.attendance.clone()));
        RuleSettings { all: all.clone(), cameras: cameras.collect() }
    }
}

/// A person who is present.
#[derive(Clone, Debug)]
struct Here {
    presence: Presence,
    /// Times of the last sighting and of the last event, on the monotonic clock of this process.
    last_ns: u64,
    reported_ns: u64,
    /// Time without a sighting, while the camera that last saw the person gave frames, and while it did not.
    absent_ns: u64,
    blind_ns: u64,
    /// Whether the presence differs from the one on disk.
    changed: bool,
}

/// The rules and the people who are present.
#[derive(Debug)]
pub struct Rules {
    settings: RuleSettings,
    people: BTreeMap<PersonId, Here>,
    rows: TrackRows,
    ticked_ns: Option<u64>,
    counts: SightingCounts,
}

impl Rules {
    /// Rules for which nobody is present yet.
    pub fn new(settings: RuleSettings, counts: SightingCounts) -> Rules {
        Rules { settings, people: BTreeMap::new(), rows: TrackRows::default(), ticked_ns: None, counts }
    }

    /// Applies other settings; people who are present stay so.
    pub fn set(&mut self, settings: RuleSettings) {
        self.settings = settings;
    }

    /// Restores the people who were present when the service last ran, at `looked_ns` of the wall clock. The
    /// time since then does not count as absence, but as time in which no camera looked.
    pub fn restore(&mut self, presences: Vec<Presence>, now: Stamp, looked_ns: u64) {
        let at = now.mono_ns;
        let here = |presence: Presence| Here {
            blind_ns: now.wall_ns.saturating_sub(looked_ns.max(presence.last_ns)),
            presence,
            last_ns: at,
            reported_ns: at,
            absent_ns: 0,
            changed: false,
        };
        self.people = presences.into_iter().map(|presence| (presence.person, here(presence))).collect();
        self.ticked_ns = Some(at);
    }

    /// Enters the result of a face's comparison with the gallery. Adds the events that follow to `events`.
    pub fn push(&mut self, sighting: &Sighting, events: &mut Vec<Attendance>) {
        self.counts.sightings.inc();
        let usual = CameraAttendance::default();
        let camera = self.settings.cameras.get(&*sighting.camera).unwrap_or(&usual);
        let all = &self.settings.all;
        let inside = |zone: &String| sighting.zones.iter().any(|known| **known == **zone);
        let role = camera.role;
        if role == CameraRole::None || !(camera.zones.is_empty() || camera.zones.iter().any(inside)) {
            return self.counts.elsewhere.inc();
        }
        if !is_open(&all.schedule, &all.zone, sighting.captured.wall_ns) {
            return self.counts.closed.inc();
        }
        let Some(identity) = &sighting.identity else {
            self.rows.broken(sighting);
            return self.counts.unknown.inc();
        };
        if sighting.similarity.is_nan() || sighting.similarity < all.min_similarity {
            self.rows.broken(sighting);
            return self.counts.weak.inc();
        }
        match self.rows.heard(sighting, identity.person, all) {
            Heard::Disagreed => self.counts.disagreed.inc(),
            Heard::Waiting => self.counts.waiting.inc(),
            Heard::Agreed { similarity } => {
                self.counts.counted.inc();
                let presence = Presence {
                    person: identity.person,
                    name: identity.name.clone(),
                    camera: sighting.camera.clone(),
                    since_ns: sighting.captured.wall_ns,
                    last_ns: sighting.captured.wall_ns,
                    similarity,
                    track: sighting.track,
                    frame_seq: sighting.frame_seq,
                    experiment: sighting.experiment.clone(),
                };
                match role {
                    CameraRole::Exit => self.leaves(presence, events),
                    _ => self.is_here(presence, sighting.captured, events),
                }
            }
        }
    }

    fn is_here(&mut self, now: Presence, at: Stamp, events: &mut Vec<Attendance>) {
        let Some(here) = self.people.get_mut(&now.person) else {
            events.push(now.event(AttendanceKind::Enter, at.wall_ns));
            let (last_ns, reported_ns) = (at.mono_ns, at.mono_ns);
            let here =
                Here { last_ns, reported_ns, absent_ns: 0, blind_ns: 0, changed: false, presence: now };
            self.people.insert(here.presence.person, here);
            return;
        };
        (here.absent_ns, here.blind_ns) = (0, 0);
        // A sighting may be older than the last one, because cameras differ in how long their results take.
        if at.mono_ns >= here.last_ns {
            here.presence = Presence { since_ns: here.presence.since_ns, ..now };
            (here.last_ns, here.changed) = (at.mono_ns, true);
        }
        if at.mono_ns.saturating_sub(here.reported_ns) >= nanos(self.settings.all.seen_every) {
            here.reported_ns = at.mono_ns;
            events.push(here.presence.event(AttendanceKind::Seen, at.wall_ns));
        }
    }

    /// Enters a sighting at an exit. It has no effect for somebody who is not present.
    fn leaves(&mut self, last: Presence, events: &mut Vec<Attendance>) {
        if let Some(here) = self.people.remove(&last.person) {
            let last = Presence { since_ns: here.presence.since_ns, ..last };
            self.rows.forget(last.person);
            events.push(last.event(AttendanceKind::Leave, last.last_ns));
        }
    }

    /// Advances the time to `now`: people who were not seen for too long leave. `looks` tells whether a
    /// camera gives frames; a camera that is no longer configured counts as looking and seeing nobody.
    pub fn tick(&mut self, now: Stamp, looks: &dyn Fn(&str) -> bool, events: &mut Vec<Attendance>) {
        let all = &self.settings.all;
        let before = self.ticked_ns.replace(now.mono_ns).unwrap_or(now.mono_ns);
        let mut gone = Vec::new();
        for (person, here) in &mut self.people {
            let step = now.mono_ns.saturating_sub(before.max(here.last_ns));
            let looked = if looks(&here.presence.camera) { step.min(LONGEST_STEP_NS) } else { 0 };
            here.absent_ns += looked;
            here.blind_ns += step - looked;
            if here.absent_ns >= nanos(all.leave_after) || here.blind_ns > nanos(all.max_blind) {
                events.push(here.presence.event(AttendanceKind::Leave, here.presence.last_ns));
                gone.push(*person);
            }
        }
        for person in gone {
            self.people.remove(&person);
            self.rows.forget(person);
        }
        self.rows.tidy(now.mono_ns, nanos(all.leave_after.max(all.agree)));
    }

    /// Forgets a person who was erased, without an event.
    pub fn forget(&mut self, person: PersonId) {
        self.people.remove(&person);
        self.rows.forget(person);
    }

    /// Follows a merge in the gallery: `into` gets the presence of `from`, from the earlier of both
    /// beginnings.
    pub fn merge(&mut self, from: PersonId, into: PersonId) {
        self.rows.forget(from);
        let Some(mut here) = self.people.remove(&from) else { return };
        here.presence.person = into;
        here.changed = true;
        let other = self.people.entry(into).or_insert_with(|| here.clone());
        if here.presence.since_ns < other.presence.since_ns {
            other.presence.since_ns = here.presence.since_ns;
            other.changed = true;
        }
    }

    /// The presence of `person`; `None` where the person is not present.
    pub fn presence(&self, person: PersonId) -> Option<&Presence> {
        self.people.get(&person).map(|here| &here.presence)
    }

    /// Number of people who are present.
    pub fn present(&self) -> usize {
        self.people.len()
    }

    /// The presences that have changed since the last call.
    pub fn take_changed(&mut self) -> Vec<Presence> {
        let here = self.people.values_mut();
        here.filter_map(|here| std::mem::take(&mut here.changed).then(|| here.presence.clone())).collect()
    }
}

fn nanos(duration: std::time::Duration) -> u64 {
    duration.as_nanos() as u64
}

//! Decides whether the sightings of one track agree, since a face that is recognised as different people is
//! not reliable.

use std::collections::{HashMap, VecDeque};

use crate::config;
use crate::types::{Label, PersonId, Sighting};

/// What a sighting contributes to its track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Heard {
    /// More sightings that agree are needed.
    Waiting,
    /// The track was recognised as somebody else before.
    Disagreed,
    /// The track is this person.
    Agreed {
        /// The best similarity of those that agree.
        similarity: f32,
    },
}

/// The sightings of one track that name one person.
#[derive(Debug)]
struct TrackRow {
    person: PersonId,
    /// Time on the camera's own clock in nanoseconds and similarity of each; the newest last, at most
    /// `agree_frames`.
    sightings: VecDeque<(u64, f32)>,
    /// Whether there were enough once and none disagreed since; then the time between further ones does not
    /// matter.
    agreed: bool,
    touched_ns: u64,
}

/// The row of each track, by camera and track number.
#[derive(Debug, Default)]
pub(super) struct TrackRows(HashMap<(Label, u64), TrackRow>);

impl TrackRows {
    /// Adds a sighting that names `person`; returns whether the track's sightings agree.
    pub(super) fn heard(
        &mut self,
        sighting: &Sighting,
        person: PersonId,
        all: &config::AttendanceConfig,
    ) -> Heard {
        let key = (sighting.camera.clone(), sighting.track);
        let at = sighting.captured.mono_ns;
        let row = self.0.entry(key).or_insert_with(|| TrackRow::new(person, at));
        let disagreed = row.person != person;
        if disagreed {
            *row = TrackRow::new(person, at);
        }
        row.touched_ns = at;
        let enough = row.add(sighting.time_ns, sighting.similarity, all);
        row.agreed |= enough;
        if row.agreed {
            return Heard::Agreed { similarity: row.best() };
        }
        if disagreed { Heard::Disagreed } else { Heard::Waiting }
    }

    /// Enters a sighting that names nobody: a row that has not agreed yet starts again.
    pub(super) fn broken(&mut self, sighting: &Sighting) {
        if let Some(row) = self.0.get_mut(&(sighting.camera.clone(), sighting.track))
            && !row.agreed
        {
            row.sightings.clear();
        }
    }

    /// Removes the rows of a `person` who has left, so that one sighting of an old track cannot cause the
    /// next `enter`.
    pub(super) fn forget(&mut self, person: PersonId) {
        self.0.retain(|_, row| row.person != person);
    }

    /// Removes tracks that had no sighting for `patience_ns`.
    pub(super) fn tidy(&mut self, now_ns: u64, patience_ns: u64) {
        self.0.retain(|_, row| now_ns.saturating_sub(row.touched_ns) <= patience_ns);
    }
}

impl TrackRow {
    fn new(person: PersonId, at_ns: u64) -> TrackRow {
        TrackRow { person, sightings: VecDeque::new(), agreed: false, touched_ns: at_ns }
    }

    /// Adds a sighting; returns whether there are enough now within the agreement time.
    fn add(&mut self, at_ns: u64, similarity: f32, all: &config::AttendanceConfig) -> bool {
        let (most, within) = (all.agree_frames as usize, all.agree.as_nanos() as u64);
        self.sightings.push_back((at_ns, similarity));
        while self.sightings.len() > most {
            self.sightings.pop_front();
        }
        let first = self.sightings.front().map_or(at_ns, |(first, _)| *first);
        self.sightings.len() == most && at_ns.saturating_sub(first) <= within
    }

    fn best(&self) -> f32 {
        self.sightings.iter().map(|(_, similarity)| *similarity).fold(f32::MIN, f32::max)
    }
}

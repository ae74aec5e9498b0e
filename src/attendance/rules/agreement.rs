//! Whether the sightings of one track agree: a face that is taken for one person now and for another then is nobody.

use std::collections::{HashMap, VecDeque};

use crate::config;
use crate::types::{Label, PersonId, Sighting};

/// What a sighting adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Heard {
    /// Others that agree have to come.
    Waiting,
    /// The track was taken for somebody else before.
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
    /// When, on the camera's own clock, and how similar; the newest last, at most `agree_frames` of them.
    sightings: VecDeque<(u64, f32)>,
    /// There were enough once, and none disagreed since: further ones may come as slowly as they like.
    agreed: bool,
    touched_ns: u64,
}

/// The row of each track.
#[derive(Debug, Default)]
pub(super) struct TrackRows(HashMap<(Label, u64), TrackRow>);

impl TrackRows {
    /// A sighting that names `person`.
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

    /// A sighting that names nobody: a row that has not agreed yet begins again.
    pub(super) fn broken(&mut self, sighting: &Sighting) {
        if let Some(row) = self.0.get_mut(&(sighting.camera.clone(), sighting.track))
            && !row.agreed
        {
            row.sightings.clear();
        }
    }

    /// `person` has left: one sighting of an old track is not enough for the next `enter`.
    pub(super) fn forget(&mut self, person: PersonId) {
        self.0.retain(|_, row| row.person != person);
    }

    /// Lets tracks go that were not touched for `patience_ns`.
    pub(super) fn tidy(&mut self, now_ns: u64, patience_ns: u64) {
        self.0.retain(|_, row| now_ns.saturating_sub(row.touched_ns) <= patience_ns);
    }
}

impl TrackRow {
    fn new(person: PersonId, at_ns: u64) -> TrackRow {
        TrackRow { person, sightings: VecDeque::new(), agreed: false, touched_ns: at_ns }
    }

    /// Whether there are enough now, soon enough after one another.
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

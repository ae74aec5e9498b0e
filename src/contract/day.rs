//! A day's attendance, as REST, the command line and `cmd/attendance` tell it, and as tables are made from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Attendance, PersonId, rfc3339};

/// A person's present name; `None` where nobody knows it any more.
pub type Names<'a> = &'a dyn Fn(PersonId) -> Option<String>;

/// Who was here on one day of local time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Day {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Whose borders the day has, such as `Europe/Berlin`.
    pub time_zone: String,
    /// A row for each person, by name.
    pub rows: Vec<DayRow>,
    /// The day's events, in the order of their numbers.
    pub events: Vec<DayEvent>,
}

/// One person's day. Times are RFC 3339, UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DayRow {
    /// The person's number in the gallery.
    pub person: u64,
    /// The present name, or the last one that was known.
    pub name: String,
    /// When the first visit began; the day's begin for somebody who was here already.
    pub first_in: String,
    /// The last sighting.
    pub last_seen: String,
    /// When the last visit ended; `None` where it did not end on this day.
    pub left: Option<String>,
    /// Seconds of all visits, as far as they lie on this day.
    pub present_s: u64,
    /// How many visits.
    pub visits: u64,
    /// Is here now.
    pub present: bool,
}

/// One event of the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DayEvent {
    /// Its number on this box.
    pub id: u64,
    /// When, RFC 3339, UTC.
    pub time: String,
    /// The camera.
    pub camera: String,
    /// The person's number in the gallery.
    pub person: u64,
    /// The name at that time.
    pub name: String,
    /// `enter`, `seen` or `leave`.
    pub event: String,
    /// Cosine similarity, -1 to 1.
    pub similarity: f32,
    /// When the presence began, RFC 3339, UTC.
    pub since: String,
}

impl From<&Attendance> for DayEvent {
    fn from(event: &Attendance) -> DayEvent {
        DayEvent {
            id: event.id,
            time: rfc3339(event.wall_ns),
            camera: event.camera.to_string(),
            person: event.person.0,
            name: event.name.to_string(),
            event: event.kind.as_str().to_owned(),
            similarity: super::payload::score(event.similarity),
            since: rfc3339(event.since_ns),
        }
    }
}

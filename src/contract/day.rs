//! A day's attendance, as returned by REST, the command line and `cmd/attendance`, and as the source of
//! tables.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Attendance, PersonId, rfc3339};

/// Looks up a person's current name; `None` where the gallery no longer has the person.
pub type Names<'a> = &'a dyn Fn(PersonId) -> Option<String>;

/// The attendance of one day of local time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Day {
    /// The date of the day, `YYYY-MM-DD`.
    pub day: String,
    /// Time zone in which the day starts and ends, such as `Europe/Berlin`.
    pub time_zone: String,
    /// One row for each person, sorted by name.
    pub rows: Vec<DayRow>,
    /// The day's events, in the order of their numbers.
    pub events: Vec<DayEvent>,
}

/// One person's day. Times are RFC 3339, UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DayRow {
    /// The person's number in the gallery.
    pub person: u64,
    /// The person's current name, or the last known one.
    pub name: String,
    /// Start of the first visit; the start of the day for a person who was already present.
    pub first_in: String,
    /// Time of the last sighting.
    pub last_seen: String,
    /// End of the last visit; `null` where it did not end on this day.
    pub left: Option<String>,
    /// Total time of the visits on this day, seconds.
    pub present_s: u64,
    /// Number of visits on this day.
    pub visits: u64,
    /// Whether the person is present now.
    pub present: bool,
}

/// One event of the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DayEvent {
    /// The event's number on this box.
    pub id: u64,
    /// Time of the event, RFC 3339, UTC.
    pub time: String,
    /// Name of the camera that saw the person.
    pub camera: String,
    /// The person's number in the gallery.
    pub person: u64,
    /// The person's name at that time.
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

//! `[attendance]`, and what each camera means for it.

use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

/// `[attendance]`: when a sighting counts, and when somebody has left.
#[derive(Clone, Debug, PartialEq)]
pub struct AttendanceConfig {
    /// Least cosine similarity of a sighting that counts, -1 to 1.
    pub min_similarity: f32,
    /// So many sightings of one track, one after the other, must name the same person before one counts.
    pub agree_frames: u32,
    /// The first and the last of them are at most so far apart.
    pub agree: Duration,
    /// Least time between two `seen` of one person.
    pub seen_every: Duration,
    /// Not seen for so long by a box that looks: gone.
    pub leave_after: Duration,
    /// A box that could not look for longer than this counts who was there as gone.
    pub max_blind: Duration,
    /// When sightings count; empty: always.
    pub schedule: Vec<Hours>,
    /// Local time: of the schedule, and of a day's borders.
    pub zone: TimeZone,
    /// Days after which events are removed; 0: never.
    pub keep_days: u32,
    /// Most sightings that wait for the rules.
    pub queue: usize,
}

impl Default for AttendanceConfig {
    fn default() -> AttendanceConfig {
        AttendanceConfig {
            min_similarity: 0.6,
            agree_frames: 3,
            agree: Duration::from_secs(5),
            seen_every: Duration::from_secs(60),
            leave_after: Duration::from_secs(300),
            max_blind: Duration::from_secs(4 * 3_600),
            schedule: Vec::new(),
            zone: TimeZone::system(),
            keep_days: 400,
            queue: 256,
        }
    }
}

impl AttendanceConfig {
    /// The local time's name, such as `Europe/Berlin`; `UTC` where the system has none.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().filter(|name| *name != "Etc/Unknown").unwrap_or("UTC")
    }
}

/// Hours of some days of the week, in local time.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// The days on which they begin.
    pub days: Vec<Weekday>,
    /// The first moment.
    pub from: Time,
    /// The first moment after them; not later than `from`: on the next day. `None`: midnight.
    pub to: Option<Time>,
}

/// `attendance = { … }` of a camera.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CameraAttendance {
    /// Sightings count only in these zones of the camera; empty: everywhere.
    pub zones: Vec<String>,
    /// What a sighting means.
    pub role: Role,
}

/// What a camera's sightings mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Whoever is seen is here.
    #[default]
    Presence,
    /// Whoever is seen is on the way out.
    Exit,
    /// Nothing.
    None,
}

//! Settings of `[attendance]`, and the role of each camera in it.

use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

/// `[attendance]`: when a sighting counts, and when a person has left.
#[derive(Clone, Debug, PartialEq)]
pub struct AttendanceConfig {
    /// Least cosine similarity of a sighting that counts, -1 to 1.
    pub min_similarity: f32,
    /// Number of consecutive sightings of one track that must name the same person before one counts.
    pub agree_frames: u32,
    /// Longest time between the first and the last of these sightings.
    pub agree: Duration,
    /// Shortest time between two `seen` events of one person.
    pub seen_every: Duration,
    /// Time without a sighting after which a person has left; time without camera frames does not count.
    pub leave_after: Duration,
    /// Longest interruption (service off, or no frames) that does not count as absence; after a longer one
    /// everybody who was present has left.
    pub max_blind: Duration,
    /// Hours in which sightings count; always where empty.
    pub schedule: Vec<Hours>,
    /// Time zone of the schedule and of the start of a day.
    pub zone: TimeZone,
    /// Days after which events are deleted; 0 means never.
    pub keep_days: u32,
    /// Most sightings that may wait for the attendance rules.
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
    /// IANA name of the time zone, such as `Europe/Berlin`; `UTC` where the system has none.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().filter(|name| *name != "Etc/Unknown").unwrap_or("UTC")
    }
}

/// Hours of some days of the week, in local time.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// Days of the week on which the hours begin.
    pub days: Vec<Weekday>,
    /// Start of the hours, inclusive.
    pub from: Time,
    /// End of the hours, exclusive; on the next day where it is not after `from`. `None` means midnight.
    pub to: Option<Time>,
}

/// `attendance = { … }` of a camera.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CameraAttendance {
    /// Zones of the camera in which sightings count; everywhere where empty.
    pub zones: Vec<String>,
    /// What a sighting at this camera means.
    pub role: CameraRole,
}

/// The meaning of sightings at a camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CameraRole {
    /// A person who is seen is present.
    #[default]
    Presence,
    /// A person who is seen is leaving.
    Exit,
    /// Sightings do not count for attendance.
    None,
}

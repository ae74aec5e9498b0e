//! Sightings: recognised faces of tracked people, and the attendance events derived from them.

use std::sync::Arc;

use super::{Label, RecordingId, Rect, Stamp, ZoneSet};

/// Number of a person in the gallery: unique on this box and never reused, even after an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u64);

impl std::fmt::Display for PersonId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The person to whom a face belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The person's number in the gallery.
    pub person: PersonId,
    /// The person's name when the gallery was last read.
    pub name: Label,
}

/// One face of a tracked person, compared with the gallery.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// Name of the camera that saw the face.
    pub camera: Label,
    /// The frame that the face is from.
    pub frame_seq: u64,
    /// When that frame was captured.
    pub captured: Stamp,
    /// The frame's time for rules about the interval between two sightings of a camera, ns: that of capture,
    /// or the file's own where a file is read at full speed.
    pub time_ns: u64,
    /// The tracked object whose face it is.
    pub track: u64,
    /// Where the face is, in frame px.
    pub rect: Rect,
    /// The recognised person; `None` for somebody unknown.
    pub identity: Option<Identity>,
    /// Cosine similarity to the most similar face of the gallery, -1 to 1; 0 where the gallery is empty.
    pub similarity: f32,
    /// The camera's zones that the tracked object is in; empty where the camera has none.
    pub zones: ZoneSet,
    /// The experiment that the frame belongs to, where one was set.
    pub experiment: Option<Label>,
}

/// Receives every sighting, in the order of the camera's frames. Must not block.
pub trait SightingSink: Send + Sync {
    /// Takes one face that was compared with the gallery.
    fn push(&self, sighting: &Sighting);
}

/// What happened to a person's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttendanceKind {
    /// The person has arrived.
    Enter,
    /// The person is still present.
    Seen,
    /// The person was not seen for long enough to count as gone; dated at the last sighting.
    Leave,
}

impl AttendanceKind {
    /// The word on MQTT and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            AttendanceKind::Enter => "enter",
            AttendanceKind::Seen => "seen",
            AttendanceKind::Leave => "leave",
        }
    }
}

/// One attendance event of one person. It is on disk before anybody receives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attendance {
    /// Its number on this box, across all cameras and restarts: 1, 2, 3, …
    pub id: u64,
    /// The camera that saw the person (for `Leave`: last).
    pub camera: Label,
    /// Number of the person in the gallery.
    pub person: PersonId,
    /// The person's name at that time.
    pub name: Arc<str>,
    /// Whether the person arrived, was seen again or left.
    pub kind: AttendanceKind,
    /// Time of the frame that decided it, nanoseconds since 1970 UTC; for `Leave` that of the last sighting.
    pub wall_ns: u64,
    /// When the presence began, nanoseconds since 1970 UTC.
    pub since_ns: u64,
    /// Best cosine similarity of the sightings that decided it, -1 to 1.
    pub similarity: f32,
    /// Number of the tracked object whose face it was.
    pub track: u64,
    /// The frame that decided it.
    pub frame_seq: u64,
    /// The recording that shows it, where one was asked for; not kept in the attendance log.
    pub recording: Option<RecordingId>,
    /// The experiment that the frame belongs to, where one was set.
    pub experiment: Option<Label>,
}

/// A person who is present, with what is known until the presence ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    /// Number of the person in the gallery.
    pub person: PersonId,
    /// The name at the last sighting.
    pub name: Label,
    /// The camera of the last sighting.
    pub camera: Label,
    /// Time when the presence began, nanoseconds since 1970 UTC.
    pub since_ns: u64,
    /// Time of the last sighting, nanoseconds since 1970 UTC.
    pub last_ns: u64,
    /// Best cosine similarity of the last sightings that agreed, -1 to 1.
    pub similarity: f32,
    /// The tracked object of the last sighting.
    pub track: u64,
    /// The frame of the last sighting.
    pub frame_seq: u64,
    /// The experiment that this frame belongs to, where one was set.
    pub experiment: Option<Label>,
}

impl Presence {
    /// The event `kind` of this presence at `wall_ns`; numbered 0 until it is on disk.
    pub fn event(&self, kind: AttendanceKind, wall_ns: u64) -> Attendance {
        Attendance {
            id: 0,
            camera: self.camera.clone(),
            person: self.person,
            name: self.name.clone(),
            kind,
            wall_ns,
            since_ns: self.since_ns,
            similarity: self.similarity,
            track: self.track,
            frame_seq: self.frame_seq,
            recording: None,
            experiment: self.experiment.clone(),
        }
    }
}

//! Who was seen: recognised faces of tracked people, and what attendance makes of them.

use std::sync::Arc;

use super::{Label, Rect, Stamp, ZoneSet};

/// A person of the gallery: unique on this box, never given twice, also not after an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u64);

impl std::fmt::Display for PersonId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Whom a face belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The person.
    pub person: PersonId,
    /// The person's name when the gallery was last read.
    pub name: Label,
}

/// One face of a tracked person, held against the gallery.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// The camera's name.
    pub camera: Label,
    /// The frame that the face is from.
    pub frame_seq: u64,
    /// When that frame was captured.
    pub captured: Stamp,
    /// The frame's time for the rules that ask how far apart two sightings of a camera are, ns: that of capture, or, where
    /// a file is read as fast as it goes, the file's own.
    pub time_ns: u64,
    /// The tracked object whose face it is.
    pub track: u64,
    /// Where the face is, in frame px.
    pub rect: Rect,
    /// The person; `None` for somebody unknown.
    pub identity: Option<Identity>,
    /// Cosine similarity to the most similar face of the gallery, -1 to 1; 0 where the gallery is empty.
    pub similarity: f32,
    /// The camera's zones that the tracked object is in; empty where the camera has none.
    pub zones: ZoneSet,
}

/// Told of every sighting, in the order of the camera's frames. Must not block.
pub trait SightingSink: Send + Sync {
    /// A face was held against the gallery.
    fn push(&self, sighting: &Sighting);
}

/// What happened to a person's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttendanceKind {
    /// Was not here, and is now.
    Enter,
    /// Still here.
    Seen,
    /// Not seen for so long that the person counts as gone; dated when the person was last seen.
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

/// One attendance event of one person. On disk before it is offered to anybody.
#[derive(Clone, Debug, PartialEq)]
pub struct Attendance {
    /// Its number on this box, across all cameras and restarts: 1, 2, 3, …
    pub id: u64,
    /// The camera that saw the person (for `Leave`: last).
    pub camera: Label,
    /// Whom.
    pub person: PersonId,
    /// The person's name at that time.
    pub name: Arc<str>,
    /// What.
    pub kind: AttendanceKind,
    /// When, nanoseconds since 1970 UTC: of the frame that decided it; for `Leave` of the last sighting.
    pub wall_ns: u64,
    /// When the presence began, nanoseconds since 1970 UTC.
    pub since_ns: u64,
    /// Best similarity that decided it, -1 to 1.
    pub similarity: f32,
    /// The tracked object.
    pub track: u64,
    /// The frame that decided it.
    pub frame_seq: u64,
}

/// Somebody who is here: what is known of the presence until it ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    /// Whom.
    pub person: PersonId,
    /// The name at the last sighting.
    pub name: Label,
    /// The camera of the last sighting.
    pub camera: Label,
    /// When it began, nanoseconds since 1970 UTC.
    pub since_ns: u64,
    /// The last sighting, nanoseconds since 1970 UTC.
    pub last_ns: u64,
    /// Best similarity of the last sightings that agreed, -1 to 1.
    pub similarity: f32,
    /// The tracked object of the last sighting.
    pub track: u64,
    /// The frame of the last sighting.
    pub frame_seq: u64,
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
        }
    }
}

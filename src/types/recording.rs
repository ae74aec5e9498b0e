//! Recordings: their numbers, the events that ask for one, and what is announced about them.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Label, Stamp};

/// Number of a recording: unique on this device, and higher than those of all earlier recordings.
pub type RecordingId = u64;

/// An event that a camera may record around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedEvent {
    /// A part that was judged bad.
    Ng,
    /// A part that could not be judged.
    Error,
    /// Any other end of a trigger.
    Trigger,
    /// An object entered or left a zone, or stayed in it.
    Zone,
    /// An object crossed a line.
    Line,
    /// A person came, was seen or left.
    Attendance,
}

/// Asks for recordings around events. None of its calls blocks.
pub trait RecordingRequests: Send + Sync {
    /// The number of the recording that will show `camera` around `at`; `None` where the camera does not record such
    /// events. `cause` says in words what happened.
    fn request(
        &self,
        camera: &str,
        event: RecordedEvent,
        at: Stamp,
        cause: &dyn fmt::Display,
    ) -> Option<RecordingId>;
}

/// Records nothing, for tools without a recorder.
pub struct NoRecordings;

impl RecordingRequests for NoRecordings {
    fn request(&self, _: &str, _: RecordedEvent, _: Stamp, _: &dyn fmt::Display) -> Option<RecordingId> {
        None
    }
}

/// Frames in a row that should have been recorded and were not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingGap {
    /// The camera's number of the first frame that is missing.
    pub from: u64,
    /// The camera's number of the last frame that is missing.
    pub to: u64,
    /// How many of them should have been recorded.
    pub frames: u64,
    /// How many for each cause, without those of 0.
    pub causes: Vec<(&'static str, u64)>,
    /// When it began, nanoseconds since 1970.
    pub from_ns: u64,
    /// When it ended, nanoseconds since 1970.
    pub to_ns: u64,
}

/// A clip that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedClip {
    /// Its number, under which it is found.
    pub id: RecordingId,
    /// The media type of its film.
    pub content_type: &'static str,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Number of frames in it.
    pub frames: u64,
    /// The camera's number of its first frame.
    pub first_frame: u64,
    /// The camera's number of its last frame.
    pub last_frame: u64,
    /// When its first frame was captured, nanoseconds since 1970.
    pub started_ns: u64,
    /// When its last frame was captured, nanoseconds since 1970.
    pub ended_ns: u64,
    /// The events that asked for it, in words.
    pub causes: Vec<String>,
}

/// What is announced about the recording of one camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingNews {
    /// Recording has stopped by itself, from this frame on.
    Stopped {
        /// The first frame that is not recorded.
        frame: u64,
        /// The word for the cause.
        cause: &'static str,
        /// The cause in words, and what to do.
        why: String,
    },
    /// Recording goes on after frames were missed.
    Gap(RecordingGap),
    /// A clip is complete.
    Clip(RecordedClip),
}

/// An announcement about the recording of one camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingNotice {
    /// Name of the camera.
    pub camera: Label,
    /// When it happened, nanoseconds since 1970.
    pub wall_ns: u64,
    /// What has happened there.
    pub news: RecordingNews,
}

/// A file of a recording, to be sent to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingFile {
    /// Path of the file on disk.
    pub path: PathBuf,
    /// The media type of it.
    pub content_type: &'static str,
    /// The name to save it under.
    pub name: String,
}

/// Why a recording cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRecording {
    /// It is not complete yet.
    NotYet,
    /// It was promised to an event and could not be made.
    Missed,
    /// There is none with this number, or none any more.
    Unknown,
    /// It has no such file.
    NoSuchFile,
    /// The index cannot be read.
    Unreadable(String),
}

/// Which recordings are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordingFilter {
    /// Only of this camera.
    pub camera: Option<String>,
    /// Only `picture` or `clip`.
    pub kind: Option<String>,
    /// Only those that the event of this recording asked for.
    pub event: Option<RecordingId>,
    /// Only those that end at this time or later, nanoseconds since 1970.
    pub since_ns: Option<u64>,
    /// Only those that begin before this time, nanoseconds since 1970.
    pub until_ns: Option<u64>,
    /// Only those with a lower number, to go on where a page has ended.
    pub before: Option<RecordingId>,
    /// Most recordings of a page.
    pub limit: usize,
}

/// A page of recordings, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecordingPage {
    /// The recordings, the newest first.
    pub recordings: Vec<RecordingEntry>,
    /// The value of `before` that gives the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<RecordingId>,
}

/// One recording, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecordingEntry {
    /// Its number, unique on this device.
    pub id: RecordingId,
    /// Name of the camera.
    pub camera: String,
    /// Either `picture` or `clip`.
    pub kind: &'static str,
    /// `writing`, `whole`, or `interrupted` where it ends because the service was killed or the disk was full.
    pub state: &'static str,
    /// Path of its film or picture on this server.
    pub path: String,
    /// Media type of its film or picture.
    pub content_type: &'static str,
    /// Its files by role: `raw`, `annotated`, `sidecar`; `?part=ROLE` asks for one of them.
    pub parts: Vec<RecordingPart>,
    /// Number of frames in it.
    pub frames: u64,
    /// The camera's number of its first frame.
    pub first_frame: u64,
    /// The camera's number of its last frame.
    pub last_frame: u64,
    /// When its first frame was captured, RFC 3339, UTC.
    pub started: String,
    /// When its last frame was captured, RFC 3339, UTC.
    pub ended: String,
    /// Bytes of all its files.
    pub bytes: u64,
    /// The events that asked for it, in words.
    pub causes: Vec<String>,
    /// The first recording of the event that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<RecordingId>,
    /// The camera's experiment at that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
}

/// One file of a recording, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecordingPart {
    /// `raw`, `annotated` or `sidecar`.
    pub role: &'static str,
    /// Path of the file below the recorder's folder.
    pub file: String,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// Lists, finds and deletes recordings. Every call may wait for a disk.
pub trait RecordingArchive: Send + Sync {
    /// The recordings that `filter` selects.
    ///
    /// # Errors
    /// The index cannot be read, in words.
    fn list(&self, filter: &RecordingFilter) -> Result<RecordingPage, NoRecording>;

    /// The file `part` (`raw`, `annotated` or `sidecar`; `None`: the film or picture) of recording `id`.
    ///
    /// # Errors
    /// Why there is none, or not yet.
    fn file(&self, id: RecordingId, part: Option<&str>) -> Result<RecordingFile, NoRecording>;

    /// Deletes recording `id` with all its files.
    ///
    /// # Errors
    /// There is none, it is being written, or the index refuses.
    fn delete(&self, id: RecordingId) -> Result<(), NoRecording>;
}

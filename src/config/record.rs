//! The sections about recording: where recordings are kept and for how long, and what each camera records.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;

/// `[recorder]`: the folder of all recordings, and their limits.
#[derive(Clone, Debug, PartialEq)]
pub struct RecorderConfig {
    /// The folder; `None` means `recordings` in `device.state_dir`.
    pub dir: Option<PathBuf>,
    /// Days after which a recording is deleted; 0 means that age does not matter.
    pub max_days: u32,
    /// Most recordings; beyond it the oldest are deleted.
    pub max_count: u64,
    /// Most bytes of all recordings together; beyond it the oldest are deleted.
    pub max_bytes: u64,
    /// Free space of the disk at which recording stops.
    pub reserve_bytes: u64,
    /// Time zone of dates and times in the names of files.
    pub zone: TimeZone,
}

impl Default for RecorderConfig {
    fn default() -> RecorderConfig {
        RecorderConfig {
            dir: None,
            max_days: 30,
            max_count: 100_000,
            max_bytes: 4 << 30,
            reserve_bytes: 256 << 20,
            zone: TimeZone::UTC,
        }
    }
}

impl RecorderConfig {
    /// The folder of all recordings, where `state_dir` is the state directory.
    pub fn root(&self, state_dir: &Path) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| state_dir.join("recordings"))
    }
}

/// What becomes of the recorded frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordAs {
    /// One JPEG for each frame.
    Pictures,
    /// Films of many frames.
    Clips,
}

/// How films are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClipEncoding {
    /// H.264 where GStreamer has an encoder, else motion JPEG.
    #[default]
    Auto,
    /// H.264 in MP4, which browsers play.
    H264,
    /// Motion JPEG in Matroska, which needs no encoder besides that of pictures.
    Mjpeg,
}

/// What ends up in the pictures of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordLayer {
    /// The frame as the camera delivered it.
    #[default]
    Raw,
    /// The frame with findings, zones and lines drawn in.
    Annotated,
    /// Both of them, in two files.
    Both,
}

impl RecordLayer {
    /// Whether frames are recorded without drawings.
    pub fn has_raw(self) -> bool {
        self != RecordLayer::Annotated
    }

    /// Whether frames are recorded with drawings.
    pub fn has_annotated(self) -> bool {
        self != RecordLayer::Raw
    }
}

/// The events around which a camera records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordOn {
    /// Parts that were judged bad.
    pub ng: bool,
    /// Parts that could not be judged.
    pub error: bool,
    /// Every trigger of an inspection.
    pub trigger: bool,
    /// Objects that enter or leave a zone, or stay in it.
    pub zone: bool,
    /// Objects that cross a line.
    pub line: bool,
    /// Attendance events of people whom this camera saw.
    pub attendance: bool,
}

/// `record = { … }` of a camera: what is recorded, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordConfig {
    /// Whether pictures or clips are written.
    pub what: RecordAs,
    /// Events to record around; `None` records continuously.
    pub on: Option<RecordOn>,
    /// Every n-th frame is recorded, at least 1.
    pub every: u32,
    /// With or without drawings.
    pub layer: RecordLayer,
    /// Quality of JPEGs, 1 to 100.
    pub quality: u8,
    /// Greatest width in px; wider frames are shrunk. 0 keeps the frame's own.
    pub width: usize,
    /// Folder and name of files below the recorder's folder, with places such as `{camera}`.
    pub pattern: String,
    /// Whether a JSON file with the data of the frames lies beside each recording.
    pub sidecar: bool,
    /// Longest duration of a clip; recording goes on in another one.
    pub clip: Duration,
    /// How films are encoded.
    pub encoding: ClipEncoding,
    /// Time before an event that is recorded, as far as the ring's history reaches.
    pub pre_roll: Duration,
    /// Time after the last event that is recorded.
    pub post_roll: Duration,
}

impl RecordConfig {
    /// The places that a pattern may have.
    pub const PLACES: [&str; 6] = ["camera", "date", "time", "frame", "id", "experiment"];
    /// The pattern of a camera that names none.
    pub const PATTERN: &str = "{camera}/{date}/{time}";
}

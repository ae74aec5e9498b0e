//! The typed sections of a checked configuration. Whoever holds one of these may trust it.

use std::path::PathBuf;
use std::time::Duration;

use super::{
    AnnotateConfig, AttendanceConfig, CameraAttendance, EvidenceConfig, FacesConfig, Inspect, Line,
    ModelCard, MqttConfig, Network, OutboxConfig, PreviewConfig, RecognitionConfig, RuntimeSettings, Source,
    SupervisorConfig, TrackConfig, TriggerConfig, WebConfig, Written, Zone,
};
use crate::engine::ModelSource;

/// A whole, checked configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The box itself.
    pub device: Device,
    /// The broker.
    pub mqtt: MqttConfig,
    /// What is kept on disk until the broker has it.
    pub outbox: OutboxConfig,
    /// What is kept of inspections.
    pub evidence: EvidenceConfig,
    /// Whose faces they are.
    pub faces: FacesConfig,
    /// The page and its REST face.
    pub web: WebConfig,
    /// Who counts as here.
    pub attendance: AttendanceConfig,
    /// The pinned inference threads.
    pub workers: Workers,
    /// Which inference runtime, and where its library is.
    pub runtime: RuntimeSettings,
    /// Restart policy and deadlines.
    pub supervisor: SupervisorConfig,
    /// Who makes pictures for people.
    pub annotate: AnnotateConfig,
    /// Log level and form.
    pub log: LogConfig,
    /// The models, by their names in the file.
    pub models: Vec<ModelConfig>,
    /// The cameras, in the file's order.
    pub cameras: Vec<CameraConfig>,
    /// What pulls their triggers, in the file's order.
    pub triggers: Vec<TriggerConfig>,
    /// SHA-256 of the file's bytes, as hexadecimal digits; published with the status.
    pub hash: String,
    /// The file's text as it may be shown: sources without their secrets, and no comments.
    pub text: String,
    /// The file's text as it is written; never shown.
    pub written: Written,
}

/// `[device]`
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// The topic level; the host name by default.
    pub name: String,
    /// Where sled lives.
    pub state_dir: PathBuf,
}

/// `[workers]`
#[derive(Clone, Debug, PartialEq)]
pub struct Workers {
    /// One pinned worker for each of these cores; at `check` every one of them exists.
    pub cores: Vec<usize>,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a `tracing` filter.
    pub level: String,
}

/// `[model.NAME]`: the file and its card.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The name that cameras refer to.
    pub name: String,
    /// The `.tflite` file.
    pub path: PathBuf,
    /// What `NAME.toml` beside it says, overridden by what stands in the configuration.
    pub card: ModelCard,
    /// Least workers that stay ready for this model.
    pub min_workers: usize,
    /// Most workers that run it at once.
    pub max_workers: usize,
}

impl<'a> From<&'a ModelConfig> for ModelSource<'a> {
    fn from(model: &'a ModelConfig) -> ModelSource<'a> {
        ModelSource { name: &model.name, path: &model.path, card: &model.card }
    }
}

/// How fast files and folders are played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// At their own time stamps; a reader that is late skips.
    #[default]
    Live,
    /// As fast as every frame can be processed; none is skipped.
    Max,
}

/// What a V4L2 device is asked for; zero or `None`: what it prefers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct V4l2 {
    /// Width in px.
    pub width: Option<u32>,
    /// Height in px.
    pub height: Option<u32>,
    /// Frames a second.
    pub fps: Option<u32>,
}

/// `[[camera]]`
#[derive(Clone, Debug, PartialEq)]
pub struct CameraConfig {
    /// The topic level; unique.
    pub name: String,
    /// Where frames come from.
    pub source: Source,
    /// What is shown of the source, for messages.
    pub source_text: String,
    /// User of an `rtsp://` or `http://` source, where it does not stand in the URL.
    pub username: Option<String>,
    /// Its password: a file's first line, or a systemd credential's name as `credential:NAME`.
    pub password_file: Option<PathBuf>,
    /// Files and folders only.
    pub pace: Pace,
    /// Start again at the end.
    pub repeat: bool,
    /// `images://` only: wait for new pictures, without end.
    pub watch: bool,
    /// After each frame taken, this many are passed over.
    pub skip_frames: u32,
    /// Slots of the ring, 2 to 64.
    pub ring_slots: usize,
    /// No new frame for so long: `frozen`.
    pub frozen_after: Duration,
    /// First pause before a reconnection; doubles with jitter up to `reconnect_max`.
    pub reconnect: Duration,
    /// Longest pause.
    pub reconnect_max: Duration,
    /// Frames pictures of a folder are shown a second.
    pub images_fps: u32,
    /// V4L2 wishes.
    pub v4l2: V4l2,
    /// Most bytes of one frame over TCP.
    pub tcp_max_bytes: usize,
    /// Longest time of one frame over TCP, from its first byte to its last.
    pub tcp_frame: Duration,
    /// Who may connect to a TCP source; empty: anybody.
    pub peers: Vec<Network>,
    /// The secret with which a sender over TCP begins: a file's first line, or `credential:NAME`.
    pub secret_file: Option<PathBuf>,
    /// Detection on this camera.
    pub detect: Option<DetectConfig>,
    /// Tracking of what is detected; absent: no events.
    pub track: Option<TrackConfig>,
    /// Recognition of tracked faces.
    pub recognise: Option<RecognitionConfig>,
    /// Where tracked objects come and go.
    pub zones: Vec<Zone>,
    /// What tracked objects cross.
    pub lines: Vec<Line>,
    /// Inspection on this camera.
    pub inspect: Option<Inspect>,
    /// How people see this camera.
    pub preview: PreviewConfig,
    /// What it means for attendance that somebody is seen here.
    pub attendance: CameraAttendance,
}

/// `detect = { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct DetectConfig {
    /// Name of the model.
    pub model: String,
    /// Every n-th frame that the ring offers.
    pub every: u32,
    /// Findings below are not reported; the card's value when absent.
    pub min_score: Option<f32>,
}

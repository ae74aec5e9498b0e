//! The typed sections of a checked configuration. Their values are valid, so that users need not check them
//! again.

use std::path::PathBuf;
use std::time::Duration;

use super::{
    AnnotateConfig, AttendanceConfig, BatchConfig, CameraAttendance, DegradationConfig, EvidenceConfig,
    FacesConfig, Inspect, IntakeConfig, IntakeStoreConfig, JobsConfig, Line, LogConfig, ModelCard,
    MqttConfig, OutboxConfig, OutputConfig, PreviewConfig, RecognitionConfig, RecordConfig, RecorderConfig,
    RuntimeSettings, Source, SupervisorConfig, TcpConfig, TrackConfig, TriggerConfig, WebConfig, Written,
    ZmqConfig, Zone,
};
use crate::engine::ModelSource;

/// A whole, checked configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Name and state folder of this box.
    pub device: Device,
    /// Connection to the MQTT broker.
    pub mqtt: MqttConfig,
    /// Limits of the messages that wait on disk for the broker.
    pub outbox: OutboxConfig,
    /// Which inspections are stored, and how many.
    pub evidence: EvidenceConfig,
    /// Where recordings are kept, and for how long.
    pub recorder: RecorderConfig,
    /// Models and limits of face recognition.
    pub faces: FacesConfig,
    /// The web page and the REST interface.
    pub web: WebConfig,
    /// When sightings count, and when a person has left.
    pub attendance: AttendanceConfig,
    /// The microscopy recipes that the service may run.
    pub batch: BatchConfig,
    /// The queue of studio jobs.
    pub jobs: JobsConfig,
    /// The pinned worker threads for inference.
    pub workers: Workers,
    /// The inference runtime and the path of its library.
    pub runtime: RuntimeSettings,
    /// Restart policy and deadlines of the supervisor.
    pub supervisor: SupervisorConfig,
    /// What the service does without under overload.
    pub degradation: DegradationConfig,
    /// The workers that make pictures for viewers.
    pub annotate: AnnotateConfig,
    /// The level or filter of the log.
    pub log: LogConfig,
    /// The models, by their names in the file.
    pub models: Vec<ModelConfig>,
    /// The cameras, in the order of the file.
    pub cameras: Vec<CameraConfig>,
    /// The sources of triggers, in the order of the file.
    pub triggers: Vec<TriggerConfig>,
    /// The commands to instruments, in the order of the file.
    pub outputs: Vec<OutputConfig>,
    /// The sources of telemetry, in the order of the file.
    pub intake: Vec<IntakeConfig>,
    /// How much of their channels is kept.
    pub intake_store: IntakeStoreConfig,
    /// The bridge to programs that speak ZeroMQ.
    pub zmq: ZmqConfig,
    /// SHA-256 of the file's bytes, as hexadecimal digits; published with the status.
    pub hash: String,
    /// The file's text in the form that may be shown: without the secrets of sources and without comments.
    pub text: String,
    /// The file's original text, which is never shown.
    pub written: Written,
}

/// `[device]`: name and state folder of this box.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Name of the box as a topic level; the host name by default.
    pub name: String,
    /// Folder in which the service keeps its state.
    pub state_dir: PathBuf,
}

/// `[workers]`: the cores on which inference runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Workers {
    /// One worker is pinned to each of these cores; the check ensures that all exist.
    pub cores: Vec<usize>,
}

/// `[model.NAME]`: the file and its card.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The name by which cameras refer to the model.
    pub name: String,
    /// Path of the `.tflite` file.
    pub path: PathBuf,
    /// The card `NAME.toml` beside the file, overridden by the keys of the configuration.
    pub card: ModelCard,
    /// The library of an external delegate, whose accelerator takes its operators; `None` for the CPU alone.
    pub delegate: Option<PathBuf>,
    /// Workers that are reserved for this model.
    pub min_workers: usize,
    /// Most workers that may run it at the same time.
    pub max_workers: usize,
}

impl<'a> From<&'a ModelConfig> for ModelSource<'a> {
    fn from(model: &'a ModelConfig) -> ModelSource<'a> {
        let ModelConfig { name, path, card, delegate, .. } = model;
        ModelSource { name, path, card, delegate: delegate.as_deref() }
    }
}

/// How fast files and folders are played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// At their own time stamps; a reader that is late skips frames.
    #[default]
    Live,
    /// As fast as every frame can be processed, without skipping any.
    Max,
}

/// The format requested from a V4L2 device; `None` leaves the choice to the device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct V4l2 {
    /// Requested width in px.
    pub width: Option<u32>,
    /// Requested height in px.
    pub height: Option<u32>,
    /// Requested rate in frames per second.
    pub fps: Option<u32>,
}

/// `[[camera]]`: one camera, its source and what is done with its frames.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraConfig {
    /// Name as a topic level; unique among cameras.
    pub name: String,
    /// Source of the camera's frames.
    pub source: Source,
    /// The source in the form that may be shown in messages.
    pub source_text: String,
    /// User of an `rtsp://` or `http://` source, where the URL does not contain it.
    pub username: Option<String>,
    /// File whose first line is the user's password; or a systemd credential's name as `credential:NAME`.
    pub password_file: Option<PathBuf>,
    /// Speed of playing files and folders; other sources ignore it.
    pub pace: Pace,
    /// Whether a file or folder starts again at its end.
    pub repeat: bool,
    /// Whether an `images://` source waits for new pictures indefinitely.
    pub watch: bool,
    /// Number of frames that are skipped after each frame taken.
    pub skip_frames: u32,
    /// Slots of the ring, 2 to 64.
    pub ring_slots: usize,
    /// Time without a new frame after which the camera is `frozen`.
    pub frozen_after: Duration,
    /// First pause before a reconnection; it doubles with jitter up to `reconnect_max`.
    pub reconnect: Duration,
    /// Longest pause before a reconnection.
    pub reconnect_max: Duration,
    /// Rate at which pictures of a folder are played, per second.
    pub images_fps: u32,
    /// Format requested from a V4L2 device.
    pub v4l2: V4l2,
    /// Framing, bounds and senders of a TCP source; other sources ignore it.
    pub tcp: TcpConfig,
    /// Detection on this camera; `None` where there is none.
    pub detect: Option<DetectConfig>,
    /// Tracking of what is detected; without it there are no events.
    pub track: Option<TrackConfig>,
    /// Recognition of tracked faces; `None` where there is none.
    pub recognise: Option<RecognitionConfig>,
    /// Zones that tracked objects enter and leave.
    pub zones: Vec<Zone>,
    /// Lines that tracked objects cross.
    pub lines: Vec<Line>,
    /// Inspection on this camera; `None` where there is none.
    pub inspect: Option<Inspect>,
    /// Live pictures of this camera.
    pub preview: PreviewConfig,
    /// What is recorded of this camera; `None` where nothing is.
    pub record: Option<RecordConfig>,
    /// Meaning of sightings at this camera for attendance.
    pub attendance: CameraAttendance,
}

/// `detect = { … }` of a camera: the model and how often it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectConfig {
    /// Name of the model that detects.
    pub model: String,
    /// Every n-th frame that the ring offers.
    pub every: u32,
    /// Least score of a reported finding, 0 to 1; the card's value where absent.
    pub min_score: Option<f32>,
}

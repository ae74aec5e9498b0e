//! The payloads of the topics. `docs/mqtt/` holds the JSON Schemas generated from these types.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::types::{Finding, Latency, Point, Rect, Report, Value, ZoneSet, rfc3339};

/// A body that may be published; it names its schema and version.
pub trait Payload: Serialize + JsonSchema {
    /// Name and version, such as `ocellus.status/1`. The version increases with every change that a reader
    /// could notice.
    const SCHEMA: &'static str;

    /// The state that it describes, for readers inside the program; `None` for a body that only passes by.
    fn retained(&self) -> Option<RetainedState> {
        None
    }
}

/// The retained states that the program itself reads again.
#[derive(Clone, Debug, PartialEq)]
pub enum RetainedState {
    /// The state of the service, as `status` publishes it.
    Service(Status),
    /// The state of one camera, as `camera/NAME/status` publishes it.
    Camera(CameraStatus),
}

/// The fields with which every payload begins.
#[derive(Serialize, JsonSchema)]
#[schemars(bound = "T: JsonSchema")]
pub struct Envelope<'a, T: Payload> {
    /// Name and version of this schema.
    pub schema: &'static str,
    /// Counts the messages of this topic. The count continues across restarts where messages are stored
    /// (events), and starts at 1 with the process elsewhere. A repeated message keeps its number.
    pub seq: u64,
    /// Time to which the message refers, RFC 3339, UTC.
    pub time: String,
    /// The topic's own fields.
    #[serde(flatten)]
    pub body: &'a T,
}

/// Serialises `body` in its envelope at the end of `out`.
pub fn write<T: Payload>(seq: u64, wall_ns: u64, body: &T, out: &mut Vec<u8>) {
    let envelope = Envelope { schema: T::SCHEMA, seq, time: rfc3339(wall_ns), body };
    // Serialising cannot fail: the types have string keys only, and a Vec accepts every byte.
    let written = serde_json::to_writer(out, &envelope);
    debug_assert!(written.is_ok(), "{}: {written:?}", T::SCHEMA);
}

/// The state of the whole service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Everything works as configured.
    Online,
    /// Parts of it do not work; `reasons` names them.
    Degraded,
    /// It has stopped, or (as last will) its connection was lost.
    Offline,
}

impl Service {
    /// The word that stands for it in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::Online => "online",
            Service::Degraded => "degraded",
            Service::Offline => "offline",
        }
    }
}

/// `status`: state of the service, retained; also the last will.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Current state of the service.
    pub state: Service,
    /// Why the service is not `online`; `connection lost` in the last will, `stopped` after an orderly end.
    pub reasons: Vec<String>,
    /// Version of the program.
    pub version: String,
    /// SHA-256 of the configuration in force, hexadecimal.
    pub config_hash: String,
    /// Seconds since the service started; in the last will as of the connection.
    pub uptime_s: u64,
}

impl Payload for Status {
    const SCHEMA: &'static str = "ocellus.status/1";

    fn retained(&self) -> Option<RetainedState> {
        Some(RetainedState::Service(self.clone()))
    }
}

/// The state of one camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CameraState {
    /// The camera delivers frames.
    Online,
    /// The camera is connected, but has delivered no new frame for the configured time.
    Frozen,
    /// The camera is not connected.
    Offline,
}

/// `camera/NAME/status`: state of one camera, retained.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CameraStatus {
    /// Name of the camera, as configured.
    pub camera: String,
    /// Current state of the camera.
    pub state: CameraState,
    /// Why the camera is not `online`; `null` where it is.
    pub cause: Option<String>,
    /// Recent rate in frames per second.
    pub fps: f32,
    /// Frames captured since the process began.
    pub frames: u64,
    /// Frames dropped since the process began, for any reason.
    pub drops: u64,
    /// The experiment that the frames belong to, as the camera's command port set it; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
}

impl Payload for CameraStatus {
    const SCHEMA: &'static str = "ocellus.camera/1";

    fn retained(&self) -> Option<RetainedState> {
        Some(RetainedState::Camera(self.clone()))
    }
}

/// `alarm/NAME`: an active alarm, retained; an empty payload means that it has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    /// Name of the alarm, as in its topic.
    pub name: String,
    /// What is wrong, where, and what to do.
    pub cause: String,
    /// When the alarm was raised, RFC 3339, UTC.
    pub since: String,
    /// Who has acknowledged it; absent where nobody has. An alarm that is raised again must be acknowledged
    /// again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// When it was acknowledged, RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<String>,
}

impl Payload for Alarm {
    const SCHEMA: &'static str = "ocellus.alarm/1";
}

/// The answer to a command, on `cmd/COMMAND/ID`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Answer {
    /// Progress of the command.
    pub status: Progress,
    /// Why the command failed, with a remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Result of the command, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
}

/// The progress of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// The command was received; the final answer follows on the same topic.
    Executing,
    /// The command has succeeded.
    Successful,
    /// The command has failed; `reason` says why.
    Failed,
}

impl Payload for Answer {
    const SCHEMA: &'static str = "ocellus.answer/1";
}

/// A rectangle in px, rounded to a hundredth: of the frame, or in an inspection of the recipe's picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BoxPx {
    /// Left edge in px.
    pub x: f32,
    /// Top edge in px.
    pub y: f32,
    /// Width of the rectangle, px.
    pub w: f32,
    /// Height of the rectangle, px.
    pub h: f32,
}

impl From<Rect> for BoxPx {
    fn from(rect: Rect) -> BoxPx {
        BoxPx { x: px(rect.x), y: px(rect.y), w: px(rect.w), h: px(rect.h) }
    }
}

/// Rounds to a hundredth of a pixel, which is finer than any model; more digits only cost bytes and time.
fn px(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

pub(super) fn score(value: f32) -> f32 {
    (value * 10_000.0).round() / 10_000.0
}

/// One finding of a frame.
#[derive(Serialize, JsonSchema)]
pub struct FindingOut<'a> {
    /// Index of the class in the model's labels.
    pub class: u16,
    /// Name of the class.
    pub label: &'a str,
    /// Confidence of the model, 0 to 1, rounded to four digits.
    pub score: f32,
    /// Bounds in frame px; absent for a classification of the whole frame.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub rect: Option<BoxPx>,
    /// Key points in the model's order, `[x, y]` in frame px.
    #[serde(skip_serializing_if = "<[Point]>::is_empty", serialize_with = "points")]
    #[schemars(with = "Option<Vec<[f32; 2]>>")]
    pub points: &'a [Point],
    /// Fraction of the frame that the class covers, 0 to 1 (segmentation).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f32>,
    /// Number of the tracked object, from the frame in which its `new` event is reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<u64>,
    /// Zones that contain the object, in the order of the configuration.
    #[serde(skip_serializing_if = "ZoneSet::is_empty", serialize_with = "zones")]
    #[schemars(with = "Option<Vec<String>>")]
    pub zones: &'a ZoneSet,
    /// Name of the person, once recognition has found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
}

fn zones<S: Serializer>(zones: &ZoneSet, out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(zones.iter().map(|name| &**name))
}

fn points<S: Serializer>(points: &[Point], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(points.iter().map(|point| [px(point.x), px(point.y)]))
}

impl<'a> From<&'a Finding> for FindingOut<'a> {
    fn from(finding: &'a Finding) -> FindingOut<'a> {
        let (points, share): (&[Point], _) = match &finding.value {
            Value::Class => (&[], None),
            Value::Object { points, .. } => (points, None),
            Value::Area { share, .. } => (&[], Some(score(*share))),
        };
        FindingOut {
            class: finding.class,
            label: &finding.label,
            score: score(finding.score),
            rect: finding.rect().map(BoxPx::from),
            points,
            share,
            track: finding.track,
            zones: &finding.zones,
            name: finding.name.as_deref(),
        }
    }
}

/// Time that a frame spent in each step of the pipeline, in microseconds.
#[derive(Serialize, JsonSchema)]
pub struct LatencyOut {
    /// From the appsink until a worker leased the frame.
    pub wait_us: u32,
    /// Conversion of the planes to the input tensor.
    pub preprocess_us: u32,
    /// Inference of the model.
    pub infer_us: u32,
    /// Decoding of the output tensors to findings.
    pub decode_us: u32,
    /// Wait for earlier frames, which keeps reports in order.
    pub reorder_us: u32,
    /// From the appsink to the delivery of the report.
    pub total_us: u32,
}

impl From<Latency> for LatencyOut {
    fn from(from: Latency) -> LatencyOut {
        let Latency { wait_us, preprocess_us, infer_us, decode_us, reorder_us, total_us } = from;
        LatencyOut { wait_us, preprocess_us, infer_us, decode_us, reorder_us, total_us }
    }
}

/// A stage that failed for this frame.
#[derive(Serialize, JsonSchema)]
pub struct FaultOut<'a> {
    /// Name of the stage, such as `detect`.
    pub stage: &'a str,
    /// The cause of the failure.
    pub cause: &'a str,
}

/// `camera/NAME/detections`: one processed frame.
#[derive(Serialize, JsonSchema)]
pub struct Detections<'a> {
    /// Name of the camera that captured the frame.
    pub camera: &'a str,
    /// Number of the frame since the process began.
    pub frame: u64,
    /// Name of the picture file where the source is a folder; at most 255 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    /// The experiment that the frame belongs to, as the camera's command port set it; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<&'a str>,
    /// Frame width in px.
    pub width: u32,
    /// Frame height in px.
    pub height: u32,
    /// What was found, best first.
    #[serde(serialize_with = "findings")]
    #[schemars(with = "Vec<FindingOut<'a>>")]
    pub findings: &'a [Finding],
    /// Number of findings beyond the most that a report holds; those with the lowest scores are dropped.
    pub overflow: u32,
    /// The embedding, where the model gives one.
    #[serde(skip_serializing_if = "<[f32]>::is_empty")]
    #[schemars(with = "Option<Vec<f32>>")]
    pub embedding: &'a [f32],
    /// Time spent in each step.
    pub latency: LatencyOut,
    /// The step that failed, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultOut<'a>>,
}

fn findings<S: Serializer>(findings: &[Finding], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(findings.iter().map(FindingOut::from))
}

impl<'a> From<&'a Report> for Detections<'a> {
    fn from(report: &'a Report) -> Detections<'a> {
        Detections {
            camera: &report.camera,
            frame: report.frame_seq,
            file: report.file.as_deref(),
            experiment: report.experiment.as_deref(),
            width: report.width,
            height: report.height,
            findings: &report.findings,
            overflow: report.overflow,
            embedding: &report.embedding,
            latency: report.latency.into(),
            fault: report.fault.as_ref().map(|fault| FaultOut { stage: &fault.stage, cause: &fault.cause }),
        }
    }
}

impl Payload for Detections<'_> {
    const SCHEMA: &'static str = "ocellus.detections/2";
}

/// Published on the topic of missing messages. Numbers `from` to `to` were dropped to keep within the limit,
/// erased with the person they concerned, or set aside because the broker rejects them; or the store was lost
/// with messages that were not yet sent.
#[derive(Serialize, JsonSchema)]
pub struct Gap {
    /// First number that is missing.
    pub from: u64,
    /// Last number that is missing; also this message's `seq`.
    pub to: u64,
    /// Why the messages are missing.
    pub reason: &'static str,
}

impl Payload for Gap {
    const SCHEMA: &'static str = "ocellus.gap/1";
}

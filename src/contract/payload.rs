//! What is said on each topic. `docs/mqtt/` holds the JSON Schemas generated from these types.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::types::{Finding, Latency, Point, Rect, Report, Value, ZoneSet, rfc3339};

/// A body that may be published: it names its schema and version.
pub trait Payload: Serialize + JsonSchema {
    /// For example `ocellus.status/1`. The number grows when a reader could notice the change.
    const SCHEMA: &'static str;
}

/// What every payload begins with.
#[derive(Serialize, JsonSchema)]
#[schemars(bound = "T: JsonSchema")]
pub struct Envelope<'a, T: Payload> {
    /// Name and version of this schema.
    pub schema: &'static str,
    /// Counts the messages of this topic. Kept across restarts where messages are kept (events); begins
    /// at 1 with the process elsewhere. A repeated message carries the number it had.
    pub seq: u64,
    /// RFC 3339, UTC: when what is told was so.
    pub time: String,
    /// The topic's own fields.
    #[serde(flatten)]
    pub body: &'a T,
}

/// Serialises `body` in its envelope at the end of `out`.
pub fn write<T: Payload>(seq: u64, wall_ns: u64, body: &T, out: &mut Vec<u8>) {
    let envelope = Envelope { schema: T::SCHEMA, seq, time: rfc3339(wall_ns), body };
    // Our own types have string keys only, and a Vec takes every byte.
    let written = serde_json::to_writer(out, &envelope);
    debug_assert!(written.is_ok(), "{}: {written:?}", T::SCHEMA);
}

/// State of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// All is well.
    Online,
    /// It works, but not all of it; `reasons` says what.
    Degraded,
    /// It has stopped, or (as last will) was lost.
    Offline,
}

/// `status`
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Status {
    /// Now.
    pub state: Service,
    /// Why it is not `online`; the last will says `connection lost`, an orderly end `stopped`.
    pub reasons: Vec<String>,
    /// Version of the program.
    pub version: String,
    /// SHA-256 of the configuration in force, hexadecimal.
    pub config_hash: String,
    /// Seconds since the service started; in the last will: when the connection was made.
    pub uptime_s: u64,
}

impl Payload for Status {
    const SCHEMA: &'static str = "ocellus.status/1";
}

/// State of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CameraState {
    /// Frames come.
    Online,
    /// Connected, but no new frame for the configured time.
    Frozen,
    /// Not connected.
    Offline,
}

/// `camera/NAME/status`
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CameraStatus {
    /// The camera's name.
    pub camera: String,
    /// Now.
    pub state: CameraState,
    /// Why it is not `online`.
    pub cause: Option<String>,
    /// Frames a second, lately.
    pub fps: f32,
    /// Frames captured since the process began.
    pub frames: u64,
    /// Frames passed over since the process began, whatever the reason.
    pub drops: u64,
}

impl Payload for CameraStatus {
    const SCHEMA: &'static str = "ocellus.camera/1";
}

/// `alarm/NAME`; an empty retained payload means that it is over.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Alarm {
    /// The alarm's name.
    pub name: String,
    /// What is wrong, where, and what to do.
    pub cause: String,
    /// Since when, RFC 3339, UTC.
    pub since: String,
    /// Who has acknowledged it; absent where nobody has. An alarm that comes again is acknowledged anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// When, RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<String>,
}

impl Payload for Alarm {
    const SCHEMA: &'static str = "ocellus.alarm/1";
}

/// Answer on `cmd/COMMAND/ID`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Answer {
    /// How far it is.
    pub status: Progress,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the command gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
}

/// Progress of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// Received; the end follows on the same topic.
    Executing,
    /// Done.
    Successful,
    /// Not done; `reason` says why.
    Failed,
}

impl Payload for Answer {
    const SCHEMA: &'static str = "ocellus.answer/1";
}

/// A rectangle in px, to a hundredth: of the frame; in an inspection, of the recipe's picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BoxPx {
    /// Left.
    pub x: f32,
    /// Top.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl From<Rect> for BoxPx {
    fn from(rect: Rect) -> BoxPx {
        BoxPx { x: px(rect.x), y: px(rect.y), w: px(rect.w), h: px(rect.h) }
    }
}

/// A hundredth of a pixel is finer than any model; more digits only cost bytes and time.
fn px(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

pub(super) fn score(value: f32) -> f32 {
    (value * 10_000.0).round() / 10_000.0
}

/// One finding of a frame.
#[derive(Serialize, JsonSchema)]
pub struct FindingOut<'a> {
    /// Index in the model's labels.
    pub class: u16,
    /// The class's name.
    pub label: &'a str,
    /// 0 to 1, to four digits.
    pub score: f32,
    /// Where it is; absent for a classification of the whole frame.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub rect: Option<BoxPx>,
    /// Key points in the model's order, `[x, y]` in frame px.
    #[serde(skip_serializing_if = "<[Point]>::is_empty", serialize_with = "points")]
    #[schemars(with = "Option<Vec<[f32; 2]>>")]
    pub points: &'a [Point],
    /// The share of the frame that the class covers (segmentation).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f32>,
    /// The tracked object that it belongs to, from the frame on in which its `new` is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<u64>,
    /// The zones that the object is in, in the order of the configuration.
    #[serde(skip_serializing_if = "ZoneSet::is_empty", serialize_with = "zones")]
    #[schemars(with = "Option<Vec<String>>")]
    pub zones: &'a ZoneSet,
    /// Who it is, as far as recognition knows by now.
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

/// Where a frame's time went, in microseconds.
#[derive(Serialize, JsonSchema)]
pub struct LatencyOut {
    /// From the appsink to the worker that leased the frame.
    pub wait_us: u32,
    /// Planes to tensor.
    pub preprocess_us: u32,
    /// The model.
    pub infer_us: u32,
    /// Tensor to findings.
    pub decode_us: u32,
    /// Waiting for earlier frames.
    pub reorder_us: u32,
    /// From the appsink to the sinks.
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
    /// The stage.
    pub stage: &'a str,
    /// What went wrong.
    pub cause: &'a str,
}

/// `camera/NAME/detections`: one processed frame.
#[derive(Serialize, JsonSchema)]
pub struct Detections<'a> {
    /// The camera's name.
    pub camera: &'a str,
    /// The frame's number since the process began.
    pub frame: u64,
    /// The name of the file that the frame comes from, where it is a picture of a folder; at most 255 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    /// Frame width in px.
    pub width: u32,
    /// Frame height in px.
    pub height: u32,
    /// What was found, best first.
    #[serde(serialize_with = "findings")]
    #[schemars(with = "Vec<FindingOut<'a>>")]
    pub findings: &'a [Finding],
    /// Findings beyond the most that a report holds, the lowest-scored ones.
    pub overflow: u32,
    /// The embedding, where the model gives one.
    #[serde(skip_serializing_if = "<[f32]>::is_empty")]
    #[schemars(with = "Option<Vec<f32>>")]
    pub embedding: &'a [f32],
    /// Where the time went.
    pub latency: LatencyOut,
    /// What failed, if anything.
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

/// On the topic of the messages that are missing: numbers `from` to `to` were dropped to keep the bound, erased with the
/// person of whom they spoke, or set aside because the broker does not take them; or the store was lost, and those of them
/// that had not been sent are missing.
#[derive(Serialize, JsonSchema)]
pub struct Gap {
    /// First number that is missing.
    pub from: u64,
    /// Last number that is missing; also this message's `seq`.
    pub to: u64,
    /// Why.
    pub reason: &'static str,
}

impl Payload for Gap {
    const SCHEMA: &'static str = "ocellus.gap/1";
}

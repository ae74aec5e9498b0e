//! The payloads of `camera/NAME/inspection` and `camera/NAME/trigger`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::payload::{BoxPx, Payload};
use super::recording::recording_path;
use crate::types::{Defect, Inspection, InspectionLatency, Pose, RoiResult, Trigger, rfc3339};

/// `camera/NAME/inspection`: one acquisition, from its trigger to its verdict.
#[derive(Serialize, JsonSchema)]
pub struct InspectionOut<'a> {
    /// The acquisition's number: unique on this box, also across restarts.
    pub acquisition: u64,
    /// Name of the camera that was triggered.
    pub camera: &'a str,
    /// `ok`, `ng`, `error`, `missed` or `overrun`.
    pub verdict: &'static str,
    /// The cause, where no ROI has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'a str>,
    /// The trigger that started the acquisition.
    pub trigger: TriggerOut<'a>,
    /// The product that was selected; empty where none was.
    pub product: &'a str,
    /// Revision of the product's recipe.
    pub recipe_revision: u32,
    /// The revision of the golden pictures; 0 where the product has none.
    pub golden_revision: u64,
    /// The frame that was inspected; absent where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<FrameOut>,
    /// Pose of the part; absent where it was not searched for or not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pose: Option<PoseOut>,
    /// Every ROI, in the recipe's order.
    #[serde(serialize_with = "rois")]
    #[schemars(with = "Vec<RoiOut<'a>>")]
    pub rois: &'a [RoiResult],
    /// Time spent in each step, in microseconds.
    pub latency: StepsOut,
    /// Path of the recording that shows it, on the box's web server, where the camera records around such ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<String>,
    /// The experiment that the frame belongs to, as the camera's command port set it; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<&'a str>,
}

/// The source of a trigger.
#[derive(Serialize, JsonSchema)]
pub struct TriggerOut<'a> {
    /// `serial`, `mqtt`, `timer`, `cli` or `http`.
    pub kind: &'static str,
    /// The trigger's name in the configuration, or the command's id.
    pub name: &'a str,
    /// When the trigger arrived, RFC 3339, UTC.
    pub time: String,
    /// Text that came with the trigger, such as the part's serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
}

/// The frame that was inspected.
#[derive(Serialize, JsonSchema)]
pub struct FrameOut {
    /// Number of the frame since the process began.
    pub seq: u64,
    /// When the frame was captured, RFC 3339, UTC.
    pub time: String,
    /// Time from the trigger to the capture, microseconds; negative where the frame was captured first.
    pub offset_us: i64,
}

/// Pose of the part: recipe px rotated about the origin and then shifted give frame px.
#[derive(Serialize, JsonSchema)]
pub struct PoseOut {
    /// Shift to the right, px.
    pub dx: f32,
    /// Shift downwards in px.
    pub dy: f32,
    /// Clockwise rotation in degrees.
    pub angle_deg: f32,
}

/// One region of interest.
#[derive(Serialize, JsonSchema)]
pub struct RoiOut<'a> {
    /// Name of the region in the recipe.
    pub name: &'a str,
    /// `golden`, `pixels`, `classify`, `detect`, `barcode`, `colour`, `presence` or `measure`.
    pub kind: &'static str,
    /// `ok`, `ng` or `error`.
    pub verdict: &'static str,
    /// The measured value; absent where nothing could be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// The limit that the score was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// Unit of score and threshold.
    pub unit: &'static str,
    /// The text that was read or the class that was recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    /// The defects that were found, in recipe px.
    pub boxes: Vec<DefectOut<'a>>,
    /// Why it could not be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    /// Time on a worker, microseconds.
    pub duration_us: u32,
}

/// One defect of a region.
#[derive(Serialize, JsonSchema)]
pub struct DefectOut<'a> {
    /// Kind of defect: a detector's class, or the ROI kind's word.
    pub label: &'a str,
    /// Bounds of the defect, recipe px.
    #[serde(rename = "box")]
    pub rect: BoxPx,
    /// Number of defective pixels; 0 where the ROI kind does not count them.
    pub area_px: u32,
    /// Confidence, 0 to 1, or the excess over the threshold.
    pub score: f32,
}

/// Time that an acquisition spent in each step, in microseconds.
#[derive(Serialize, JsonSchema)]
pub struct StepsOut {
    /// From the trigger to the choice of a frame.
    pub frame_us: u32,
    /// From the choice of the frame to a free worker.
    pub wait_us: u32,
    /// Search for the part's fiducials.
    pub align_us: u32,
    /// All ROIs, from the first start to the last end.
    pub rois_us: u32,
    /// From the trigger to the delivery of the result.
    pub total_us: u32,
}

impl Payload for InspectionOut<'_> {
    const SCHEMA: &'static str = "ocellus.inspection/1";
}

impl<'a> From<&'a Inspection> for InspectionOut<'a> {
    fn from(from: &'a Inspection) -> InspectionOut<'a> {
        let moment = from.trigger.at;
        InspectionOut {
            acquisition: from.id,
            camera: &from.camera,
            verdict: from.outcome.as_str(),
            cause: from.cause.as_deref(),
            trigger: (&from.trigger).into(),
            product: &from.product,
            recipe_revision: from.recipe_revision,
            golden_revision: from.golden_revision,
            frame: from.frame.map(|(seq, captured)| FrameOut {
                seq,
                time: rfc3339(captured.wall_ns),
                offset_us: (captured.mono_ns as i64 - moment.mono_ns as i64) / 1_000,
            }),
            pose: from.pose.map(PoseOut::from),
            rois: &from.rois,
            latency: from.latency.into(),
            recording: from.recording.map(recording_path),
            experiment: from.experiment.as_deref(),
        }
    }
}

impl<'a> From<&'a Trigger> for TriggerOut<'a> {
    fn from(from: &'a Trigger) -> TriggerOut<'a> {
        TriggerOut {
            kind: from.kind.as_str(),
            name: &from.name,
            time: rfc3339(from.at.wall_ns),
            text: from.text.as_deref(),
        }
    }
}

impl From<Pose> for PoseOut {
    fn from(pose: Pose) -> PoseOut {
        PoseOut { dx: pose.dx, dy: pose.dy, angle_deg: pose.angle_rad.to_degrees() }
    }
}

impl From<InspectionLatency> for StepsOut {
    fn from(from: InspectionLatency) -> StepsOut {
        let InspectionLatency { frame_us, wait_us, align_us, rois_us, total_us } = from;
        StepsOut { frame_us, wait_us, align_us, rois_us, total_us }
    }
}

impl<'a> From<&'a RoiResult> for RoiOut<'a> {
    fn from(from: &'a RoiResult) -> RoiOut<'a> {
        let number = |value: f32| Some(value).filter(|value| value.is_finite());
        RoiOut {
            name: &from.name,
            kind: from.kind,
            verdict: from.verdict.as_str(),
            score: number(from.score),
            threshold: number(from.threshold),
            unit: from.unit,
            text: from.text.as_deref(),
            boxes: from.defects.iter().map(DefectOut::from).collect(),
            error: from.error.as_deref(),
            duration_us: from.duration_us,
        }
    }
}

impl<'a> From<&'a Defect> for DefectOut<'a> {
    fn from(from: &'a Defect) -> DefectOut<'a> {
        DefectOut { label: &from.label, rect: from.rect.into(), area_px: from.area_px, score: from.score }
    }
}

fn rois<S: Serializer>(rois: &[RoiResult], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(rois.iter().map(RoiOut::from))
}

/// `camera/NAME/trigger`: the trigger handshake that is usual with smart cameras.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TriggerStatus {
    /// Name of the camera that is triggered.
    pub camera: String,
    /// Trigger ready: a trigger would be accepted now.
    pub ready: bool,
    /// Name of the product that is selected.
    pub product: String,
    /// Revision of the product's recipe.
    pub recipe_revision: u32,
    /// The revision of the golden pictures; 0 where the product has none.
    pub golden_revision: u64,
    /// Why the requested product is not ready; `null` where it is.
    pub fault: Option<String>,
    /// Trigger acknowledged: the last acquisition that was accepted; 0 before the first.
    pub acknowledged: u64,
    /// Results valid: the last acquisition whose end was reported; 0 before the first.
    pub valid: u64,
    /// Triggers since the process began: the sum of the five counts below and `in_flight`.
    pub triggers: u64,
    /// Parts that were good.
    pub ok: u64,
    /// Parts that were bad.
    pub ng: u64,
    /// Parts that could not be judged.
    pub error: u64,
    /// Triggers for which no frame was available.
    pub missed: u64,
    /// Triggers that came while the most allowed acquisitions were running.
    pub overrun: u64,
    /// Acquisitions that are running now.
    pub in_flight: u64,
}

impl Payload for TriggerStatus {
    const SCHEMA: &'static str = "ocellus.trigger/1";
}

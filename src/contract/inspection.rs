//! What is said on `camera/NAME/inspection` and `camera/NAME/trigger`.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::payload::{BoxPx, Payload};
use crate::types::{Defect, Inspection, InspectionLatency, Pose, RoiResult, Trigger, rfc3339};

/// `camera/NAME/inspection`: one acquisition, from its trigger to its verdict.
#[derive(Serialize, JsonSchema)]
pub struct InspectionOut<'a> {
    /// The acquisition's number: unique on this box, also across restarts.
    pub acquisition: u64,
    /// The camera's name.
    pub camera: &'a str,
    /// `ok`, `ng`, `error`, `missed` or `overrun`.
    pub verdict: &'static str,
    /// Why, where no ROI says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'a str>,
    /// What pulled it.
    pub trigger: TriggerOut<'a>,
    /// The product that was selected; empty where none was.
    pub product: &'a str,
    /// The recipe's revision.
    pub recipe_revision: u32,
    /// The revision of the golden pictures; 0 where the product has none.
    pub golden_revision: u64,
    /// The frame that was inspected; absent where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<FrameOut>,
    /// Where the part was found; absent where it was not looked for or not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pose: Option<PoseOut>,
    /// Every ROI, in the recipe's order.
    #[serde(serialize_with = "rois")]
    #[schemars(with = "Vec<RoiOut<'a>>")]
    pub rois: &'a [RoiResult],
    /// Where the time went, in microseconds.
    pub latency: StepsOut,
}

/// What pulled a trigger.
#[derive(Serialize, JsonSchema)]
pub struct TriggerOut<'a> {
    /// `serial`, `mqtt`, `timer`, `cli` or `http`.
    pub kind: &'static str,
    /// Its name in the configuration, or the command's id.
    pub name: &'a str,
    /// When it arrived, RFC 3339, UTC.
    pub time: String,
    /// What came with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
}

/// The frame that was inspected.
#[derive(Serialize, JsonSchema)]
pub struct FrameOut {
    /// Its number since the process began.
    pub seq: u64,
    /// When it was captured, RFC 3339, UTC.
    pub time: String,
    /// From the trigger to its capture, microseconds; negative where the frame is the earlier one.
    pub offset_us: i64,
}

/// Where the part lies: recipe px turned about the origin, then moved, are frame px.
#[derive(Serialize, JsonSchema)]
pub struct PoseOut {
    /// Rightwards, px.
    pub dx: f32,
    /// Downwards, px.
    pub dy: f32,
    /// Clockwise, degrees.
    pub angle_deg: f32,
}

/// One region of interest.
#[derive(Serialize, JsonSchema)]
pub struct RoiOut<'a> {
    /// Its name in the recipe.
    pub name: &'a str,
    /// `golden`, `pixels`, `classify`, `detect`, `barcode`, `colour`, `presence` or `measure`.
    pub kind: &'static str,
    /// `ok`, `ng` or `error`.
    pub verdict: &'static str,
    /// What was measured; absent where nothing could be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// What it was held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// The unit of both.
    pub unit: &'static str,
    /// What was read or recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    /// Where it is bad, in recipe px.
    pub boxes: Vec<DefectOut<'a>>,
    /// Why it could not be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    /// Time on a worker, microseconds.
    pub duration_us: u32,
}

/// One place that is bad.
#[derive(Serialize, JsonSchema)]
pub struct DefectOut<'a> {
    /// What it is.
    pub label: &'a str,
    /// Where.
    #[serde(rename = "box")]
    pub rect: BoxPx,
    /// Pixels that are wrong, where the kind counts them.
    pub area_px: u32,
    /// How sure, or how far off.
    pub score: f32,
}

/// Where the time of an acquisition went, in microseconds.
#[derive(Serialize, JsonSchema)]
pub struct StepsOut {
    /// From the trigger to the choice of a frame.
    pub frame_us: u32,
    /// From there to a free worker.
    pub wait_us: u32,
    /// Finding the part.
    pub align_us: u32,
    /// All ROIs.
    pub rois_us: u32,
    /// From the trigger to the sinks.
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

/// `camera/NAME/trigger`: the handshake, as plants know it from smart cameras.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TriggerStatus {
    /// The camera's name.
    pub camera: String,
    /// Trigger ready: one more would be taken now.
    pub ready: bool,
    /// The product that is selected.
    pub product: String,
    /// The recipe's revision.
    pub recipe_revision: u32,
    /// The revision of the golden pictures; 0 where the product has none.
    pub golden_revision: u64,
    /// Why the product that was asked for is not ready.
    pub fault: Option<String>,
    /// Trigger acknowledged: the last acquisition that was taken; 0 before the first.
    pub acknowledged: u64,
    /// Results valid: the last acquisition whose end was told.
    pub valid: u64,
    /// Triggers since the process began; the five counts below add up to it, less those under way.
    pub triggers: u64,
    /// Parts that were good.
    pub ok: u64,
    /// Parts that were bad.
    pub ng: u64,
    /// Parts that could not be judged.
    pub error: u64,
    /// Triggers without a frame.
    pub missed: u64,
    /// Triggers that came while as many acquisitions were under way as are allowed.
    pub overrun: u64,
    /// Acquisitions under way.
    pub in_flight: u64,
}

impl Payload for TriggerStatus {
    const SCHEMA: &'static str = "ocellus.trigger/1";
}

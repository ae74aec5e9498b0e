//! The record of one acquisition: its trigger, its frame and the verdict on the part.

use std::sync::Arc;

use super::{Label, Pose, RecordedEvent, RecordingId, Rect, Stamp};

/// Number of a trigger on this box: 1, 2, 3, … across restarts, without gaps while the process runs.
pub type AcquisitionId = u64;

/// The kind of source of a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    /// A serial port: a line, a byte or the edge of a modem line.
    Serial,
    /// A command over MQTT.
    Mqtt,
    /// A timer inside the service.
    Timer,
    /// The command line, over the local control socket.
    Cli,
    /// A request from the web page or REST.
    Http,
}

impl TriggerKind {
    /// The word that stands for it on MQTT.
    pub fn as_str(self) -> &'static str {
        match self {
            TriggerKind::Serial => "serial",
            TriggerKind::Mqtt => "mqtt",
            TriggerKind::Timer => "timer",
            TriggerKind::Cli => "cli",
            TriggerKind::Http => "http",
        }
    }
}

/// One trigger signal, as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// The kind of source it came from.
    pub kind: TriggerKind,
    /// The trigger's name in the configuration, or the command's id.
    pub name: Label,
    /// When the edge, byte or end of line arrived; this plus the configured delay is the moment to be
    /// inspected.
    pub at: Stamp,
    /// Text that came with it, such as the part's serial number.
    pub text: Option<Arc<str>>,
}

/// How an acquisition ended; each ends in exactly one of these ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Every ROI is good.
    Ok,
    /// At least one ROI is bad, and all could be judged.
    Ng,
    /// At least one ROI, or the part as a whole, could not be judged.
    Error,
    /// No frame was available: the camera was disconnected, or delivered none in time.
    Missed,
    /// The trigger came while the most allowed acquisitions were already running.
    Overrun,
}

impl Outcome {
    /// Every outcome, in the order of the counters.
    pub const ALL: [Outcome; 5] =
        [Outcome::Ok, Outcome::Ng, Outcome::Error, Outcome::Missed, Outcome::Overrun];

    /// The word that stands for it on MQTT and on the serial line.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Ng => "ng",
            Outcome::Error => "error",
            Outcome::Missed => "missed",
            Outcome::Overrun => "overrun",
        }
    }

    /// The word that asks a camera to record around it.
    pub fn recorded_as(self) -> RecordedEvent {
        match self {
            Outcome::Ng => RecordedEvent::Ng,
            Outcome::Error => RecordedEvent::Error,
            Outcome::Ok | Outcome::Missed | Outcome::Overrun => RecordedEvent::Trigger,
        }
    }

    /// Outcome of a part from its ROIs. `faulty` means that the part as a whole could not be judged. One ROI
    /// with an error makes the outcome an error, whatever the other verdicts are.
    pub fn of(rois: &[RoiResult], faulty: bool) -> Outcome {
        match rois.iter().map(|roi| roi.verdict).max().unwrap_or(Verdict::Ok) {
            _ if faulty => Outcome::Error,
            Verdict::Ok => Outcome::Ok,
            Verdict::Ng => Outcome::Ng,
            Verdict::Error => Outcome::Error,
        }
    }
}

/// The verdict on one region of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The region meets its threshold.
    Ok,
    /// The region does not meet its threshold.
    Ng,
    /// The region could not be judged; `RoiResult::error` has the cause.
    Error,
}

impl Verdict {
    /// The word that stands for it on MQTT.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Ng => "ng",
            Verdict::Error => "error",
        }
    }
}

/// One defect, in recipe coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct Defect {
    /// Kind of defect: a detector's class, or the ROI kind's word (`difference`, `missing`).
    pub label: Label,
    /// Bounds of the defect, recipe px.
    pub rect: Rect,
    /// Number of defective pixels; 0 where the ROI kind does not count them.
    pub area_px: u32,
    /// Confidence, 0 to 1, or the excess over the threshold.
    pub score: f32,
}

/// Result of one region of interest of one part.
#[derive(Clone, Debug, PartialEq)]
pub struct RoiResult {
    /// The ROI's name in the recipe.
    pub name: Label,
    /// Kind of check: `golden`, `pixels`, `classify`, `detect`, `barcode`, `colour`, `presence`, `measure`.
    pub kind: &'static str,
    /// Whether the region is good, bad, or could not be judged.
    pub verdict: Verdict,
    /// The measured value, in `unit`; NaN where nothing could be measured.
    pub score: f32,
    /// The limit that the score was compared with, in `unit`.
    pub threshold: f32,
    /// The unit of score and threshold: `cosine`, `px`, `mm`, `delta_e`, `share`, `score`, `count`.
    pub unit: &'static str,
    /// The text that was read or recognised: a barcode's content, a class.
    pub text: Option<Arc<str>>,
    /// The defects that were found.
    pub defects: Vec<Defect>,
    /// Why it could not be judged.
    pub error: Option<Arc<str>>,
    /// Time on a worker, microseconds.
    pub duration_us: u32,
}

impl RoiResult {
    /// A region that could not be judged, because of `cause`.
    pub fn failed(name: &Label, kind: &'static str, cause: impl AsRef<str>) -> RoiResult {
        RoiResult {
            name: name.clone(),
            kind,
            verdict: Verdict::Error,
            score: f32::NAN,
            threshold: f32::NAN,
            unit: "",
            text: None,
            defects: Vec::new(),
            error: Some(cause.as_ref().into()),
            duration_us: 0,
        }
    }
}

/// The record of one acquisition, from the trigger to the verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// The acquisition's number, unique on this box.
    pub id: AcquisitionId,
    /// Name of the camera that was triggered.
    pub camera: Label,
    /// The trigger that started it.
    pub trigger: Trigger,
    /// The product that was selected.
    pub product: Label,
    /// Revision of the product's recipe.
    pub recipe_revision: u32,
    /// The revision of the product's golden pictures; 0 where it has none.
    pub golden_revision: u64,
    /// The frame's number and time of capture; `None` where no frame was taken.
    pub frame: Option<(u64, Stamp)>,
    /// The result for the part as a whole.
    pub outcome: Outcome,
    /// The cause, where no ROI has it: an alignment that failed, no frame in time.
    pub cause: Option<Arc<str>>,
    /// Pose of the part; `None` where it was not searched for or not found.
    pub pose: Option<Pose>,
    /// The ROIs in the recipe's order; empty where no frame was taken.
    pub rois: Vec<RoiResult>,
    /// The recording that shows it, where one was asked for.
    pub recording: Option<RecordingId>,
    /// The experiment that the frame belongs to; `None` where no frame was taken, or none was set.
    pub experiment: Option<Label>,
    /// Time spent in each step.
    pub latency: InspectionLatency,
}

/// Microseconds of each step of an acquisition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InspectionLatency {
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

/// Receives the end of an acquisition on behalf of the trigger's source.
pub trait OnComplete: Send + Sync {
    /// Called once for each acquisition, in the order of their numbers; must not block.
    fn completed(&self, inspection: &Arc<Inspection>);
}

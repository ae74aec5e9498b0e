//! The record of one acquisition: what pulled the trigger, which frame was taken, and the verdict on the part.

use std::sync::Arc;

use super::{Label, Pose, Rect, Stamp};

/// Numbers every trigger of this box, also across restarts: 1, 2, 3, … without holes while it runs.
pub type AcquisitionId = u64;

/// What pulled a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    /// A serial port: a line, a byte or the edge of a modem line.
    Serial,
    /// A command over MQTT.
    Mqtt,
    /// A timer of our own.
    Timer,
    /// The command line, through the box's own socket.
    Cli,
    /// A web request.
    Http,
}

impl TriggerKind {
    /// The word on MQTT.
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

/// One pull of a trigger, as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// What pulled it.
    pub kind: TriggerKind,
    /// Which one: the name in the configuration, or the command's id.
    pub name: Label,
    /// When the edge, byte or end of line arrived; with the configured delay it is the moment that is inspected.
    pub at: Stamp,
    /// What came with it, such as the part's serial number.
    pub text: Option<Arc<str>>,
}

/// How an acquisition ended. Every one ends as exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Every ROI is good.
    Ok,
    /// At least one ROI is bad, and all could be judged.
    Ng,
    /// At least one ROI, or the part as a whole, could not be judged.
    Error,
    /// No frame could be taken: the camera was away, or gave none in time.
    Missed,
    /// It came while as many acquisitions were under way as are allowed.
    Overrun,
}

impl Outcome {
    /// All of them, in the order of counters.
    pub const ALL: [Outcome; 5] =
        [Outcome::Ok, Outcome::Ng, Outcome::Error, Outcome::Missed, Outcome::Overrun];

    /// The word on MQTT and on the serial line.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Ng => "ng",
            Outcome::Error => "error",
            Outcome::Missed => "missed",
            Outcome::Overrun => "overrun",
        }
    }

    /// What its regions make of a part. `faulty`: the part as a whole could not be judged. A region that could not be
    /// judged makes the part one that could not be judged, whatever the others say.
    pub fn of(rois: &[RoiResult], faulty: bool) -> Outcome {
        match rois.iter().map(|roi| roi.verdict).max().unwrap_or(Verdict::Ok) {
            _ if faulty => Outcome::Error,
            Verdict::Ok => Outcome::Ok,
            Verdict::Ng => Outcome::Ng,
            Verdict::Error => Outcome::Error,
        }
    }
}

/// What became of one region of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Good.
    Ok,
    /// Bad.
    Ng,
    /// Could not be judged; the cause stands beside it.
    Error,
}

impl Verdict {
    /// The word on MQTT.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Ng => "ng",
            Verdict::Error => "error",
        }
    }
}

/// Where something is wrong, in the part's own (recipe) coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct Defect {
    /// What it is: the class of a detector, or the ROI kind's own word (`difference`, `missing`).
    pub label: Label,
    /// Its bounds, recipe px.
    pub rect: Rect,
    /// Pixels that are wrong; 0 where the kind does not count them.
    pub area_px: u32,
    /// How sure, 0 to 1, or how far beyond the threshold.
    pub score: f32,
}

/// What became of one region of interest of one part.
#[derive(Clone, Debug, PartialEq)]
pub struct RoiResult {
    /// The ROI's name in the recipe.
    pub name: Label,
    /// Its kind: `golden`, `pixels`, `classify`, `detect`, `barcode`, `colour`, `presence`, `measure`.
    pub kind: &'static str,
    /// Good, bad, or not to be judged.
    pub verdict: Verdict,
    /// What was measured, in `unit`; NaN where nothing could be.
    pub score: f32,
    /// What it was held against.
    pub threshold: f32,
    /// The unit of score and threshold: `cosine`, `px`, `mm`, `delta_e`, `share`, `score`, `count`.
    pub unit: &'static str,
    /// What was read or recognised: a barcode's text, a class.
    pub text: Option<Arc<str>>,
    /// Where it is bad.
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
    /// Its number.
    pub id: AcquisitionId,
    /// The camera's name.
    pub camera: Label,
    /// What pulled it.
    pub trigger: Trigger,
    /// The product that was selected.
    pub product: Label,
    /// The recipe's revision.
    pub recipe_revision: u32,
    /// The revision of the product's golden pictures; 0 where it has none.
    pub golden_revision: u64,
    /// The frame, where one was taken: its number, and when it was captured.
    pub frame: Option<(u64, Stamp)>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where no ROI says it: an alignment that failed, no frame in time.
    pub cause: Option<Arc<str>>,
    /// Where the part was found; `None` where nothing was looked for or found.
    pub pose: Option<Pose>,
    /// The ROIs in the recipe's order; empty where no frame was taken.
    pub rois: Vec<RoiResult>,
    /// Where the time went.
    pub latency: InspectionLatency,
}

/// Microseconds of each step of an acquisition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InspectionLatency {
    /// From the trigger to the choice of a frame.
    pub frame_us: u32,
    /// From there to a free worker.
    pub wait_us: u32,
    /// Finding the part.
    pub align_us: u32,
    /// All ROIs, from the first begun to the last ended.
    pub rois_us: u32,
    /// From the trigger to the sinks.
    pub total_us: u32,
}

/// Where the end of an acquisition is told to whoever pulled it.
pub trait OnComplete: Send + Sync {
    /// Called once for each acquisition, in the order of their numbers; must not block.
    fn completed(&self, inspection: &Arc<Inspection>);
}

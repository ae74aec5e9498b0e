//! `evidence.json`: everything that is known about one inspection, except its pictures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::queue::EvidenceJob;
use super::record::{GoldenRecord, ModelRecord};
use super::results::{KeptPose, KeptRoi};
use super::seal;
use crate::types::{Colour, InspectionLatency, Matrix, Range, Trigger, rfc3339};

/// The schema that this program writes and reads.
pub const SCHEMA: &str = "ocellus.evidence/1";

/// The content of `evidence.json`. Numbers that a replay must reproduce carry their bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The format and its version, [`SCHEMA`].
    pub schema: String,
    /// The number of the acquisition.
    pub acquisition: u64,
    /// The name of the camera.
    pub camera: String,
    /// `ok`, `ng` or `error`.
    pub verdict: String,
    /// Why the verdict is not `ok`, where no ROI gives the reason.
    pub cause: Option<String>,
    /// The trigger that started the acquisition.
    pub trigger: KeptTrigger,
    /// The experiment that the frame belongs to; absent where none was set, and in evidence of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The product that was selected.
    pub product: String,
    /// The revision of the recipe.
    pub recipe_revision: u32,
    /// The revision of the golden pictures; 0 where the product has none.
    pub golden_revision: u64,
    /// The recipe that judged the part; `null` where the service no longer knew it.
    pub recipe: Option<KeptRecipe>,
    /// SHA-256 of the configuration in force.
    pub config_sha256: String,
    /// The program and its version.
    pub program: String,
    /// The frame that was judged.
    pub frame: KeptFrame,
    /// The pose of the part; `null` where it was not searched for or not found.
    pub pose: Option<KeptPose>,
    /// Every ROI, in the recipe's order.
    pub rois: Vec<KeptRoi>,
    /// Where the time went, in microseconds.
    pub latency: Steps,
    /// The other files of the folder.
    pub files: BTreeMap<String, KeptFile>,
    /// SHA-256 of this file with these 64 digits written as zeros. Always the last value.
    pub seal: String,
}

/// The trigger that started the acquisition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptTrigger {
    /// `serial`, `mqtt`, `timer`, `cli` or `http`.
    pub kind: String,
    /// Its name in the configuration, or the command's id.
    pub name: String,
    /// When it arrived, RFC 3339, UTC.
    pub time: String,
    /// The same, nanoseconds since 1970.
    pub wall_ns: u64,
    /// The same moment on the process's monotonic clock, which latencies use, nanoseconds.
    pub mono_ns: u64,
    /// The text that came with the trigger.
    pub text: Option<String>,
}

/// The data that a verdict depends on, besides the frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRecipe {
    /// SHA-256 of the recipe's text, which is `recipe.toml`.
    pub sha256: String,
    /// The golden pictures that the recipe learned from.
    pub goldens: Vec<GoldenRecord>,
    /// The models that the ROIs run.
    pub models: Vec<ModelRecord>,
}

/// How to read the bytes of `planes.png` as a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptFrame {
    /// The frame's number since the process began.
    pub seq: u64,
    /// When it was captured, RFC 3339, UTC.
    pub time: String,
    /// The same, nanoseconds since 1970.
    pub wall_ns: u64,
    /// The same moment on the process's monotonic clock, nanoseconds.
    pub mono_ns: u64,
    /// The source's own time stamp.
    pub pts_ns: Option<u64>,
    /// The pixel layout, by its GStreamer name.
    pub format: String,
    /// Width of the frame, px.
    pub width: u32,
    /// Height of the frame, px.
    pub height: u32,
    /// The colour matrix, `bt601` or `bt709`.
    pub matrix: String,
    /// The value range, `limited` or `full`.
    pub range: String,
}

/// Where the time went, in microseconds; see [`InspectionLatency`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// From the trigger to the choice of a frame.
    pub frame_us: u32,
    /// From the choice of a frame to a free worker.
    pub wait_us: u32,
    /// Time to find the part.
    pub align_us: u32,
    /// Time to judge all ROIs.
    pub rois_us: u32,
    /// From the trigger to the sinks.
    pub total_us: u32,
}

/// One file of the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Length of the file, bytes.
    pub bytes: u64,
}

impl Document {
    /// The document of `job`, whose other files are `files`. It has no seal yet.
    pub(super) fn new(job: &EvidenceJob, files: BTreeMap<String, KeptFile>) -> Document {
        let from = &*job.inspection;
        Document {
            schema: SCHEMA.to_owned(),
            acquisition: from.id,
            camera: from.camera.to_string(),
            verdict: from.outcome.as_str().to_owned(),
            cause: from.cause.as_deref().map(str::to_owned),
            trigger: (&from.trigger).into(),
            experiment: from.experiment.as_deref().map(str::to_owned),
            product: from.product.to_string(),
            recipe_revision: from.recipe_revision,
            golden_revision: from.golden_revision,
            recipe: job.record.as_ref().map(|record| KeptRecipe {
                sha256: record.recipe_sha256.clone(),
                goldens: record.goldens.clone(),
                models: record.models.clone(),
            }),
            config_sha256: job.config_hash.to_string(),
            program: concat!("ocellus ", env!("CARGO_PKG_VERSION")).to_owned(),
            frame: KeptFrame::of(job),
            pose: from.pose.map(KeptPose::from),
            rois: from.rois.iter().map(KeptRoi::from).collect(),
            latency: from.latency.into(),
            files,
            seal: seal::BLANK.to_owned(),
        }
    }
}

impl KeptFrame {
    fn of(job: &EvidenceJob) -> KeptFrame {
        let shot = &job.shot;
        KeptFrame {
            seq: shot.seq,
            time: rfc3339(shot.captured.wall_ns),
            wall_ns: shot.captured.wall_ns,
            mono_ns: shot.captured.mono_ns,
            pts_ns: shot.pts_ns,
            format: shot.format.caps_name().to_owned(),
            width: shot.width as u32,
            height: shot.height as u32,
            matrix: word(MATRICES, shot.colour.matrix),
            range: word(RANGES, shot.colour.range),
        }
    }

    /// Matrix and range; `None` where this version does not know one of the words.
    pub fn colour(&self) -> Option<Colour> {
        Some(Colour { matrix: meaning(MATRICES, &self.matrix)?, range: meaning(RANGES, &self.range)? })
    }
}

const MATRICES: &[(&str, Matrix)] = &[("bt601", Matrix::Bt601), ("bt709", Matrix::Bt709)];
const RANGES: &[(&str, Range)] = &[("limited", Range::Limited), ("full", Range::Full)];

fn word<T: PartialEq>(words: &[(&str, T)], meaning: T) -> String {
    words.iter().find(|(_, known)| *known == meaning).map_or("", |(word, _)| word).to_owned()
}

fn meaning<T: Copy>(words: &[(&str, T)], word: &str) -> Option<T> {
    words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning)
}

impl From<&Trigger> for KeptTrigger {
    fn from(from: &Trigger) -> KeptTrigger {
        KeptTrigger {
            kind: from.kind.as_str().to_owned(),
            name: from.name.to_string(),
            time: rfc3339(from.at.wall_ns),
            wall_ns: from.at.wall_ns,
            mono_ns: from.at.mono_ns,
            text: from.text.as_deref().map(str::to_owned),
        }
    }
}

impl From<InspectionLatency> for Steps {
    fn from(from: InspectionLatency) -> Steps {
        let InspectionLatency { frame_us, wait_us, align_us, rois_us, total_us } = from;
        Steps { frame_us, wait_us, align_us, rois_us, total_us }
    }
}

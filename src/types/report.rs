//! The record of one processed frame: what was found and how long each step took.

use std::sync::Arc;

use super::{Finding, Label, MAX_EMBEDDING, MAX_FINDINGS, Prediction, PredictionSink, Stamp};

/// How long each step of a frame's road took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
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

/// A step that failed for this frame; the frame's other results stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stage, e.g. `detect`.
    pub stage: Label,
    /// What went wrong.
    pub cause: Arc<str>,
}

/// What became of one frame. Pooled: filling one allocates nothing once warm.
#[derive(Clone, Debug)]
pub struct Report {
    /// The camera's name.
    pub camera: Label,
    /// The frame's number.
    pub frame_seq: u64,
    /// When the frame was captured.
    pub captured: Stamp,
    /// The frame's time by its source's own clock, ns, where it has one: evenly spaced also where frames arrive in
    /// bursts, or are read faster than they were filmed. Begins anew when the source does.
    pub pts_ns: Option<u64>,
    /// The file that the frame comes from, where it is a picture of a folder.
    pub file: Option<Label>,
    /// Frame width in px.
    pub width: u32,
    /// Frame height in px.
    pub height: u32,
    /// What was found, best first.
    pub findings: heapless::Vec<Finding, MAX_FINDINGS>,
    /// The embedding, when the model gives one.
    pub embedding: heapless::Vec<f32, MAX_EMBEDDING>,
    /// Findings beyond [`MAX_FINDINGS`], not kept.
    pub overflow: u32,
    /// Where the time went.
    pub latency: Latency,
    /// What failed, if anything.
    pub fault: Option<Fault>,
}

impl Report {
    /// An empty report for frames of `camera`.
    pub fn new(camera: Label) -> Report {
        Report {
            camera,
            frame_seq: 0,
            captured: Stamp::default(),
            pts_ns: None,
            file: None,
            width: 0,
            height: 0,
            findings: heapless::Vec::new(),
            embedding: heapless::Vec::new(),
            overflow: 0,
            latency: Latency::default(),
            fault: None,
        }
    }

    /// Empties the report for its next frame, keeping its memory.
    pub fn clear(&mut self) {
        self.findings.clear();
        self.embedding.clear();
        self.overflow = 0;
        self.latency = Latency::default();
        self.fault = None;
        self.file = None;
    }

    /// Adds a finding, or counts it where the report is full.
    pub fn push(&mut self, finding: Finding) {
        if self.findings.push(finding).is_err() {
            self.overflow += 1;
        }
    }
}

impl PredictionSink for Report {
    fn add(&mut self, prediction: Prediction) {
        self.push(prediction.into());
    }

    fn embedding(&mut self) -> &mut heapless::Vec<f32, MAX_EMBEDDING> {
        &mut self.embedding
    }
}

//! The record of one processed frame: what was found and how long each step took.

use std::sync::Arc;

use super::{Finding, Label, MAX_EMBEDDING, MAX_FINDINGS, Prediction, PredictionSink, Stamp};

/// Time that a frame spent in each step of the pipeline, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
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

/// A step that failed for this frame; the frame's other results remain valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Name of the stage, such as `detect`.
    pub stage: Label,
    /// The cause of the failure.
    pub cause: Arc<str>,
}

/// The results of one frame. Reports are pooled, so that filling one allocates nothing after the first
/// frames.
#[derive(Clone, Debug)]
pub struct Report {
    /// Name of the camera that captured the frame.
    pub camera: Label,
    /// Number of the frame since the process began.
    pub frame_seq: u64,
    /// When the frame was captured.
    pub captured: Stamp,
    /// The frame's presentation time by the source's clock, ns, where it has one. It is evenly spaced even
    /// when frames arrive in bursts or a file is read faster than it was recorded. It restarts with the
    /// source.
    pub pts_ns: Option<u64>,
    /// Name of the picture file where the source is a folder.
    pub file: Option<Label>,
    /// The experiment that the frame belongs to, where one was set.
    pub experiment: Option<Label>,
    /// Frame width in px.
    pub width: u32,
    /// Frame height in px.
    pub height: u32,
    /// What was found, best first.
    pub findings: heapless::Vec<Finding, MAX_FINDINGS>,
    /// The embedding, when the model gives one.
    pub embedding: heapless::Vec<f32, MAX_EMBEDDING>,
    /// Number of findings beyond [`MAX_FINDINGS`], which were dropped.
    pub overflow: u32,
    /// Time spent in each step.
    pub latency: Latency,
    /// The step that failed, if any.
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
            experiment: None,
            width: 0,
            height: 0,
            findings: heapless::Vec::new(),
            embedding: heapless::Vec::new(),
            overflow: 0,
            latency: Latency::default(),
            fault: None,
        }
    }

    /// Clears the report for its next frame and keeps its memory.
    pub fn clear(&mut self) {
        self.findings.clear();
        self.embedding.clear();
        self.overflow = 0;
        self.latency = Latency::default();
        self.fault = None;
        self.file = None;
        self.experiment = None;
    }

    /// Adds a finding, or counts it as overflow where the report is full.
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

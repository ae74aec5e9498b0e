//! The description of a model before its file is read: its card, and the path of the file.

use std::path::{Path, PathBuf};

use ocellus_image::{Fit, Resize};

/// The task of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// One score a class for the whole picture.
    Classify,
    /// SSD with `TFLite_Detection_PostProcess` in the graph.
    Ssd,
    /// MediaPipe BlazeFace: regressors and classificators over anchors.
    BlazeFace,
    /// YOLO v5 or v8 heads, or raw grids with anchors; NMS outside the graph.
    Yolo,
    /// A vector for comparison by cosine.
    Embed,
    /// A class for every pixel.
    Segment,
    /// The same picture with more pixels (super-resolution).
    Upscale,
}

/// How an embedding is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Embedding {
    /// Scaled to length one.
    #[default]
    Unit,
    /// As the model gives it.
    Raw,
}

/// The card of a model: `NAME.toml` beside `NAME.tflite`. `None` means "what the file's metadata says,
/// or the task's usual value".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelCard {
    /// The model's task; must come from the card, the metadata or the configuration.
    pub task: Option<Task>,
    /// Label texts in class order.
    pub labels: Option<Vec<String>>,
    /// Labels file, a line each, relative to the card.
    pub labels_file: Option<PathBuf>,
    /// The label index that class 0 stands for (SSD with a background class: 1).
    pub label_offset: i32,
    /// Subtracted from RGB 0 to 255, for float inputs; one value, or one for each channel.
    pub mean: Option<[f32; 3]>,
    /// Divides what `mean` left.
    pub std: Option<[f32; 3]>,
    /// Whether the aspect ratio of the picture is kept.
    pub fit: Option<Fit>,
    /// Value of the letterbox's bars, 0 to 255.
    pub pad: Option<u8>,
    /// The filter that shrinks the picture.
    pub resize: Option<Resize>,
    /// Least score of a finding.
    pub min_score: Option<f32>,
    /// Overlap above which NMS drops the weaker box.
    pub iou: Option<f32>,
    /// Most predictions of a picture; for classification the top k.
    pub top_k: Option<usize>,
    /// Head of a YOLO model: `v5`, `v8` or `grid`.
    pub head: Option<String>,
    /// Anchors of a `grid` head, px, three pairs a scale, smallest stride first.
    pub anchors: Option<Vec<f32>>,
    /// Whether scores still need the logistic function.
    pub logits: Option<bool>,
    /// Whether pictures that are larger than the input are cut into tiles, instead of being scaled down.
    pub tiled: Option<bool>,
    /// Whether embeddings are scaled to length one.
    pub embedding: Option<Embedding>,
    /// Least share of operators, 0 to 1, that the runtime's delegate must take; a model that falls back is refused.
    pub min_coverage: Option<f32>,
    /// SHA-256 that the model file must have, as hexadecimal digits.
    pub sha256: Option<String>,
}

/// A model that is to be loaded: its name for messages, its file, and its card.
#[derive(Clone, Copy, Debug)]
pub struct ModelSource<'a> {
    /// The name in the configuration, for messages.
    pub name: &'a str,
    /// The `.tflite` file, or the `.stub` file of the stub runtime.
    pub path: &'a Path,
    /// The card, with what the configuration overrides.
    pub card: &'a ModelCard,
    /// The library of an external delegate, whose accelerator takes its operators; `None` for the CPU alone.
    pub delegate: Option<&'a Path>,
}

/// Which runtime to open: the section `[runtime]` of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct RuntimeSettings {
    /// `litert`, `tflitec` or `stub`.
    pub kind: String,
    /// The runtime's shared library; searched for in the usual places when absent.
    pub library: Option<PathBuf>,
}

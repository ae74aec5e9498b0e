//! Decoders of the output tensors, one file for each task, with the same two parts: a plan,
//! checked against the model's tensors once, and a decoder made from it for each worker.

mod blazeface;
mod classify;
mod embed;
mod nms;
mod probability;
mod segment;
mod ssd;
mod upscale;
mod values;
mod yolo;

use std::sync::Arc;

use crate::Label;
use crate::{ModelCard, Task};

pub use probability::ClassProbability;

use super::error::Misfits;
use super::file::ModelFile;
use super::{Decode, TensorInfo};

pub use values::Values;

/// The class of every pixel of a segmentation's output tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassMap<'a> {
    /// Row by row, `width` × `height` class indices.
    pub classes: &'a [u8],
    /// Width in px of the output tensor.
    pub width: usize,
    /// Height in px of the output tensor.
    pub height: usize,
}

/// The inputs from which a plan is made.
pub(crate) struct Facts<'a> {
    /// The model's output tensors, in the file's order.
    pub outputs: &'a [TensorInfo],
    /// The graph, where there is one.
    pub file: Option<&'a ModelFile>,
    /// Width and height of the input tensor, px.
    pub size: [usize; 2],
    /// The model's card, which overrides the file's metadata.
    pub card: &'a ModelCard,
}

/// How to read the outputs of one model.
#[derive(Clone, Debug)]
pub(crate) enum DecodePlan {
    BlazeFace(blazeface::BlazeFacePlan),
    Classify(classify::ClassifyPlan),
    Embed(embed::EmbedPlan),
    Segment(segment::SegmentPlan),
    Ssd(ssd::SsdPlan),
    Upscale(upscale::UpscalePlan),
    Yolo(yolo::YoloPlan),
}

impl DecodePlan {
    /// Checks the outputs, tensor by tensor.
    pub fn new(task: Task, facts: &Facts<'_>) -> Result<DecodePlan, Misfits> {
        Ok(match task {
            Task::BlazeFace => DecodePlan::BlazeFace(blazeface::BlazeFacePlan::new(facts)?),
            Task::Classify => DecodePlan::Classify(classify::ClassifyPlan::new(facts)?),
            Task::Embed => DecodePlan::Embed(embed::EmbedPlan::new(facts)?),
            Task::Segment => DecodePlan::Segment(segment::SegmentPlan::new(facts)?),
            Task::Ssd => DecodePlan::Ssd(ssd::SsdPlan::new(facts)?),
            Task::Upscale => DecodePlan::Upscale(upscale::UpscalePlan::new(facts)?),
            Task::Yolo => DecodePlan::Yolo(yolo::YoloPlan::new(facts)?),
        })
    }

    /// How many labels the model needs; `None` where the file does not tell.
    pub fn classes(&self) -> Option<usize> {
        match self {
            DecodePlan::BlazeFace(_) => Some(1),
            DecodePlan::Classify(plan) => Some(plan.classes),
            DecodePlan::Embed(_) => Some(0),
            DecodePlan::Segment(plan) => plan.labels,
            DecodePlan::Ssd(plan) => plan.labels,
            DecodePlan::Upscale(_) => Some(0),
            DecodePlan::Yolo(plan) => Some(plan.classes()),
        }
    }

    /// The least score of a finding where the caller does not say: the card's, or the task's usual one.
    pub fn min_score(&self) -> f32 {
        match self {
            DecodePlan::BlazeFace(plan) => plan.min_score,
            DecodePlan::Classify(plan) => plan.min_score,
            DecodePlan::Embed(_) | DecodePlan::Upscale(_) => 0.0,
            DecodePlan::Segment(plan) => plan.min_share,
            DecodePlan::Ssd(plan) => plan.min_score,
            DecodePlan::Yolo(plan) => plan.min_score,
        }
    }

    /// A decoder for one worker; `min_score` overrides the card's.
    pub fn decoder(&self, labels: Labels, min_score: Option<f32>) -> Box<dyn Decode> {
        match self {
            DecodePlan::BlazeFace(plan) => {
                Box::new(blazeface::BlazeFaceDecoder::new(plan.clone(), labels, min_score))
            }
            DecodePlan::Classify(plan) => {
                Box::new(classify::ClassifyDecoder::new(plan.clone(), labels, min_score))
            }
            DecodePlan::Embed(plan) => Box::new(embed::EmbedDecoder::new(plan.clone())),
            DecodePlan::Segment(plan) => {
                Box::new(segment::SegmentDecoder::new(plan.clone(), labels, min_score))
            }
            DecodePlan::Upscale(_) => Box::new(upscale::NoFindings),
            DecodePlan::Ssd(plan) => Box::new(ssd::SsdDecoder::new(plan.clone(), labels, min_score)),
            DecodePlan::Yolo(plan) => Box::new(yolo::YoloDecoder::new(plan.clone(), labels, min_score)),
        }
    }

    /// The probability of one class of a segmentation; `None` for other tasks.
    pub fn class_probability(&self, class: usize) -> Option<ClassProbability> {
        match self {
            DecodePlan::Segment(plan) => Some(ClassProbability::new(plan.clone(), class)),
            _ => None,
        }
    }

    /// Whether this is a YOLO head of raw grids.
    pub fn is_grid(&self) -> bool {
        matches!(self, DecodePlan::Yolo(plan) if plan.is_grid())
    }

    /// Whether the card says that scores of a segmentation still need the logistic function.
    pub fn gives_logits(&self) -> bool {
        matches!(self, DecodePlan::Segment(plan) if plan.sigmoid)
    }

    /// Whether this is a segmentation with one channel of probability.
    pub fn is_single_mask(&self) -> bool {
        matches!(self, DecodePlan::Segment(plan) if plan.is_single_mask())
    }
}

/// Label texts by class; cloning allocates nothing.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    texts: Arc<[Label]>,
    unnamed: Label,
}

impl Labels {
    pub fn new(texts: Arc<[Label]>) -> Labels {
        Labels { texts, unnamed: "unnamed".into() }
    }

    /// The label of a class; `unnamed` beyond the list.
    pub fn of(&self, class: usize) -> Label {
        self.texts.get(class).unwrap_or(&self.unnamed).clone()
    }
}

/// `name [1, 10, 4]`, for messages.
fn shown(info: &TensorInfo) -> String {
    format!("output {} {:?}", info.name, info.shape)
}

/// The one output of a model that has to have just one.
fn only<'a>(outputs: &'a [TensorInfo], wanted: &str) -> Result<&'a TensorInfo, Misfits> {
    match outputs {
        [one] => Ok(one),
        _ => {
            Err(Misfits::of_tensors(outputs.iter().map(|info| format!("{}: expected {wanted}", shown(info)))))
        }
    }
}

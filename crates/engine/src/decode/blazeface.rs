//! MediaPipe BlazeFace: regressors [1, anchors, 16] and logits [1, anchors, 1] over a fixed set of anchors;
//! overlapping faces are blended, not dropped. Source: MediaPipe `face_detection` graph (SsdAnchorsCalculator,
//! TensorsToDetectionsCalculator, NonMaxSuppressionCalculator with WEIGHTED overlap) and
//! Bazarevsky et al., BlazeFace, 2019.

use crate::{Decode, Misfits, Session};
use crate::{Prediction, PredictionSink, Value};
use ocellus_image::{Placement, Point};

use super::nms::{self, ScoredBox};
use super::values::{Values, sigmoid};
use super::{Facts, Labels, shown};

/// Box (centre, size) and 6 key points.
const COORDINATES: usize = 16;
/// The most candidates that are kept, the best first; more than this are noise.
const MOST: usize = 1024;

#[derive(Clone, Debug)]
pub(crate) struct BlazeFacePlan {
    regressors: usize,
    logits: usize,
    /// Centre of each anchor, 0 to 1.
    anchors: Vec<[f32; 2]>,
    size: [f32; 2],
    sigmoid: bool,
    pub(super) min_score: f32,
    iou: f32,
    most: usize,
}

impl BlazeFacePlan {
    pub fn new(facts: &Facts<'_>) -> Result<BlazeFacePlan, Misfits> {
        let [width, height] = facts.size;
        let Some(strides) = strides(width).filter(|_| width == height) else {
            return Err(Misfits::one(format!(
                "input {width} x {height}: expected 128 x 128 (short range), 192 x 192 (full range) or 256 x 256 (back)"
            )));
        };
        let anchors = anchors(width, strides);
        let n = anchors.len();
        let place = |depth: usize| facts.outputs.iter().position(|o| o.shape == [1, n, depth]);
        let (Some(regressors), Some(logits), 2) = (place(COORDINATES), place(1), facts.outputs.len()) else {
            let wanted = format!("expected regressors [1, {n}, 16] and logits [1, {n}, 1]");
            return Err(Misfits::of_tensors(facts.outputs.iter().map(|o| format!("{}: {wanted}", shown(o)))));
        };
        Ok(BlazeFacePlan {
            regressors,
            logits,
            anchors,
            size: facts.size.map(|px| px as f32),
            sigmoid: facts.card.logits.unwrap_or(true),
            min_score: facts.card.min_score.unwrap_or(0.5),
            iou: facts.card.iou.unwrap_or(0.3),
            most: facts.card.top_k.unwrap_or(usize::MAX),
        })
    }
}

/// `(stride in px, anchors a cell)` of each grid; layers of one stride share a grid.
fn strides(input: usize) -> Option<&'static [(usize, usize)]> {
    match input {
        128 => Some(&[(8, 2), (16, 6)]),
        256 => Some(&[(16, 2), (32, 6)]),
        192 => Some(&[(4, 1)]),
        _ => None,
    }
}

fn anchors(input: usize, strides: &[(usize, usize)]) -> Vec<[f32; 2]> {
    let mut anchors = Vec::new();
    for &(stride, each) in strides {
        let cells = input.div_ceil(stride);
        for cell in 0..cells * cells {
            let centre = |k: usize| (k as f32 + 0.5) / cells as f32;
            anchors.extend(std::iter::repeat_n([centre(cell % cells), centre(cell / cells)], each));
        }
    }
    anchors
}

pub(crate) struct BlazeFaceDecoder {
    plan: BlazeFacePlan,
    labels: Labels,
    min_score: f32,
    found: Vec<ScoredBox>,
    merged: Vec<bool>,
}

impl BlazeFaceDecoder {
    pub fn new(plan: BlazeFacePlan, labels: Labels, min_score: Option<f32>) -> BlazeFaceDecoder {
        let min_score = min_score.unwrap_or(plan.min_score);
        let (found, merged) = (Vec::with_capacity(plan.anchors.len()), Vec::with_capacity(MOST));
        BlazeFaceDecoder { plan, labels, min_score, found, merged }
    }

    fn collect(&mut self, regressors: &Values<'_>, logits: &Values<'_>) {
        self.found.clear();
        for (row, anchor) in self.plan.anchors.iter().enumerate() {
            let logit = logits.get(row);
            let score = if self.plan.sigmoid { sigmoid(logit) } else { logit };
            if score >= self.min_score {
                let [x, y, w, h] = [0, 1, 2, 3].map(|k| regressors.get(row * COORDINATES + k));
                let (x, y) = (x + anchor[0] * self.plan.size[0], y + anchor[1] * self.plan.size[1]);
                let corners = [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0];
                if corners.iter().all(|c| c.is_finite()) {
                    self.found.push(ScoredBox { score, class: 0, row: row as u32, corners });
                }
            }
        }
        nms::rank(&mut self.found, MOST);
    }

    /// Blends candidate `first` and all that overlap it: corners and key points in tensor px, by score.
    fn blend(&mut self, first: usize, regressors: &Values<'_>) -> [f32; COORDINATES] {
        let (mut sum, mut weight) = ([0.0; COORDINATES], 0.0);
        let best = self.found[first].corners;
        for i in first..self.found.len() {
            let other = self.found[i];
            if self.merged[i] || (i != first && nms::iou(&best, &other.corners) <= self.plan.iou) {
                continue;
            }
            self.merged[i] = true;
            weight += other.score;
            let anchor = self.plan.anchors[other.row as usize];
            for (k, total) in sum.iter_mut().enumerate() {
                let value = match k {
                    0..4 => other.corners[k],
                    _ => {
                        regressors.get(other.row as usize * COORDINATES + k)
                            + anchor[k % 2] * self.plan.size[k % 2]
                    }
                };
                *total += value * other.score;
            }
        }
        sum.map(|total| total / weight)
    }
}

impl Decode for BlazeFaceDecoder {
    fn decode(&mut self, session: &dyn Session, placement: &Placement, output: &mut dyn PredictionSink) {
        let regressors = Values::of(session, self.plan.regressors);
        let logits = Values::of(session, self.plan.logits);
        self.collect(&regressors, &logits);
        self.merged.clear();
        self.merged.resize(self.found.len(), false);
        let mut faces = 0;
        for i in 0..self.found.len() {
            if self.merged[i] || faces == self.plan.most {
                continue;
            }
            faces += 1;
            let at = self.blend(i, &regressors);
            let points: heapless::Vec<Point, 6> =
                at[4..].chunks_exact(2).map(|p| placement.point(p[0], p[1])).collect();
            let value = Value::Object { rect: placement.rect(at[0], at[1], at[2], at[3]), points };
            let (label, score) = (self.labels.of(0), self.found[i].score);
            output.add(Prediction { class: 0, label, score, value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ranges_have_896_anchors_at_the_cells_centres() {
        for input in [128, 256] {
            let anchors = anchors(input, strides(input).unwrap());
            assert_eq!(anchors.len(), 896);
            assert_eq!(anchors[0], [0.5 / 16.0; 2]);
            assert_eq!(anchors[512], [0.5 / 8.0; 2]);
            assert_eq!(anchors[895], [7.5 / 8.0; 2]);
        }
        assert_eq!(anchors(192, strides(192).unwrap()).len(), 2304);
    }
}

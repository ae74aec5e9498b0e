//! YOLO: heads of version 5 ([1, N, 5 + C]: centre, size, objectness, classes), of version 8 ([1, 4 + C, N]:
//! no objectness), and raw grids with anchors ([1, gh, gw, 3 × (5 + C)] each, as in YOLOv3, arXiv 1804.02767).
//!
//! Centres and sizes of v5 and v8 are 0 to 1 or tensor px, by the exporter: a box of which nothing exceeds
//! 1.5 is taken as 0 to 1, for an object of 1.5 px in a corner pixel is none.

use crate::{Decode, Misfits, Session, TensorInfo};
use crate::{Prediction, PredictionSink, Value};
use ocellus_image::Placement;

use super::nms::{self, ScoredBox};
use super::values::{Values, sigmoid};
use super::{Facts, Labels, only, shown};

/// Candidates that enter NMS at most, the best by score; bounds the time of a frame of noise.
const MOST_CANDIDATES: usize = 1024;
const ANCHORS_A_CELL: usize = 3;

/// One output of raw grids.
#[derive(Clone, Debug)]
struct YoloGrid {
    output: usize,
    width: usize,
    height: usize,
    /// Width and height of its anchors, tensor px.
    anchors: [[f32; 2]; ANCHORS_A_CELL],
}

#[derive(Clone, Debug)]
enum YoloHead {
    V5,
    V8,
    Grid(Vec<YoloGrid>),
}

#[derive(Clone, Debug)]
pub(crate) struct YoloPlan {
    head: YoloHead,
    rows: usize,
    classes: usize,
    size: [f32; 2],
    logits: bool,
    pub(super) min_score: f32,
    iou: f32,
    most: usize,
}

impl YoloPlan {
    pub fn new(facts: &Facts<'_>) -> Result<YoloPlan, Misfits> {
        let (head, rows, depth) = match facts.card.head.as_deref().unwrap_or_else(|| guess(facts.outputs)) {
            "grid" => grids(facts)?,
            name => flat(name, facts.outputs)?,
        };
        let fixed = if matches!(head, YoloHead::V8) { 4 } else { 5 };
        let grid = matches!(head, YoloHead::Grid(_));
        Ok(YoloPlan {
            rows,
            classes: depth - fixed,
            size: facts.size.map(|px| px as f32),
            logits: facts.card.logits.unwrap_or(grid),
            min_score: facts.card.min_score.unwrap_or(if grid { 0.5 } else { 0.25 }),
            iou: facts.card.iou.unwrap_or(0.45),
            most: facts.card.top_k.unwrap_or(usize::MAX),
            head,
        })
    }

    pub fn classes(&self) -> usize {
        self.classes
    }

    pub fn is_grid(&self) -> bool {
        matches!(self.head, YoloHead::Grid(_))
    }
}

/// The head by its shape: v8 has few rows of many columns, v5 many rows of few.
fn guess(outputs: &[TensorInfo]) -> &'static str {
    match outputs.first().map(|o| &o.shape[..]) {
        Some([1, a, b]) if a < b => "v8",
        Some([1, _, _]) => "v5",
        _ => "grid",
    }
}

/// A v5 or v8 head, its rows and its depth.
fn flat(name: &str, outputs: &[TensorInfo]) -> Result<(YoloHead, usize, usize), Misfits> {
    let (wanted, least) = match name {
        "v5" => ("v5 head [1, N, 5 + classes]", 6),
        "v8" => ("v8 head [1, 4 + classes, N]", 5),
        _ => return Err(Misfits::of_key("head", format_args!("\"{name}\" is not v5, v8 or grid"))),
    };
    let output = only(outputs, wanted)?;
    let (head, rows, depth) = match output.shape[..] {
        [1, rows, depth] if name == "v5" => (YoloHead::V5, rows, depth),
        [1, depth, rows] => (YoloHead::V8, rows, depth),
        _ => (YoloHead::V5, 0, 0),
    };
    if depth < least || depth - least > usize::from(u16::MAX) {
        return Err(Misfits::one(format!("{}: expected {wanted}", shown(output))));
    }
    Ok((head, rows, depth))
}

/// Raw grids, smallest stride first, with the card's anchors.
fn grids(facts: &Facts<'_>) -> Result<(YoloHead, usize, usize), Misfits> {
    let mut order: Vec<usize> = (0..facts.outputs.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(facts.outputs[i].len()));
    let anchors = facts.card.anchors.as_deref().unwrap_or(&[]);
    let needed = order.len() * ANCHORS_A_CELL * 2;
    if anchors.len() != needed {
        let n = anchors.len();
        return Err(Misfits::of_key(
            "anchors",
            format_args!(
                "{n} numbers, but {} grids need {needed} (3 pairs of width and height in px each, smallest stride first)",
                order.len()
            ),
        ));
    }
    let (mut list, mut rows, mut depth, mut faults) = (Vec::new(), 0, 0, Vec::new());
    for (output, pairs) in order.into_iter().zip(anchors.chunks_exact(2 * ANCHORS_A_CELL)) {
        let info = &facts.outputs[output];
        match info.shape[..] {
            [1, height, width, channels]
                if channels.is_multiple_of(ANCHORS_A_CELL)
                    && channels >= 6 * ANCHORS_A_CELL
                    && (depth == 0 || depth == channels / ANCHORS_A_CELL) =>
            {
                depth = channels / ANCHORS_A_CELL;
                rows += width * height * ANCHORS_A_CELL;
                let anchors = std::array::from_fn(|a| [pairs[2 * a], pairs[2 * a + 1]]);
                list.push(YoloGrid { output, width, height, anchors });
            }
            _ => faults.push(format!("{}: expected a raw grid [1, gh, gw, 3 x (5 + classes)]", shown(info))),
        }
    }
    if faults.is_empty() { Ok((YoloHead::Grid(list), rows, depth)) } else { Err(Misfits::of_tensors(faults)) }
}

impl YoloPlan {
    /// A v5 head, rows of columns, or a v8 head, columns of rows.
    fn flat(&self, values: &Values<'_>, objectness: bool, min_score: f32, found: &mut Vec<ScoredBox>) {
        let depth = self.classes + if objectness { 5 } else { 4 };
        for row in 0..self.rows {
            let at = |k: usize| match objectness {
                true => values.get(row * depth + k),
                false => values.get(k * self.rows + row),
            };
            let probability = |k: usize| if self.logits { sigmoid(at(k)) } else { at(k) };
            let object = if objectness { probability(4) } else { 1.0 };
            if object < min_score || object.is_nan() {
                continue;
            }
            let (class, best) = best(self.classes, |c| probability(depth - self.classes + c));
            let score = object * best;
            if score >= min_score {
                let [x, y, w, h] = [0, 1, 2, 3].map(at);
                let unit = x.max(y).max(w).max(h) <= 1.5;
                let [sx, sy] = if unit { self.size } else { [1.0; 2] };
                push(found, score, class, row, [x * sx, y * sy, w * sx, h * sy]);
            }
        }
    }

    /// One raw grid; its slots are numbered from `first_row`.
    fn grid(
        &self,
        values: &Values<'_>,
        grid: &YoloGrid,
        first_row: usize,
        min_score: f32,
        found: &mut Vec<ScoredBox>,
    ) {
        let depth = self.classes + 5;
        for slot in 0..grid.width * grid.height * ANCHORS_A_CELL {
            let (cell, anchor) = (slot / ANCHORS_A_CELL, grid.anchors[slot % ANCHORS_A_CELL]);
            let at = |k: usize| values.get(slot * depth + k);
            let probability = |k: usize| if self.logits { sigmoid(at(k)) } else { at(k) };
            let object = probability(4);
            if object < min_score || object.is_nan() {
                continue;
            }
            // With one class its score adds nothing to objectness, and such heads leave it untrained.
            let (class, best) = match self.classes {
                1 => (0, 1.0),
                classes => best(classes, |c| probability(5 + c)),
            };
            let score = object * best;
            if score >= min_score {
                let centre = |k: usize, cell: usize, cells: usize| {
                    (cell as f32 + sigmoid(at(k))) / cells as f32 * self.size[k]
                };
                let x = centre(0, cell % grid.width, grid.width);
                let y = centre(1, cell / grid.width, grid.height);
                let (w, h) = (anchor[0] * at(2).exp(), anchor[1] * at(3).exp());
                push(found, score, class, first_row + slot, [x, y, w, h]);
            }
        }
    }
}

pub(crate) struct YoloDecoder {
    plan: YoloPlan,
    labels: Labels,
    min_score: f32,
    found: Vec<ScoredBox>,
}

impl YoloDecoder {
    pub fn new(plan: YoloPlan, labels: Labels, min_score: Option<f32>) -> YoloDecoder {
        let min_score = min_score.unwrap_or(plan.min_score);
        YoloDecoder { labels, min_score, found: Vec::with_capacity(plan.rows), plan }
    }
}

fn best(classes: usize, score: impl Fn(usize) -> f32) -> (usize, f32) {
    (0..classes)
        .map(|c| (c, score(c)))
        .fold((0, f32::NEG_INFINITY), |best, next| if next.1 > best.1 { next } else { best })
}

/// Adds a box given by centre and size, tensor px; a box that is not finite is dropped.
fn push(found: &mut Vec<ScoredBox>, score: f32, class: usize, row: usize, [x, y, w, h]: [f32; 4]) {
    let corners = [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0];
    if corners.iter().all(|c| c.is_finite()) {
        found.push(ScoredBox { score, class: class as u16, row: row as u32, corners });
    }
}

impl Decode for YoloDecoder {
    fn decode(&mut self, session: &dyn Session, placement: &Placement, output: &mut dyn PredictionSink) {
        self.found.clear();
        let (plan, found) = (&self.plan, &mut self.found);
        match &plan.head {
            YoloHead::V5 => plan.flat(&Values::of(session, 0), true, self.min_score, found),
            YoloHead::V8 => plan.flat(&Values::of(session, 0), false, self.min_score, found),
            YoloHead::Grid(grids) => {
                let mut row = 0;
                for grid in grids {
                    let values = Values::of(session, grid.output);
                    plan.grid(&values, grid, row, self.min_score, found);
                    row += grid.width * grid.height * ANCHORS_A_CELL;
                }
            }
        }
        nms::rank(&mut self.found, MOST_CANDIDATES);
        nms::greedy(&mut self.found, self.plan.iou);
        for found in self.found.iter().take(self.plan.most) {
            let [x0, y0, x1, y1] = found.corners;
            let value = Value::Object { rect: placement.rect(x0, y0, x1, y1), points: heapless::Vec::new() };
            let label = self.labels.of(usize::from(found.class));
            output.add(Prediction { class: found.class, label, score: found.score, value });
        }
    }
}

//! SSD whose graph ends in `TFLite_Detection_PostProcess`: boxes [1, N, 4] as top, left, bottom, right in
//! 0 to 1 of the input tensor, classes [1, N], scores [1, N], count \[1\]. NMS was done inside.

use crate::file::{ModelFile, POST_PROCESS};
use crate::{Decode, Misfits, Session, TensorInfo};
use crate::{Prediction, PredictionSink, Value};
use ocellus_image::Placement;

use super::nms::{self, ScoredBox};
use super::values::Values;
use super::{Facts, Labels, shown};

#[derive(Clone, Debug)]
pub(crate) struct SsdPlan {
    /// Output indices: boxes, classes, scores, count.
    order: [usize; 4],
    rows: usize,
    size: [f32; 2],
    /// Labels that the model needs: its classes, and the background where the card counts it.
    pub labels: Option<usize>,
    offset: i32,
    pub(super) min_score: f32,
    most: usize,
}

impl SsdPlan {
    pub fn new(facts: &Facts<'_>) -> Result<SsdPlan, Misfits> {
        let order = order(facts)?;
        let rows = check(facts.outputs, order)?;
        let classes = facts.file.and_then(class_count);
        let offset = facts.card.label_offset;
        Ok(SsdPlan {
            order,
            rows,
            size: facts.size.map(|px| px as f32),
            labels: classes.map(|n| n + usize::try_from(offset).unwrap_or(0)),
            offset,
            min_score: facts.card.min_score.unwrap_or(0.5),
            most: facts.card.top_k.unwrap_or(usize::MAX),
        })
    }
}

/// Finds the role of each output by the post-processing operator, since exporters reorder the graph's
/// outputs.
fn order(facts: &Facts<'_>) -> Result<[usize; 4], Misfits> {
    let expected =
        "boxes [1, N, 4], classes [1, N], scores [1, N] and count [1] of TFLite_Detection_PostProcess";
    let all = |text: &str| {
        Misfits::of_tensors(facts.outputs.iter().map(|info| format!("{}: expected {text}", shown(info))))
    };
    if facts.outputs.len() != 4 {
        return Err(all(expected));
    }
    let Some(file) = facts.file else { return Ok([0, 1, 2, 3]) };
    let post = file.operators.iter().find(|op| op.custom.as_deref() == Some(POST_PROCESS));
    let Some(post) = post else { return Ok([0, 1, 2, 3]) };
    let place = |i: usize| file.output_index.iter().position(|o| Some(o) == post.outputs.get(i));
    match [place(0), place(1), place(2), place(3)] {
        [Some(boxes), Some(classes), Some(scores), Some(count)] => Ok([boxes, classes, scores, count]),
        _ => Err(all(expected)),
    }
}

/// Checks the shapes; gives the number of rows.
fn check(outputs: &[TensorInfo], order: [usize; 4]) -> Result<usize, Misfits> {
    let [boxes, classes, scores, count] = order.map(|i| &outputs[i]);
    let mut faults = Vec::new();
    let rows = match boxes.shape[..] {
        [1, rows, 4] => rows,
        _ => {
            faults.push(format!("{}: expected boxes [1, N, 4]", shown(boxes)));
            classes.len()
        }
    };
    for (info, what, fits) in [
        (classes, "classes", classes.len() == rows),
        (scores, "scores", scores.len() == rows),
        (count, "count", count.len() == 1),
    ] {
        if !fits {
            let wanted = if what == "count" { "[1]".into() } else { format!("[1, {rows}]") };
            faults.push(format!("{}: expected {what} {wanted}", shown(info)));
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(Misfits::of_tensors(faults)) }
}

/// The classes that the post-processing may give: its score input [1, anchors, 1 + classes] less the background.
fn class_count(file: &ModelFile) -> Option<usize> {
    let post = file.operators.iter().find(|op| op.custom.as_deref() == Some(POST_PROCESS))?;
    let scores = usize::try_from(*post.inputs.get(1)?).ok()?;
    let with_background = *file.shapes.get(scores)?.last()?;
    usize::try_from(with_background - 1).ok().filter(|n| *n > 0)
}

pub(crate) struct SsdDecoder {
    plan: SsdPlan,
    labels: Labels,
    min_score: f32,
    found: Vec<ScoredBox>,
}

impl SsdDecoder {
    pub fn new(plan: SsdPlan, labels: Labels, min_score: Option<f32>) -> SsdDecoder {
        let min_score = min_score.unwrap_or(plan.min_score);
        SsdDecoder { labels, min_score, found: Vec::with_capacity(plan.rows), plan }
    }
}

impl Decode for SsdDecoder {
    fn decode(&mut self, session: &dyn Session, placement: &Placement, output: &mut dyn PredictionSink) {
        let [boxes, classes, scores, count] = self.plan.order.map(|i| Values::of(session, i));
        let [width, height] = self.plan.size;
        let rows = (count.get(0).max(0.0) as usize).min(self.plan.rows);
        self.found.clear();
        for row in 0..rows {
            let score = scores.get(row);
            let [top, left, bottom, right] = [0, 1, 2, 3].map(|k| boxes.get(4 * row + k));
            let corners = [left * width, top * height, right * width, bottom * height];
            if score >= self.min_score && corners.iter().all(|c| c.is_finite()) {
                let class = (classes.get(row) as i32 + self.plan.offset).clamp(0, i32::from(u16::MAX)) as u16;
                self.found.push(ScoredBox { score, class, row: row as u32, corners });
            }
        }
        nms::rank(&mut self.found, self.plan.most);
        for found in &self.found {
            let [x0, y0, x1, y1] = found.corners;
            let value = Value::Object { rect: placement.rect(x0, y0, x1, y1), points: heapless::Vec::new() };
            let label = self.labels.of(usize::from(found.class));
            output.add(Prediction { class: found.class, label, score: found.score, value });
        }
    }
}

//! Classification: one score a class for the whole picture, [1, classes].

use std::cmp::Ordering;

use crate::{Decode, Misfits, Session};
use crate::{Prediction, PredictionSink, Value};
use ocellus_image::{Dtype, Placement};

use super::values::Values;
use super::{Facts, Labels, only, shown};

#[derive(Clone, Debug)]
pub(crate) struct ClassifyPlan {
    pub classes: usize,
    top_k: usize,
    pub(super) min_score: f32,
    softmax: bool,
}

impl ClassifyPlan {
    pub fn new(facts: &Facts<'_>) -> Result<ClassifyPlan, Misfits> {
        let wanted = "one tensor of scores, [1, classes]";
        let output = only(facts.outputs, wanted)?;
        let classes = output.shape.last().copied().unwrap_or(0);
        if classes < 2 || classes != output.len() || matches!(output.dtype, Dtype::I32 | Dtype::I64) {
            return Err(Misfits::one(format!("{} {:?}: expected {wanted}", shown(output), output.dtype)));
        }
        if classes > usize::from(u16::MAX) {
            return Err(Misfits::one(format!("{}: at most 65535 classes", shown(output))));
        }
        Ok(ClassifyPlan {
            classes,
            top_k: facts.card.top_k.unwrap_or(5).clamp(1, classes),
            min_score: facts.card.min_score.unwrap_or(0.0),
            softmax: facts.card.logits.unwrap_or(false),
        })
    }
}

pub(crate) struct ClassifyDecoder {
    plan: ClassifyPlan,
    labels: Labels,
    min_score: f32,
    scores: Vec<(f32, u16)>,
}

impl ClassifyDecoder {
    pub fn new(plan: ClassifyPlan, labels: Labels, min_score: Option<f32>) -> ClassifyDecoder {
        let min_score = min_score.unwrap_or(plan.min_score);
        ClassifyDecoder { labels, min_score, scores: Vec::with_capacity(plan.classes), plan }
    }
}

impl Decode for ClassifyDecoder {
    fn decode(&mut self, session: &dyn Session, _: &Placement, output: &mut dyn PredictionSink) {
        let values = Values::of(session, 0);
        self.scores.clear();
        self.scores.extend((0..self.plan.classes).map(|i| (values.get(i), i as u16)));
        if self.plan.softmax {
            softmax(&mut self.scores);
        }
        let best_first = |a: &(f32, u16), b: &(f32, u16)| {
            b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal).then(a.1.cmp(&b.1))
        };
        if self.plan.top_k < self.scores.len() {
            self.scores.select_nth_unstable_by(self.plan.top_k, best_first);
            self.scores.truncate(self.plan.top_k);
        }
        self.scores.sort_unstable_by(best_first);
        for &(score, class) in self.scores.iter().filter(|(score, _)| *score >= self.min_score) {
            let label = self.labels.of(usize::from(class));
            output.add(Prediction { class, label, score, value: Value::Class });
        }
    }
}

fn softmax(scores: &mut [(f32, u16)]) {
    let most = scores.iter().fold(f32::NEG_INFINITY, |most, s| most.max(s.0));
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        score.0 = (score.0 - most).exp();
        sum += score.0;
    }
    scores.iter_mut().for_each(|score| score.0 /= sum);
}

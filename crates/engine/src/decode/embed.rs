//! Embedding: a vector that is compared with others by cosine.

use crate::Embedding;
use crate::{Decode, Misfits, Session};
use crate::{MAX_EMBEDDING, PredictionSink};
use ocellus_image::{Dtype, Placement};

use super::values::Values;
use super::{Facts, only, shown};

#[derive(Clone, Debug)]
pub(crate) struct EmbedPlan {
    length: usize,
    kind: Embedding,
}

impl EmbedPlan {
    pub fn new(facts: &Facts<'_>) -> Result<EmbedPlan, Misfits> {
        let wanted = format!("one vector, [1, 2 to {MAX_EMBEDDING}]");
        let output = only(facts.outputs, &wanted)?;
        let length = output.shape.last().copied().unwrap_or(0);
        let fits = (2..=MAX_EMBEDDING).contains(&length) && length == output.len();
        if !fits || matches!(output.dtype, Dtype::I32 | Dtype::I64) {
            return Err(Misfits::one(format!("{} {:?}: expected {wanted}", shown(output), output.dtype)));
        }
        Ok(EmbedPlan { length, kind: facts.card.embedding.unwrap_or_default() })
    }
}

pub(crate) struct EmbedDecoder {
    plan: EmbedPlan,
}

impl EmbedDecoder {
    pub fn new(plan: EmbedPlan) -> EmbedDecoder {
        EmbedDecoder { plan }
    }
}

impl Decode for EmbedDecoder {
    fn decode(&mut self, session: &dyn Session, _: &Placement, output: &mut dyn PredictionSink) {
        let values = Values::of(session, 0);
        let embedding = output.embedding();
        embedding.clear();
        embedding.extend((0..self.plan.length).map(|i| values.get(i)));
        let length = embedding.iter().map(|v| v * v).sum::<f32>().sqrt();
        if self.plan.kind == Embedding::Unit && length > 0.0 {
            embedding.iter_mut().for_each(|v| *v /= length);
        }
    }
}

//! Embedding: a vector that is compared with others by cosine.

use crate::Embedding;
use crate::{Decode, Faults, Session};
use crate::{MAX_EMBEDDING, Output};
use ocellus_image::{Dtype, Placement};

use super::values::Values;
use super::{Facts, only, shown};

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    length: usize,
    kind: Embedding,
}

impl Plan {
    pub fn new(facts: &Facts<'_>) -> Result<Plan, Faults> {
        let wanted = format!("one vector, [1, 2 to {MAX_EMBEDDING}]");
        let output = only(facts.outputs, &wanted)?;
        let length = output.shape.last().copied().unwrap_or(0);
        let fits = (2..=MAX_EMBEDDING).contains(&length) && length == output.len();
        if !fits || matches!(output.dtype, Dtype::I32 | Dtype::I64) {
            return Err(Faults::one(format!("{} {:?}: expected {wanted}", shown(output), output.dtype)));
        }
        Ok(Plan { length, kind: facts.card.embedding.unwrap_or_default() })
    }
}

pub(crate) struct Embed {
    plan: Plan,
}

impl Embed {
    pub fn new(plan: Plan) -> Embed {
        Embed { plan }
    }
}

impl Decode for Embed {
    fn decode(&mut self, session: &dyn Session, _: &Placement, output: &mut dyn Output) {
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

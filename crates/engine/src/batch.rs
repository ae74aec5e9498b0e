//! A model that takes several pictures at once, seen one picture at a time.

use super::{Misfits, RunError, Session, TensorInfo};
use ocellus_runtime::RunState;

/// Most pictures that a model takes at once.
pub const MAX_BATCH: usize = 16;

/// A session of a model whose first dimension is a batch of 1 or more. Its tensors are those of one slot, as if the
/// batch were 1: fill the slots one after the other, run, read them one after the other.
pub struct Batched {
    inner: Box<dyn Session>,
    batch: usize,
    slot: usize,
    infos: [Vec<TensorInfo>; 2],
}

impl Batched {
    pub(super) fn new(inner: Box<dyn Session>, batch: usize, infos: [Vec<TensorInfo>; 2]) -> Batched {
        Batched { inner, batch, slot: 0, infos }
    }

    /// How many pictures it takes at once.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Goes to slot `slot`.
    ///
    /// # Panics
    /// When `slot` is not below [`Batched::batch`].
    pub fn select(&mut self, slot: usize) {
        assert!(slot < self.batch, "slot {slot} of {}", self.batch);
        self.slot = slot;
    }
}

impl Session for Batched {
    fn inputs(&self) -> &[TensorInfo] {
        &self.infos[0]
    }

    fn outputs(&self) -> &[TensorInfo] {
        &self.infos[1]
    }

    fn input_mut(&mut self, index: usize) -> &mut [u8] {
        let bytes = self.inner.input_mut(index);
        let each = bytes.len() / self.batch;
        &mut bytes[self.slot * each..][..each]
    }

    fn run(&mut self) -> Result<(), RunError> {
        self.inner.run()
    }

    fn output(&self, index: usize) -> &[u8] {
        let bytes = self.inner.output(index);
        let each = bytes.len() / self.batch;
        &bytes[self.slot * each..][..each]
    }

    fn run_state(&self) -> RunState {
        self.inner.run_state()
    }
}

/// The batch of a model with these inputs: the first dimension where there is one input, of pictures.
pub(super) fn batch_of(inputs: &[TensorInfo]) -> Result<usize, Misfits> {
    let [TensorInfo { name, shape, .. }] = inputs else { return Ok(1) };
    match shape[..] {
        [batch, _, _, _] if batch > MAX_BATCH => Err(Misfits::one(format!(
            "input {name} {shape:?}: a batch of {batch} is more than {MAX_BATCH}; convert the model with a smaller one"
        ))),
        [batch, _, _, _] => Ok(batch.max(1)),
        _ => Ok(1),
    }
}

/// The tensors of one slot: their first dimension becomes 1.
pub(super) fn slot_of(infos: &[TensorInfo], batch: usize) -> Result<Vec<TensorInfo>, Misfits> {
    if batch == 1 {
        return Ok(infos.to_vec());
    }
    let slot = |info: &TensorInfo| match info.shape.first() {
        Some(first) if *first == batch => {
            let mut slot = info.clone();
            slot.shape[0] = 1;
            Ok(slot)
        }
        _ => Err(Misfits::one(format!(
            "tensor {} {:?}: the model takes {batch} pictures at once, and this tensor is not one for each",
            info.name, info.shape
        ))),
    };
    infos.iter().map(slot).collect()
}

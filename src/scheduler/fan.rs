//! Where a stage sends items for other stages: regions of the frame it works on.

use std::collections::VecDeque;
use std::sync::Arc;

use super::board::Stage;

/// A station's way to hand on items. An inbox that is full never blocks and never drops: the item
/// stays with the worker that made it and is run next, where that worker has a station for it.
pub struct Fan<'a, I> {
    pub(super) stages: &'a [Arc<Stage<I>>],
    pub(super) kept: &'a mut VecDeque<(Arc<Stage<I>>, I)>,
    pub(super) emitted: usize,
}

impl<I> Fan<'_, I> {
    /// Sends `item` to the stage called `stage`; gives it back where there is no such stage.
    pub fn emit(&mut self, stage: &str, item: I) -> Result<(), I> {
        let Some(stage) = self.stages.iter().find(|known| &*known.rank.name == stage) else {
            return Err(item);
        };
        if let Err(item) = stage.inbox.push(item) {
            self.kept.push_back((stage.clone(), item));
        } else {
            self.emitted += 1;
        }
        Ok(())
    }
}

//! Acquisitions that have their frame, as work that waits.

use std::sync::Arc;

use super::PartLane;
use crate::pipeline::{Item, PartItem, lock};
use crate::scheduler::Feed;

/// Step 3: the acquisitions of one product as a feed of the scheduler.
pub struct PartFeed {
    /// The lane.
    pub lane: Arc<PartLane>,
    /// The stage that is fed: acquisitions of a former product go to that product's own.
    pub stage: Arc<str>,
}

impl Feed<Item> for PartFeed {
    fn take(&self) -> Option<Item> {
        let chosen = &mut lock(&self.lane.state).chosen;
        // Those of a former product, which its own stage takes, may stand before ours.
        let at = chosen.iter().position(|acquisition| acquisition.pulled.product.stage == self.stage)?;
        Some(Item::Part(PartItem::new(chosen.remove(at)?)))
    }

    fn waiting(&self) -> usize {
        let chosen = &lock(&self.lane.state).chosen;
        chosen.iter().filter(|acquisition| acquisition.pulled.product.stage == self.stage).count()
    }
}

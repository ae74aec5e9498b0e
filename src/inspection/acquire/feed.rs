//! Offers the scheduler acquisitions that have their frame, and their regions.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::PartLane;
use crate::inspection::part::PartItem;
use crate::ring::Bell;
use crate::scheduler::Feed;

/// Step 3: a feed of the acquisitions of one product and of the regions of those that were begun.
pub struct PartFeed {
    lane: Arc<PartLane>,
    /// The stage that this feed serves; acquisitions of a former product go to that product's stage.
    stage: Arc<str>,
    regions: Arc<Regions>,
}

/// Regions that wait for a worker, sent by the worker that found their part.
pub(in crate::inspection) struct Regions {
    waiting: Mutex<VecDeque<PartItem>>,
    bell: Arc<Bell>,
}

impl Regions {
    /// Queues `items` and wakes all free workers to run them.
    pub(in crate::inspection) fn send(&self, items: impl Iterator<Item = PartItem>) {
        self.waiting.lock().extend(items);
        self.bell.ring_all();
    }
}

impl PartFeed {
    /// A feed of those acquisitions of `lane` whose product names `stage`. Memory for `regions` regions is
    /// allocated now.
    pub fn new(lane: Arc<PartLane>, stage: Arc<str>, regions: usize) -> PartFeed {
        let waiting = Mutex::new(VecDeque::with_capacity(regions));
        let regions = Arc::new(Regions { waiting, bell: lane.bell.clone() });
        PartFeed { lane, stage, regions }
    }
}

impl Feed<PartItem> for PartFeed {
    fn take(&self) -> Option<PartItem> {
        // Parts that were begun are finished before others begin.
        if let Some(region) = self.regions.waiting.lock().pop_front() {
            return Some(region);
        }
        let chosen = &mut self.lane.state.lock().chosen;
        // Acquisitions of a former product may come first in the queue; that product's stage takes them.
        let at = chosen.iter().position(|acquisition| acquisition.pulled.product.stage == self.stage)?;
        Some(PartItem::new(chosen.remove(at)?, Arc::downgrade(&self.regions)))
    }

    fn owner(&self) -> &str {
        &self.lane.settings.camera
    }

    fn waiting(&self) -> usize {
        let regions = self.regions.waiting.lock().len();
        let chosen = &self.lane.state.lock().chosen;
        regions + chosen.iter().filter(|acquisition| acquisition.pulled.product.stage == self.stage).count()
    }
}

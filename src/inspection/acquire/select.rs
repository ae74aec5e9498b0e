//! Selects the product that a lane inspects, and blocks triggers while a change of product is pending.

use std::sync::Arc;

use super::PartLane;
use crate::inspection::part::Product;

impl PartLane {
    /// Selects the product from the next trigger on; acquisitions under way keep theirs. Returns the former
    /// product.
    pub fn select(&self, product: Arc<Product>) -> Option<Arc<Product>> {
        let mut state = self.state.lock();
        if state.promised == 0 {
            state.blocked = None;
        }
        state.product.replace(product)
    }

    /// Announces a change of product. Until every announced change is settled, triggers end as `error` with
    /// this cause, because a part must not be judged by another recipe than the plant believes.
    pub fn promise(&self, cause: &str) {
        let mut state = self.state.lock();
        state.promised += 1;
        state.blocked = Some(cause.into());
    }

    /// Settles one announced change: `None` where it succeeded, else the cause of its failure, with which
    /// triggers end as `error` until a product is selected.
    pub fn settle(&self, cause: Option<&str>) {
        let mut state = self.state.lock();
        state.promised = state.promised.saturating_sub(1);
        if state.promised == 0 {
            state.blocked = cause.map(Arc::from);
        }
    }

    /// Whether triggers end as `error` because a change of product is pending or has failed.
    pub fn is_blocked(&self) -> bool {
        self.state.lock().blocked.is_some()
    }

    /// The product that is selected, or `None` before the first selection.
    pub fn product(&self) -> Option<Arc<Product>> {
        self.state.lock().product.clone()
    }
}

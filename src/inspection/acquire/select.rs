//! What the triggers of a lane mean: its product, and whether it may be judged by now.

use std::sync::Arc;

use super::{PartLane, lock};
use crate::inspection::part::Product;

impl PartLane {
    /// What is inspected from the next trigger on; what is under way ends as it began. Gives the former product.
    pub fn select(&self, product: Arc<Product>) -> Option<Arc<Product>> {
        let mut state = lock(&self.state);
        if state.promised == 0 {
            state.blocked = None;
        }
        state.product.replace(product)
    }

    /// A product was promised to whoever pulls the triggers. Until it is settled, and every other that was promised,
    /// triggers end as `error` with this cause: a part must not be judged by a recipe that the plant believes to be
    /// another.
    pub fn promise(&self, cause: &str) {
        let mut state = lock(&self.state);
        state.promised += 1;
        state.blocked = Some(cause.into());
    }

    /// A promise was kept (`None`), or why it was not: then triggers end as `error` until a product is selected.
    pub fn settle(&self, cause: Option<&str>) {
        let mut state = lock(&self.state);
        state.promised = state.promised.saturating_sub(1);
        if state.promised == 0 {
            state.blocked = cause.map(Arc::from);
        }
    }

    /// Whether triggers end as `error` because of a promise.
    pub fn is_blocked(&self) -> bool {
        lock(&self.state).blocked.is_some()
    }

    /// The product that is selected.
    pub fn product(&self) -> Option<Arc<Product>> {
        lock(&self.state).product.clone()
    }
}

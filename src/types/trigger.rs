//! The interface between a trigger and its camera's inspection: neither of the two domains knows the other.

use std::sync::Arc;
use std::time::Duration;

use super::{Explanation, OnComplete, Pulled, Rejected, Stamp, TargetState, Trigger};

/// Receives triggers. Each camera that inspects has one target; none of its calls may block.
pub trait TriggerTarget: Send + Sync {
    /// Takes a trigger. `moment` is `trigger.at` moved by the configured delay: the time whose frame is
    /// wanted.
    ///
    /// Every call begins an acquisition with the next number. `on_complete` is called exactly once at its
    /// end, from any thread, perhaps before this returns.
    fn pull(&self, trigger: Trigger, moment: Stamp, on_complete: Option<Arc<dyn OnComplete>>) -> Pulled;

    /// Selects the product for the triggers that follow.
    ///
    /// # Errors
    /// [`NotSelected`], whose text is one line for the port.
    fn select(&self, product: &str) -> Result<(), NotSelected>;

    /// The target's present state, for `READY?` and `STATUS?`.
    fn state(&self) -> TargetState;

    /// Reports input that was not a trigger and lines that could not be written, since the last call.
    fn rejected(&self, name: &str, rejected: &Rejected);

    /// Reports that the port of the trigger `name` was opened or lost; called once for each change.
    fn port(&self, name: &str, state: PortState);
}

/// Why a product is not selected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSelected {
    /// The camera has no section `inspect`, or is being reconfigured.
    #[error("the camera does not inspect")]
    NotInspecting,
    /// The recipe is missing, or has a fault: the first one.
    #[error("{0}")]
    Recipe(Explanation),
    /// The queue of requests is full.
    #[error("too many requests wait; try again later")]
    Busy,
}

/// Whether a trigger's port is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortState {
    /// The port is open and read.
    Open,
    /// The port is absent, refused or unplugged, and is retried indefinitely.
    Away {
        /// Why, and what to do next.
        cause: Explanation,
        /// The pause before the next attempt.
        next_try: Duration,
    },
}

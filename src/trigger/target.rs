//! The target: what a trigger asks of its camera's inspection, whoever does it.

use std::sync::Arc;
use std::time::Duration;

use crate::types::{OnComplete, Pulled, Rejected, Stamp, TargetState, Trigger};

/// Where triggers are pulled. One target stands before each camera that inspects; none of its calls may block.
pub trait TriggerTarget: Send + Sync {
    /// Takes a trigger. `moment` is `trigger.at` moved by the configured delay: the time whose frame is wanted.
    ///
    /// Every call begins an acquisition, with the next number, and `ended` is told its end exactly once, from any
    /// thread, perhaps before this returns.
    fn pull(&self, trigger: Trigger, moment: Stamp, on_complete: Option<Arc<dyn OnComplete>>) -> Pulled;

    /// Selects the product for the triggers that follow. Errors: why not, in words for the line (one line, ASCII).
    fn select(&self, product: &str) -> Result<(), String>;

    /// The target's present state, for `READY?` and `STATUS?`.
    fn state(&self) -> TargetState;

    /// What came on the line and was no trigger, and what could not be written; since the last call.
    fn rejected(&self, name: &str, rejected: &Rejected);

    /// The port of the trigger `name` was opened or lost. Told at each change.
    fn port(&self, name: &str, state: PortState);
}

/// Whether a trigger's port is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortState {
    /// The port is open and read.
    Open,
    /// It is absent, refused or unplugged, and is tried again for ever.
    Away {
        /// Why, and what to do.
        cause: String,
        /// The pause before the next try.
        next_try: Duration,
    },
}

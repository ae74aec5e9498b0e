//! The target: what a trigger asks of its camera's inspection, whoever does it.

use std::sync::Arc;
use std::time::Duration;

use super::ledger::Counts;
use crate::types::{AcquisitionId, Label, OnComplete, Stamp, Trigger};

/// Where triggers are pulled. One target stands before each camera that inspects; none of its calls may block.
pub trait TriggerTarget: Send + Sync {
    /// Takes a trigger. `moment` is `trigger.at` moved by the configured delay: the time whose frame is wanted.
    ///
    /// Every call begins an acquisition, with the next number, and `ended` is told its end exactly once, from any
    /// thread, perhaps before this returns.
    fn pull(&self, trigger: Trigger, moment: Stamp, on_complete: Option<Arc<dyn OnComplete>>) -> Pulled;

    /// Selects the product for the triggers that follow. Errors: why not, in words for the line (one line, ASCII).
    fn select(&self, product: &str) -> Result<(), String>;

    /// How things stand.
    fn state(&self) -> TargetState;

    /// What came on the line and was no trigger, and what could not be written; since the last call.
    fn rejected(&self, name: &str, rejected: &Rejected);

    /// The port of the trigger `name` was opened or lost. Told at each change.
    fn port(&self, name: &str, state: PortState);
}

/// What became of a pull at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The acquisition's number.
    pub id: AcquisitionId,
    /// Whether it is under way; false where it ended as overrun or missed at once (its end is told all the same).
    pub taken: bool,
}

/// How things stand at a target, in the words of smart cameras.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetState {
    /// Trigger ready: the next one would be taken.
    pub ready: bool,
    /// The product that is selected; `None` before the first.
    pub product: Option<Label>,
    /// Trigger acknowledged: the last acquisition that was taken; 0 before the first.
    pub acknowledged: AcquisitionId,
    /// Results valid: the last acquisition whose end was told; 0 before the first.
    pub valid: AcquisitionId,
    /// What became of all triggers.
    pub counts: Counts,
}

/// What was heard and was no trigger, and what was to be said and could not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// Triggers within the debounce time of the one before.
    pub debounced: u64,
    /// Lines that are no request (unknown, too long, not ASCII), bytes that are not the byte.
    pub garbage: u64,
    /// Lines that began and never ended.
    pub half_lines: u64,
    /// Lines that were not written: the port did not take them, or the trigger's connection was gone.
    pub undelivered: u64,
}

impl Rejected {
    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        *self == Rejected::default()
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Rejected) {
        self.debounced += other.debounced;
        self.garbage += other.garbage;
        self.half_lines += other.half_lines;
        self.undelivered += other.undelivered;
    }
}

/// Whether a trigger's port is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortState {
    /// It listens.
    Open,
    /// It is absent, refused or unplugged, and is tried again for ever.
    Away {
        /// Why, and what to do.
        cause: String,
        /// The pause before the next try.
        next_try: Duration,
    },
}

//! Triggers: a serial port or a timer pulls a trigger, the camera's target takes it, and the verdict is
//! written back.
//!
//! ```text
//!  port.rs ──bytes, edges──▶ protocol.rs ──requests──▶ dialogue.rs ──pull──▶ target (the camera's inspection)
//!  (the only I/O)                         debounce.rs      │                  │  ledger: every trigger ends once
//!          ◀──lines── out.rs ◀────────────────────── answer.rs ◀────────ended──┘
//! ```

mod answer;
mod debounce;
mod dialogue;
mod error;
mod out;
mod port;
mod protocol;
#[cfg(test)]
mod protocol_tests;
mod timer;
mod tty;

use std::sync::Arc;

pub use crate::types::{
    Counts, NotSelected, PortState, Processing, Pulled, Rejected, TargetState, TriggerTarget,
};
pub use error::TriggerError;

use crate::config;
use crate::config::trigger::Source;
use crate::supervisor::{Beat, Stop};
use crate::types::Clock;

/// Runs one trigger until `stop`: pulls at `target`, and writes what is answered to the port. Blocks its
/// thread.
///
/// The delay of `settings` does not block this thread: the target receives the moment whose frame is wanted,
/// so the port is read all the time. At the end, verdicts of earlier triggers are awaited for one second and
/// written.
pub fn run(
    settings: &config::TriggerConfig,
    target: &Arc<dyn TriggerTarget>,
    clock: &dyn Clock,
    stop: &Stop,
    beat: &Beat,
) -> Result<(), TriggerError> {
    match &settings.source {
        Source::Serial(serial) => port::run(settings, serial, target, clock, stop, beat),
        Source::Timer { every } => {
            timer::run(settings, *every, target, clock, stop, beat);
            Ok(())
        }
    }
}

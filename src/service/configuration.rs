//! The configuration of the running service: where it comes from, and which of its parts are in force.

use parking_lot::Mutex;

use super::boot::{Basis, Boot};
use super::change::Part;
use super::{Options, last_applied};
use crate::config::InForce;
use crate::supervisor::Stop;
use crate::telemetry::Log;
use crate::types::Refusal;

/// The configuration of the running service.
pub(super) struct Configuration {
    pub(super) options: Options,
    /// After a change that failed in part it holds the old settings of those parts.
    pub(super) in_force: InForce,
    /// What the service was started from.
    pub(super) basis: Basis,
    /// Parts whose last change failed half-way: they match neither the old nor the new file.
    pub(super) unsettled: Mutex<Vec<Part>>,
    /// Stopped to build the service again from its file.
    pub(super) anew: Stop,
    /// Stopped to end the service.
    pub(super) whole: Stop,
    /// The log, whose level is part of the configuration.
    pub(super) logging: Log,
}

impl Configuration {
    /// The configuration of `boot`; `whole` ends the service, and a child of it this start.
    pub(super) fn new(options: &Options, boot: &Boot, logging: Log, whole: &Stop) -> Configuration {
        Configuration {
            options: options.clone(),
            in_force: InForce::new(boot.config.clone()),
            basis: boot.basis,
            unsettled: Mutex::default(),
            anew: whole.child(),
            whole: whole.clone(),
            logging,
        }
    }

    /// Stores the configuration in force; the next start falls back to it.
    pub(super) fn keep_as_applied(&self) {
        let config = self.in_force.get();
        let file = self.options.config.as_deref();
        if let Err(error) = last_applied::save(&config.device.state_dir, &config, file) {
            let dir = config.device.state_dir.display();
            tracing::warn!(
                "the configuration in force cannot be kept in {dir} for a start without its file: {error}"
            );
        }
    }

    /// The refusal of a reload that changed nothing, because of `reason`.
    pub(super) fn unchanged(&self, reason: &str) -> Refusal {
        match self.basis {
            Basis::Bare => format!("no camera runs, because no configuration can be used: {reason}").into(),
            _ => format!("the old configuration stays in force: {reason}").into(),
        }
    }
}

//! The errors of the supervisor, worded for a person who reads the log.

use std::sync::Arc;
use std::time::Duration;

use ocellus_text::Explanation;

use super::spawn::SpawnError;

/// Why the supervisor refused a change, or why it ended the service.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// A unit was added under a name that another unit has.
    #[error("there is already a unit {0}; remove it first")]
    Known(Arc<str>),
    /// The name belongs to no unit.
    #[error("there is no unit {name}; there are: {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names of all units, separated by commas.
        known: String,
    },
    /// The unit was asked to stop and made no progress for the drain time.
    #[error(
        "unit {0} does not stop: no progress for {1:?}; it may hold a device or a lock, and is not started again before it has ended"
    )]
    StillRunning(Arc<str>, Duration),
    /// Another change of the unit took too long.
    #[error("unit {0} is being restarted or replaced already; try again when that has ended")]
    Busy(Arc<str>),
    /// The service is shutting down, so no unit is started any more.
    #[error("the service is stopping; no unit {0} is started any more")]
    Stopping(Arc<str>),
    /// The unit's thread could not be started.
    #[error("unit {unit}: {source}")]
    Spawn {
        /// The name of the unit that is meant.
        unit: Arc<str>,
        /// Why the thread did not start.
        source: SpawnError,
    },
    /// An essential unit was given up, which ends the process.
    #[error("essential unit {unit} was given up: {cause}")]
    Essential {
        /// The name of the unit that is meant.
        unit: Arc<str>,
        /// The unit's last failure, with all causes.
        cause: Explanation,
    },
    /// All work is over, and part of it failed.
    #[error("all work is over, and {} failed: {cause}", .units.join(", "))]
    Work {
        /// The names of the units that failed.
        units: Vec<String>,
        /// The last failure of the first of them.
        cause: Explanation,
    },
}

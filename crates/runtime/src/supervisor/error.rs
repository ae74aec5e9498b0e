//! What the supervisor could not do, in words for people.

use std::sync::Arc;
use std::time::Duration;

use super::spawn::SpawnError;

/// What the supervisor could not do, or why it ended.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Two units of one name.
    #[error("there is already a unit {0}; remove it first")]
    Known(Arc<str>),
    /// No unit of that name.
    #[error("there is no unit {name}; there are: {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are.
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
    /// The service is ending.
    #[error("the service is stopping; no unit {0} is started any more")]
    Stopping(Arc<str>),
    /// The unit's thread could not be started.
    #[error("unit {unit}: {source}")]
    Spawn {
        /// The unit.
        unit: Arc<str>,
        /// Why.
        source: SpawnError,
    },
    /// An essential unit was given up.
    #[error("essential unit {unit} was given up: {cause}")]
    Essential {
        /// The unit.
        unit: Arc<str>,
        /// Its last failure.
        cause: String,
    },
    /// All work is over, and part of it failed.
    #[error("all work is over, and {} failed: {cause}", .units.join(", "))]
    Work {
        /// The units that failed.
        units: Vec<String>,
        /// The first one's last failure.
        cause: String,
    },
}

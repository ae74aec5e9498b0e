//! Errors that end a trigger's unit. An absent or unplugged port is not one: it is reported as a state and
//! retried.

use std::path::PathBuf;

use crate::types::Explanation;

/// Why a trigger cannot run.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum TriggerError {
    /// An edge of a modem line was configured for a port without modem lines.
    NoModemLines {
        /// The configured name of the trigger.
        name: String,
        /// The path of its port.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The system provides no event queue.
    Runtime {
        /// The configured name of the trigger.
        name: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

impl TriggerError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            TriggerError::NoModemLines { name, path, source } => Explanation::new(
                format!("trigger {name}: {} has no modem lines ({source})", path.display()),
                "pseudo-terminals and some USB adapters have none: use protocol = \"line\" or \"byte\", or another port",
            ),
            TriggerError::Runtime { name, source } => Explanation::new(
                format!("trigger {name}: no event queue for the port: {source}"),
                "raise LimitNOFILE or free memory",
            ),
        }
    }
}

impl TriggerError {
    /// Whether a retry would fail again in the same way.
    pub fn is_lasting(&self) -> bool {
        matches!(self, TriggerError::NoModemLines { .. })
    }
}

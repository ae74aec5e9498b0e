//! What ends a trigger's unit. A port that is absent or unplugged does not: it is told as a state and tried again.

use std::path::PathBuf;

/// Why a trigger cannot run.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// A port without modem lines was asked for an edge of one.
    #[error(
        "trigger {name}: {} has no modem lines ({source}); pseudo-terminals and some USB adapters have none: \
         use protocol = \"line\" or \"byte\", or another port",
        path.display()
    )]
    NoModemLines {
        /// The configured name of the trigger.
        name: String,
        /// The path of its port.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system gives no event queue.
    #[error("trigger {name}: no event queue for the port: {source}; raise LimitNOFILE or free memory")]
    Runtime {
        /// The configured name of the trigger.
        name: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl TriggerError {
    /// Whether another try would only repeat it.
    pub fn is_lasting(&self) -> bool {
        matches!(self, TriggerError::NoModemLines { .. })
    }
}

//! Why the service could not start, or ended with an error.

use std::path::PathBuf;

use crate::config::Faults;
use crate::engine::EngineError;
use crate::pipeline::DetectionError;
use crate::recognition::RecognitionError;
use crate::scheduler::ExecutorError;
use crate::store::StoreError;
use crate::supervisor::{SignalError, SpawnError, SupervisorError};
use crate::telemetry::LogError;

/// Why the service could not start, or ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The configuration has faults.
    #[error(transparent)]
    Config(#[from] Faults),
    /// The runtime or a model cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A model cannot be loaded on a worker.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The state directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A unit could not be started, or an essential one was given up.
    #[error(transparent)]
    Supervisor(#[from] SupervisorError),
    /// A thread could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[from] SignalError),
    /// The file for the number of the process cannot be written.
    #[error("the pid file {} cannot be written: {source}; name another with --pid-file", .path.display())]
    PidFile {
        /// The path of the file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The new log level cannot be set.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Units that did not end within the drain time.
    #[error("{} did not end within the drain time; they end with the process", .0.join(", "))]
    Drain(Vec<String>),
}

impl ServiceError {
    /// Whether a model of the configuration, or the runtime that it needs, cannot be used.
    pub(super) fn is_of_a_model(&self) -> bool {
        matches!(self, ServiceError::Engine(_) | ServiceError::Executor(_))
    }
}

impl From<DetectionError> for ServiceError {
    fn from(error: DetectionError) -> ServiceError {
        match error {
            DetectionError::Engine(error) => ServiceError::Engine(error),
            DetectionError::Executor(error) => ServiceError::Executor(error),
        }
    }
}

impl From<RecognitionError> for ServiceError {
    fn from(error: RecognitionError) -> ServiceError {
        match error {
            RecognitionError::Engine(error) => ServiceError::Engine(error),
            RecognitionError::Executor(error) => ServiceError::Executor(error),
        }
    }
}

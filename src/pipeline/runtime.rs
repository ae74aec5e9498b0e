//! The inference runtime, opened when the first model needs it and then shared by all domains.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::engine::{EngineError, Runtime, RuntimeSettings};

/// The inference runtime of the service. It is opened once and stays the same until the service ends.
#[derive(Debug, Default)]
pub struct SharedRuntime(Mutex<Option<Arc<Runtime>>>);

impl SharedRuntime {
    /// The runtime, opened with `settings` if it is not open yet.
    ///
    /// # Errors
    /// Those of [`Runtime::open`].
    pub fn open(&self, settings: &RuntimeSettings) -> Result<Arc<Runtime>, EngineError> {
        let mut runtime = self.0.lock();
        if let Some(runtime) = &*runtime {
            return Ok(runtime.clone());
        }
        let opened = Arc::new(Runtime::open(settings)?);
        tracing::info!("inference runtime: {}", opened.describe());
        *runtime = Some(opened.clone());
        Ok(opened)
    }

    /// The name of the runtime, and its version if it reports one; empty before a model was loaded.
    pub fn name(&self) -> String {
        self.0.lock().as_ref().map(|runtime| runtime.describe()).unwrap_or_default()
    }
}

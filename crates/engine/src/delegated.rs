//! What an accelerator takes of a model, compared with what the configuration asks for.

use std::sync::OnceLock;

use super::{Coverage, DelegateSettings, RuntimeError};

/// A model's accelerator, and what it took when the first session was built.
#[derive(Debug)]
pub(crate) struct Accelerated {
    pub settings: DelegateSettings,
    coverage: OnceLock<Coverage>,
}

impl Accelerated {
    pub fn new(settings: &DelegateSettings) -> Accelerated {
        Accelerated { settings: settings.clone(), coverage: OnceLock::new() }
    }

    /// Notes what the accelerator took of a session.
    ///
    /// # Errors
    /// [`RuntimeError::Coverage`] if it is less than the configuration asks for.
    pub fn took(&self, coverage: Coverage) -> Result<(), RuntimeError> {
        let coverage = *self.coverage.get_or_init(|| coverage);
        if coverage.share() >= self.settings.min_coverage {
            return Ok(());
        }
        let min_percent = (self.settings.min_coverage * 100.0).round() as u32;
        Err(RuntimeError::Coverage { library: self.settings.library.clone(), coverage, min_percent })
    }

    /// What it took; `None` before the first session.
    pub fn coverage(&self) -> Option<Coverage> {
        self.coverage.get().copied()
    }

    /// Why a runtime that takes no external delegates cannot run the model.
    pub fn untaken(&self, runtime: &str) -> RuntimeError {
        let cause = format!("the runtime {runtime} takes no external delegates");
        RuntimeError::Delegate { library: self.settings.library.clone(), cause: Box::new(cause.into()) }
    }
}

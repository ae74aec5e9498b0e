//! The configuration in force, which a reload replaces while other threads read it.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Config;

/// The configuration in force. Clones share it, and [`InForce::get`] sees every change.
#[derive(Clone, Debug)]
pub struct InForce(Arc<Mutex<Arc<Config>>>);

impl InForce {
    /// Puts `config` into force.
    pub fn new(config: Config) -> InForce {
        InForce(Arc::new(Mutex::new(Arc::new(config))))
    }

    /// The configuration that is in force now.
    pub fn get(&self) -> Arc<Config> {
        self.0.lock().clone()
    }

    /// Replaces the configuration in force.
    pub fn set(&self, config: Config) {
        *self.0.lock() = Arc::new(config);
    }
}

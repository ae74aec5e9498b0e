//! Supervision: units that can be built again, a restart policy, the stop token, systemd's watchdog.

mod beat;
mod claim;
mod cores;
mod drain;
mod error;
mod manager;
pub mod notify;
mod policy;
mod priority;
mod registry;
mod settings;
mod signals;
mod slice;
mod spawn;
mod stop;
#[cfg(test)]
mod tests;
mod unit;
pub mod watchdog;

pub use beat::Beat;
pub use claim::Claim;
pub use cores::usable_cores;
pub use error::SupervisorError;
pub use manager::{pid_namespace, systemd_unit};
pub use policy::{Decision, RestartPolicy};
pub use priority::lower_priority;
pub use registry::{Ended, Supervisor};
pub use settings::Settings;
pub use signals::{Interrupts, SignalError, Signals};
pub use slice::time_slice;
pub use spawn::{JoinError, SpawnError, Spawned, panic_text, spawn};
pub use stop::Stop;
pub use unit::{State, Unit, UnitContext, UnitError, UnitStatus};

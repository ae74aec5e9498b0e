//! Keeps the parts alive: units that can be built again, a restart policy, the stop token, the watchdog.

mod beat;
mod claim;
mod cores;
mod drain;
mod error;
mod house;
pub mod notify;
mod policy;
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
pub use house::{Ended, Supervisor};
pub use policy::{Decision, Policy};
pub use settings::Settings;
pub use signals::{SignalError, Signals};
pub use slice::time_slice;
pub use spawn::{JoinError, SpawnError, Spawned, panic_text, spawn};
pub use stop::Stop;
pub use unit::{State, Unit, UnitContext, UnitError, UnitStatus};

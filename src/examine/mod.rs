//! Examines the box, with or without a running service: what `ocellus doctor` reports. Each check ends within a bounded
//! time and changes nothing; causes and remedies are those that the service itself reports.
//!
//! ```text
//!  plan.rs      which checks there are: of this machine always, of what a running service holds only without one
//!  run.rs       all at once, each on a thread of its own; one that does not end in time is reported as hanging
//!  live.rs      a running service is asked for its components and alarms, and nothing that it uses is opened
//!  machine/     this machine, as the kernel's files describe it
//!  …            one file for each thing that is examined
//! ```

mod broker;
mod bundle;
mod camera;
mod certificate;
pub mod disk;
mod instances;
mod live;
mod machine;
mod model;
mod plan;
mod port;
mod report;
mod run;
mod state;

pub use bundle::{BundleFacts, BundleInput, write_bundle};
pub use live::{Asked, ask};
pub use machine::Machine;
pub use plan::checks;
pub use report::{CheckResult, Note, Report, Severity};
pub use run::{Check, run};

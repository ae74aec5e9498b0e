//! Telemetry from files and topics: each `[[intake]]` becomes points of named channels, kept in memory and as history on
//! disk, watched for limits and silence.
//!
//! ```text
//!  watching.rs what a thread looks at next: the whole folder, or what the kernel says has changed
//!  folder.rs   a thread for each folder: crates/intake finds and reads the files ─┐
//!  topic.rs    a thread for each topic filter: messages from src/mqtt ────────────┤
//!  record.rs   what a source has read, and its channels
//!  commit.rs   values and cursors of all sources that wait, in one durable batch ◀┘
//!  table.rs    then the newest points in memory, the newest value, staleness, limits
//!  tend.rs     one thread: publishes, raises alarms, removes old history, answers requests
//! ```
//! A share that hangs stops only the thread of its folder.

pub mod command;
mod commit;
mod counters;
mod folder;
mod ledger;
mod limits;
mod publish;
mod record;
mod retention;
mod series;
mod service;
mod source;
mod table;
mod tend;
mod topic;
mod watching;

pub use counters::Totals;
pub use publish::{Report, Way};
pub use service::{IntakeAround, IntakeService};

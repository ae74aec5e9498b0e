//! Commands to instruments: each is sent over TCP, a serial port or MQTT within its limits and its interlock, and
//! its output is turned off in time, whatever becomes of the client, the connection or this process.
//!
//! ```text
//! request ──▶ limits, role ──▶ interlock ──▶ record on disk ──▶ message ──▶ confirmed: on
//!                                                                  └─ not confirmed ──┐
//! off_after_ms, interlock, off, reload, stop, restart ──▶ turning off ◀───────────────┘
//!                                                             └─ repeated until confirmed, with an alarm
//! ```
//! The record is on disk before the first byte is sent, and removed after the output is confirmed to be off. One
//! unit supervises all outputs; messages are futures on its thread, so an instrument that hangs delays no other.

pub mod command;
mod counters;
mod engine;
mod error;
mod inbox;
mod interlock;
mod jobs;
mod link;
mod output;
mod reading;
mod record;
mod records;
mod requests;
mod service;
mod values;

pub use counters::Totals;
pub use error::OutputError;
pub use service::{OutputNote, Outputs, OutputsAround, OutputsHost};

/// The system gives no event queue.
#[derive(Debug, thiserror::Error)]
#[error("commands to instruments need an event queue, and the system gives none: {source}")]
pub struct OutputsError {
    source: std::io::Error,
}

//! MQTT 3.1.1 and 5: publishes what the service reports, and receives commands.
//!
//! ```text
//!  offer_report ─▶ queue ────────────────────────────────▶ ┌ run: one thread ┐
//!  offer_event ──▶ queue ─▶ writer (sled) ─▶ durable ────▶ │  session (pure) │ ─▶ broker
//!  retain, alarm ─▶ retained topics (newest wins) ───────▶ └ connection (I/O)┘ ─▶ commands ─▶ service
//! ```
//!
//! The outbox alone decides what must still be sent. rumqttc encodes and decodes packets; the connection code
//! is our own, because it must skip messages that are too long to read, and find those that a broker refuses.

mod bell;
mod commands;
mod connect;
mod connection;
mod counters;
mod delivery;
mod doubt;
mod fleet;
mod forget;
mod handle;
mod link;
mod message;
mod network;
mod once;
mod oversize;
mod packet;
mod ping;
mod probe;
mod retained;
mod rights;
mod run;
mod session;
mod staging;
mod subscriptions;
mod writer;

pub use connect::check_tls_files;
pub use counters::Totals;
pub use fleet::{FleetAround, run_fleet};
pub use forget::ForgetError;
pub use handle::Mqtt;
pub use link::{Cause, Link, MqttError};
pub use probe::probe;
pub use retained::RaisedAlarm;
pub use run::run;

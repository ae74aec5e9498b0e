//! MQTT 3.1.1 and 5: what the box says to the plant, and what the plant asks of the box.
//!
//! ```text
//! offer_report ─▶ queue ────────────────────────────────▶ ┌ run: one thread ┐
//! offer_event ──▶ queue ─▶ keeper (sled) ─▶ durable ────▶ │  session (pure) │ ─▶ broker
//! retain, alarm ─▶ board (newest wins) ─────────────────▶ └ connection (I/O)┘ ─▶ commands ─▶ app
//! ```
//!
//! The outbox is the only truth about what must still be sent. rumqttc writes and reads packets; the connection is our
//! own, because what is too long to be read must be passed over, and what a broker refuses must be found.

mod bell;
mod commands;
mod connect;
mod connection;
mod counters;
mod doubt;
mod forget;
mod handle;
mod link;
mod message;
mod network;
mod once;
mod oversize;
mod packet;
mod ping;
mod retained;
mod rights;
mod run;
mod session;
mod staging;
mod writer;

pub use counters::Totals;
pub use forget::ForgetError;
pub use handle::Mqtt;
pub use link::{Cause, Link, MqttError};
pub use run::run;

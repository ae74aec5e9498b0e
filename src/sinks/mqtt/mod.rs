//! MQTT by rumqttc: what the box says to the plant, and what the plant asks of the box.
//!
//! ```text
//! offer_report ─▶ queue ────────────────────────────────▶ ┌ run: one thread ┐
//! offer_event ──▶ queue ─▶ keeper (sled) ─▶ durable ────▶ │  session (pure) │ ─▶ broker
//! retain, alarm ─▶ board (newest wins) ─────────────────▶ └ connection (I/O)┘ ─▶ commands ─▶ app
//! ```
//!
//! The outbox is the only truth about what must still be sent. Every connection gets a new rumqttc
//! `EventLoop`, whose own resending is never used: it forgets when the broker does.

mod bell;
mod board;
mod commands;
mod connect;
mod connection;
mod counters;
mod forget;
mod handle;
mod keeper;
mod link;
mod run;
mod session;

pub use counters::Totals;
pub use forget::ForgetError;
pub use handle::Mqtt;
pub use link::{Cause, Link, MqttError};
pub use run::run;

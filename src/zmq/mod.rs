//! The ZeroMQ bridge: a lab whose programs speak ZeroMQ asks for the state (REP), hears of commands (PUB) and pushes
//! data (PULL), without a change of its own.
//!
//! ```text
//!  wire.rs      ZMTP 3.0: greeting, READY, frames within their bounds
//!  serve.rs     listens, lets peers in, and speaks with each
//!  envelope.rs  the JSON of the described system
//!  handle.rs    what the rest of the program holds
//! ```
//! Written by hand, because a peer must not be able to make us take memory; docs/decisions has the reasons.

mod counters;
mod envelope;
mod error;
mod handle;
mod serve;
mod wire;

pub use counters::Totals;
pub use error::ZmqError;
pub use handle::Zmq;
pub use serve::run;

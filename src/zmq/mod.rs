//! The ZeroMQ bridge: programs of a lab that speak ZeroMQ ask for the state (REP), subscribe to what commands do (PUB)
//! and push data (PULL), without being changed.
//!
//! ```text
//!  bind.rs      listens on the addresses, and tries again where that fails
//!  serve.rs     accepts connections, and admits or refuses each peer
//!  speak.rs     speaks with an admitted peer until it leaves
//!  wire.rs      ZMTP 3.0: greeting, READY, frames within their bounds
//!  envelope.rs  the JSON of the described system
//!  handle.rs    what the rest of the program holds
//! ```
//! Written by hand, because a peer must not be able to make the service allocate what it merely announces; the reasons
//! are in docs/decisions.

mod bind;
mod counters;
mod envelope;
mod error;
mod handle;
mod part;
mod peer_log;
mod serve;
mod speak;
mod wire;

pub use bind::probe;
pub use counters::Totals;
pub use error::ZmqError;
pub use handle::Zmq;
pub use serve::run;

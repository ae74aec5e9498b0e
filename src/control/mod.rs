//! The box's own socket: what the command line asks of a service that runs, whose store it holds locked.
//!
//! One JSON object a line each way, a connection for each request: `{"command": "product", "payload": {…}}`, answered
//! by `{"result": …}` or `{"reason", "remedy", "code", "details"}`. Only who may write into the state directory can connect.

mod client;
mod server;

pub use client::{AskError, ask};
pub use server::{ControlError, serve};

use std::path::{Path, PathBuf};

/// Larger requests are refused. Pictures of a person who is enrolled come this way.
const MAX_REQUEST_BYTES: u64 = 128 << 20;

/// Where the socket of the service with the state directory `dir` is.
fn socket(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

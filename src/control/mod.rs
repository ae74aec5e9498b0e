//! The control socket: the command line sends its requests to the running service, which holds the store
//! locked.
//!
//! Each request has its own connection and is one line of JSON, `{"command": "product", "payload": {…}}`. The
//! answer is one line too: `{"result": …}` or `{"reason", "remedy", "code", "details"}`. Only users who may
//! write into the state directory can connect.

mod client;
mod server;

pub use client::{AskError, ask};
pub use server::{ControlError, serve};

use std::path::{Path, PathBuf};

/// Larger requests are refused. The limit is high because enrolment sends pictures in the request.
const MAX_REQUEST_BYTES: u64 = 128 << 20;

/// The path of the socket of the service with the state directory `dir`.
fn socket(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

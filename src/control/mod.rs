//! The control socket: the command line sends its requests to the running service, which holds the store
//! locked.
//!
//! Each request has its own connection and is one line of JSON, `{"command": "product", "payload": {…}}`. The
//! answer is one line too: `{"result": …}` or `{"reason", "remedy", "code", "details"}`. Only users who may
//! write into the state directory can connect.

mod client;
mod server;

pub use client::{AskError, ask, ask_for, ask_within, server_process};
pub use server::{ControlError, serve};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::Refusal;

/// Larger requests are refused. The limit is high because enrolment sends pictures in the request.
const MAX_REQUEST_BYTES: u64 = 128 << 20;

/// The path of the socket of the service with the state directory `dir`.
fn socket(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

/// The line that answers a request which was done; of one that was not, it is a [`ControlRefusal`].
#[derive(Serialize, Deserialize)]
struct Done<T> {
    result: T,
}

/// A [`Refusal`] on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlRefusal {
    /// What, where and why.
    pub reason: String,
    /// What to do next; empty if the reason contains it.
    #[serde(default)]
    pub remedy: String,
    /// The code of the refusal, for programs.
    #[serde(default)]
    pub code: String,
    /// What a program needs to go on, or `null`: handed on as it is.
    #[serde(default)]
    pub details: Value,
}

impl From<Refusal> for ControlRefusal {
    fn from(refusal: Refusal) -> ControlRefusal {
        let Refusal { code, message, remedy, details } = refusal;
        // Plain fields with text keys: nothing in them can fail.
        let details = serde_json::to_value(details).unwrap_or_default();
        ControlRefusal { reason: message, remedy, code: code.to_owned(), details }
    }
}

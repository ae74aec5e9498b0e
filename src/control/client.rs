//! //! The client end of the control socket, used by the command line.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::socket;

/// Longer than the service's own limit: learning golden pictures with a large model takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why a request got no result.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No service listens on the socket.
    #[error(
        "no service runs on the state directory of {} ({source}); start it, or name the right one with --config or \
         --state-dir", .path.display()
    )]
    NotRunning {
        /// The path of the socket.
        path: PathBuf,
        /// The error of connecting to it.
        source: std::io::Error,
    },
    /// The connection broke, or the answer was not JSON.
    #[error("the service at {} did not answer: {source}; see its log", .path.display())]
    Broken {
        /// The path of the socket.
        path: PathBuf,
        /// The error of writing, reading or decoding.
        source: std::io::Error,
    },
    /// The service refused the request.
    #[error("{reason}{}{remedy}", if .remedy.is_empty() { "" } else { "; " })]
    Refused {
        /// What, where and why.
        reason: String,
        /// What to do next; empty where the reason says it.
        remedy: String,
        /// The code of the refusal, for programs.
        code: String,
        /// What a program needs to go on, or `Null`.
        details: Value,
    },
}

/// Sends `command` to the service with the state directory `dir`, and waits for the answer.
///
/// # Errors
/// [`AskError`]: no service runs, the connection broke, or the service refused.
pub fn ask(dir: &Path, command: &str, payload: Value) -> Result<Value, AskError> {
    let path = socket(dir);
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(source) => return Err(AskError::NotRunning { path, source }),
    };
    let reply = talk(stream, command, payload).map_err(|source| AskError::Broken { path, source })?;
    match reply["reason"].as_str() {
        Some(reason) => Err(AskError::Refused {
            reason: reason.to_owned(),
            remedy: reply["remedy"].as_str().unwrap_or_default().to_owned(),
            code: reply["code"].as_str().unwrap_or_default().to_owned(),
            details: reply["details"].clone(),
        }),
        None => Ok(reply["result"].clone()),
    }
}

fn talk(mut stream: UnixStream, command: &str, payload: Value) -> std::io::Result<Value> {
    stream.set_read_timeout(Some(PATIENCE))?;
    writeln!(stream, "{}", json!({ "command": command, "payload": payload }))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    serde_json::from_str(&line).map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))
}

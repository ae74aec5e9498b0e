//! The client end of the control socket, used by the command line.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ControlRefusal, Done, socket};
use crate::commands::Command;

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
    #[error("{}{}{}", .0.reason, if .0.remedy.is_empty() { "" } else { "; " }, .0.remedy)]
    Refused(ControlRefusal),
}

/// Sends `command` to the service with the state directory `dir`, and waits for its answer as JSON.
///
/// # Errors
/// [`AskError`]: no service runs, the connection broke, or the service refused.
pub fn ask(dir: &Path, command: &Command) -> Result<Value, AskError> {
    ask_for(dir, command)
}

/// As [`ask`], with the answer as the type that the command returns.
///
/// # Errors
/// Those of [`ask`]; `Broken` if the answer has another type, as an older service may send it.
pub fn ask_for<T: DeserializeOwned>(dir: &Path, command: &Command) -> Result<T, AskError> {
    ask_within(dir, command, PATIENCE)
}

/// As [`ask_for`], with another patience for the answer.
///
/// # Errors
/// Those of [`ask_for`]; `Broken` if the answer takes longer.
pub fn ask_within<T: DeserializeOwned>(
    dir: &Path,
    command: &Command,
    patience: Duration,
) -> Result<T, AskError> {
    let path = socket(dir);
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(source) => return Err(AskError::NotRunning { path, source }),
    };
    let outcome = talk(stream, command, patience).and_then(|line| read(&line));
    outcome.map_err(|source| AskError::Broken { path, source })?.map_err(AskError::Refused)
}

fn talk(mut stream: UnixStream, command: &Command, patience: Duration) -> std::io::Result<String> {
    stream.set_read_timeout(Some(patience))?;
    let request = serde_json::to_string(command).map_err(invalid)?;
    writeln!(stream, "{request}")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}

/// Parses the result, or the refusal.
fn read<T: DeserializeOwned>(line: &str) -> std::io::Result<Result<T, ControlRefusal>> {
    /// The fields that only a refusal has.
    #[derive(Deserialize)]
    struct FailureReason {
        reason: Option<String>,
    }
    match serde_json::from_str::<FailureReason>(line).map_err(invalid)?.reason {
        Some(_) => serde_json::from_str(line).map(Err).map_err(invalid),
        None => serde_json::from_str(line).map(|Done { result }| Ok(result)).map_err(invalid),
    }
}

/// The process that serves the socket in the state directory `dir`; `None` where nobody does.
pub fn server_process(dir: &Path) -> Option<u32> {
    let stream = UnixStream::connect(socket(dir)).ok()?;
    let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
    u32::try_from(peer.pid.as_raw_nonzero().get()).ok()
}

fn invalid(error: serde_json::Error) -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidData, error)
}

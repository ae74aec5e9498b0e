//! The service's end.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{TrySendError, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;
use serde_json::Value;

use super::{ControlRefusal, Done, MAX_REQUEST_BYTES, socket};
use crate::commands::{Command, CommandAnswer, CommandQueue, CommandRequest};
use crate::supervisor::{Beat, SpawnError, Spawned, Stop, spawn};
use crate::types::{Clock, CommandKind, Explanation, Origin, Reply, Responder, SystemClock};

/// How often the listener checks its stop token.
const LOOK: Duration = Duration::from_millis(50);
/// Pause before a full disk is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a client may take to send its line.
const LINE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(110);
/// Longer requests are read one at a time, to bound memory.
const SHORT_BYTES: u64 = 1 << 20;
/// Connections at one time; people type commands, so a few are enough.
const MOST: usize = 8;

/// Why the socket cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum ControlError {
    /// The socket cannot be created.
    Bind {
        /// The path of the socket.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A connection's thread could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

impl ControlError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            ControlError::Bind { path, source } => Explanation::new(
                format!("the control socket {} cannot be made: {source}", path.display()),
                "the state directory must be writable",
            ),
            ControlError::Spawn(error) => Explanation::new(error.to_string(), ""),
        }
    }
}

/// Serves the socket in the state directory `dir` until `stop`; requests go to `commands`. The store's lock
/// in the same directory allows one server only, so a socket that is already there was left by a dead one.
pub fn serve(dir: &Path, commands: &CommandQueue, stop: &Stop, beat: &Beat) -> Result<(), ControlError> {
    let path = socket(dir);
    let Some(listener) = listen(&path, stop, beat)? else { return Ok(()) };
    let mut open: Vec<Spawned<()>> = Vec::new();
    let long = Arc::new(Mutex::new(()));
    while !stop.wait(LOOK) {
        beat.beat();
        open.retain(|connection| !connection.is_finished());
        while let Some(stream) = accept(&listener, open.len()) {
            let (commands, long) = (commands.clone(), long.clone());
            open.push(spawn("control", None, move || answer(&stream, &commands, &long))?);
        }
    }
    // Clients have their answers by now, or the service gives them up at its end.
    let _ = std::fs::remove_file(&path);
    let deadline = Instant::now() + LOOK;
    open.into_iter().for_each(|connection| drop(connection.join_until(deadline)));
    Ok(())
}

/// Creates the socket once the disk has space for it; `None` when stopped before.
fn listen(path: &Path, stop: &Stop, beat: &Beat) -> Result<Option<UnixListener>, ControlError> {
    let mut logged = false;
    loop {
        match bind(path) {
            Ok(listener) => return Ok(Some(listener)),
            Err(full) if matches!(full.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                if !std::mem::replace(&mut logged, true) {
                    tracing::warn!("{} waits for space on the disk: {full}", path.display());
                }
            }
            Err(source) => return Err(ControlError::Bind { path: path.into(), source }),
        }
        beat.beat();
        if stop.wait(RETRY) {
            return Ok(None);
        }
    }
}

fn bind(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn accept(listener: &UnixListener, open: usize) -> Option<UnixStream> {
    if open >= MOST {
        return None;
    }
    let (stream, _) = listener.accept().ok()?;
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(LINE_PATIENCE)).ok()?;
    Some(stream)
}

fn answer(mut stream: &UnixStream, commands: &CommandQueue, long: &Mutex<()>) {
    let uid = rustix::net::sockopt::socket_peercred(stream).ok().map(|peer| peer.uid.as_raw());
    let reply = match request(stream, long) {
        Ok((line, _turn)) => execute(line, uid, commands),
        Err(error) => Err(error.to_string().into()),
    };
    let line = match reply {
        Ok(answer) => serde_json::to_string(&Done { result: answer }),
        Err(refusal) => serde_json::to_string(&ControlRefusal::from(refusal)),
    };
    // A client that has disconnected needs no answer.
    if let Ok(line) = line {
        let _ = writeln!(stream, "{line}");
    }
}

/// Reads the request. A long one waits for its turn, so that only one at a time is in memory.
fn request<'l>(
    stream: &UnixStream,
    long: &'l Mutex<()>,
) -> Result<(RequestLine, Option<MutexGuard<'l, ()>>), LineError> {
    let mut reader = BufReader::new(stream.take(MAX_REQUEST_BYTES));
    let mut line = Vec::new();
    reader.by_ref().take(SHORT_BYTES).read_until(b'\n', &mut line)?;
    let turn = (line.len() as u64 == SHORT_BYTES).then(|| long.lock());
    if turn.is_some() {
        reader.read_until(b'\n', &mut line)?;
    }
    Ok((serde_json::from_slice(&line)?, turn))
}

/// One request, as the socket receives it.
#[derive(Deserialize)]
struct RequestLine {
    #[serde(default)]
    command: String,
    #[serde(default)]
    payload: Value,
}

/// Why a line is not a request.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error("the request cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("the request is not JSON ({0}); send one object a line")]
    Json(#[from] serde_json::Error),
}

fn execute(line: RequestLine, uid: Option<u32>, commands: &CommandQueue) -> Reply<CommandAnswer> {
    let RequestLine { command: word, payload } = line;
    let kind = CommandKind::from_word(&word).ok_or_else(|| format!("there is no command {word:?}"))?;
    let command = match Command::parse(kind, payload)? {
        Command::Ping => return Ok(CommandAnswer::Done(())),
        command => command,
    };
    let (tell, outcome) = sync_channel(1);
    let reply = Responder::new(move |reply| drop(tell.try_send(reply)));
    let (origin, at) = (Origin::Cli { uid }, SystemClock.now());
    let request = CommandRequest { command, origin, at, id: "cli".into(), reply };
    if let Err(refused) = commands.try_send(request) {
        return Err(match *refused {
            TrySendError::Full(_) => "too many requests wait; try again later".into(),
            TrySendError::Disconnected(_) => "the service is stopping".into(),
        });
    }
    outcome.recv_timeout(PATIENCE).unwrap_or_else(|_| Err("the command takes too long; see the log".into()))
}

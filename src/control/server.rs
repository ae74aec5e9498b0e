//! The service's end.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};

use super::{MAX_REQUEST_BYTES, socket};
use crate::supervisor::{Beat, SpawnError, Spawned, Stop, spawn};
use crate::types::{Clock, Command, CommandKind, Origin, Refusal, Reply, Responder, SystemClock};

/// How often the listener looks for its end.
const LOOK: Duration = Duration::from_millis(50);
/// Pause before a full disk is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a client may take over its one line.
const LINE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(110);
/// Requests that are longer wait for one another.
const SHORT_BYTES: u64 = 1 << 20;
/// Connections at one time; a person types one.
const MOST: usize = 8;

/// The socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It cannot be made.
    #[error("the control socket {} cannot be made: {source}; the state directory must be writable", .path.display())]
    Bind {
        /// The path of the socket.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A connection's thread could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// Serves the socket in the state directory `dir` until told to stop; requests go to `commands`. The store's lock in
/// the same directory makes sure that there is one server: a socket that lies there is a dead one's.
pub fn serve(
    dir: &Path,
    commands: &SyncSender<Command>,
    stop: &Stop,
    beat: &Beat,
) -> Result<(), ControlError> {
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
    // Their commands are answered by now, or are given up with the service.
    let _ = std::fs::remove_file(&path);
    let deadline = Instant::now() + LOOK;
    open.into_iter().for_each(|connection| drop(connection.join_until(deadline)));
    Ok(())
}

/// Makes the socket, as soon as the disk has room for it; `None` when asked to stop before.
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

fn answer(mut stream: &UnixStream, commands: &SyncSender<Command>, long: &Mutex<()>) {
    let uid = rustix::net::sockopt::socket_peercred(stream).ok().map(|peer| peer.uid.as_raw());
    let reply = match request(stream, long) {
        Ok((value, _turn)) => execute(value, uid, commands),
        Err(reason) => Err(reason.into()),
    };
    let line = match reply {
        Ok(result) => json!({ "result": result }),
        Err(refusal) => {
            let Refusal { code, message, remedy, details } = refusal;
            json!({ "reason": message, "remedy": remedy, "code": code, "details": details })
        }
    };
    // Whoever asked may be gone; that is theirs to know.
    let _ = writeln!(stream, "{line}");
}

/// The request, and the turn that a long one has to wait for: one at a time is in memory.
fn request<'l>(
    stream: &UnixStream,
    long: &'l Mutex<()>,
) -> Result<(Value, Option<MutexGuard<'l, ()>>), String> {
    let unread = |error| format!("the request cannot be read: {error}");
    let mut reader = BufReader::new(stream.take(MAX_REQUEST_BYTES));
    let mut line = Vec::new();
    reader.by_ref().take(SHORT_BYTES).read_until(b'\n', &mut line).map_err(unread)?;
    let turn = (line.len() as u64 == SHORT_BYTES).then(|| long.lock());
    if turn.is_some() {
        reader.read_until(b'\n', &mut line).map_err(unread)?;
    }
    let request = serde_json::from_slice(&line)
        .map_err(|error| format!("the request is not JSON ({error}); send one object a line"))?;
    Ok((request, turn))
}

fn execute(mut request: Value, uid: Option<u32>, commands: &SyncSender<Command>) -> Reply {
    let word = request["command"].as_str().unwrap_or_default();
    if word == "ping" {
        return Ok(Value::Null);
    }
    let kind = CommandKind::from_word(word).ok_or_else(|| format!("there is no command {word:?}"))?;
    let (tell, outcome) = sync_channel(1);
    let reply = Responder::new(move |reply| drop(tell.try_send(reply)));
    // Taken, not copied: pictures come this way.
    let payload = request["payload"].take();
    let command = Command {
        kind,
        origin: Origin::Cli { uid },
        at: SystemClock.now(),
        id: "cli".into(),
        payload,
        reply,
    };
    match commands.try_send(command) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => return Err("too many requests wait; try again later".into()),
        Err(TrySendError::Disconnected(_)) => return Err("the service is stopping".into()),
    }
    outcome.recv_timeout(PATIENCE).unwrap_or_else(|_| Err("the command takes too long; see the log".into()))
}

//! The command port of a `tcp://` camera: one line a command, one line an answer. One thread serves a few connections, and
//! none of them can keep it from the others: it waits for whichever speaks, and a client that does not read is closed.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::candidates::NOT_ALLOWED;
use super::command::{Line, LineBuffer, MAX_LINE_BYTES, PortCommand};
use super::refusals::Refusals;
use super::{SenderControl, TcpError, secret};
use crate::backoff::Backoff;
use crate::config::{Network, TcpConfig};
use crate::supervisor::{Beat, Stop};
use crate::types::{ExperimentId, Explanation};

/// Connections at one time; one more replaces the one that was silent for longest.
const MOST: usize = 8;
/// Longest wait, so that a stop is noticed.
const TURN: Duration = Duration::from_millis(100);
/// A command without an end of line is carried out when nothing has followed it for so long.
const PAUSE: Duration = Duration::from_millis(300);

/// A command that changed something, for the audit log.
#[derive(Clone, Copy, Debug)]
pub struct CarriedOut<'a> {
    /// The address that sent it.
    pub from: IpAddr,
    /// The command's word, such as `STOP`.
    pub word: &'static str,
    /// Its argument; empty where it has none.
    pub argument: &'a str,
}

/// The command port of one camera.
pub struct CommandPort {
    /// The address on which it listens.
    pub address: SocketAddr,
    /// Networks that may connect; empty allows any address.
    pub allow: Vec<Network>,
    /// The file with the secret that each connection must begin with.
    pub secret_file: Option<PathBuf>,
    /// Most pictures that wait to be decoded: beyond, the camera is busy.
    pub queue: usize,
    /// What the commands change.
    pub control: SenderControl,
    /// The experiment to which the camera's frames belong.
    pub experiment: ExperimentId,
}

/// One client and what it has sent so far.
struct Client {
    stream: TcpStream,
    from: IpAddr,
    buffer: LineBuffer,
    heard: Instant,
    /// Whether the right secret has come, or none is required.
    trusted: bool,
}

/// Whether a client stays connected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Stays,
    Leaves,
}

impl CommandPort {
    /// The command port of a camera with these settings; `None` where it has none.
    pub fn of(tcp: &TcpConfig, control: SenderControl, experiment: ExperimentId) -> Option<CommandPort> {
        Some(CommandPort {
            address: tcp.command_address?,
            allow: tcp.allow.clone(),
            secret_file: tcp.secret_file.clone(),
            queue: tcp.queue,
            control,
            experiment,
        })
    }

    /// Listens on its address as soon as it can: an address may be set later than the service starts. The pauses between
    /// tries grow from `first` to `longest`. Meanwhile `alarm` is told why it cannot, and at the end that it is over.
    /// `None` when stopped before.
    pub fn listen(
        &self,
        (first, longest): (Duration, Duration),
        alarm: &dyn Fn(Option<&Explanation>),
        stop: &Stop,
        beat: &Beat,
    ) -> Option<TcpListener> {
        let mut backoff = Backoff::new(first, longest).jittered();
        loop {
            match self.bind() {
                Ok(listener) => {
                    alarm(None);
                    return Some(listener);
                }
                Err(error) => alarm(Some(&error.explanation())),
            }
            let mut left = backoff.pause();
            while !left.is_zero() {
                beat.beat();
                let step = left.min(TURN);
                if stop.wait(step) {
                    alarm(None);
                    return None;
                }
                left -= step;
            }
        }
    }

    fn bind(&self) -> Result<TcpListener, TcpError> {
        let failed = |source| TcpError::Listen { address: self.address, source };
        let listener = TcpListener::bind(self.address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(listener)
    }

    /// Serves clients of `listener` until `stop`; each change is given to `note`.
    pub fn serve(&self, listener: &TcpListener, note: &dyn Fn(CarriedOut<'_>), stop: &Stop, beat: &Beat) {
        let mut clients: Vec<Client> = Vec::new();
        let mut refusals = Refusals::new("a commander", self.control.counters().commands_refused.clone());
        let turn = Timespec { tv_sec: 0, tv_nsec: TURN.as_nanos() as i64 };
        while !stop.is_stopped() {
            beat.beat();
            let mut ready: Vec<PollFd<'_>> = vec![PollFd::new(listener, PollFlags::IN)];
            ready.extend(clients.iter().map(|client| PollFd::new(&client.stream, PollFlags::IN)));
            // An error of the call itself is an interruption; the sockets are looked at in any case.
            let _ = poll(&mut ready, Some(&turn));
            self.accept(listener, &mut clients, &mut refusals);
            clients.retain_mut(|client| self.look_at(client, &mut refusals, note) == After::Stays);
        }
    }

    fn accept(&self, listener: &TcpListener, clients: &mut Vec<Client>, refusals: &mut Refusals) {
        while let Ok((stream, peer)) = listener.accept() {
            let from = peer.ip();
            if !self.allow.is_empty() && !self.allow.iter().any(|known| known.holds(from)) {
                refusals.note(from, NOT_ALLOWED);
                continue;
            }
            // Answers are single lines: they must not wait for more.
            let settled = stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true));
            if settled.is_err() {
                continue;
            }
            if clients.len() == MOST {
                let silent = (0..MOST).min_by_key(|at| clients[*at].heard).unwrap_or_default();
                let silent = clients.remove(silent);
                refusals.note(silent.from, "it was silent for longest, and others wait");
            }
            let trusted = self.secret_file.is_none();
            let (buffer, heard) = (LineBuffer::default(), Instant::now());
            clients.push(Client { stream, from, buffer, heard, trusted });
        }
    }

    /// Reads what a client has sent, and answers it.
    fn look_at(&self, client: &mut Client, refusals: &mut Refusals, note: &dyn Fn(CarriedOut<'_>)) -> After {
        let mut bytes = [0; 4 * MAX_LINE_BYTES];
        let read = client.stream.read(&mut bytes);
        let Client { stream, from, buffer, heard, trusted } = client;
        let mut after = After::Stays;
        let mut each = |line: Line<'_>| {
            if after == After::Leaves {
                return;
            }
            let answer = match self.answer(line, *from, trusted, note) {
                Ok(answer) => answer,
                Err(Refused { why, leaves }) => {
                    refusals.note(*from, &why);
                    after = if leaves { After::Leaves } else { After::Stays };
                    format!("ERROR: {why}")
                }
            };
            // A client that reads no answers must not make this thread wait.
            if stream.write_all(format!("{answer}\n").as_bytes()).is_err() {
                after = After::Leaves;
            }
        };
        match read {
            Ok(0) => {
                buffer.finish(&mut each);
                return After::Leaves;
            }
            Ok(count) => {
                *heard = Instant::now();
                buffer.push(&bytes[..count], &mut each);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                if heard.elapsed() >= PAUSE && buffer.is_command() {
                    buffer.finish(&mut each);
                }
            }
            Err(_) => return After::Leaves,
        }
        after
    }

    /// The answer to one line.
    fn answer(
        &self,
        line: Line<'_>,
        from: IpAddr,
        trusted: &mut bool,
        note: &dyn Fn(CarriedOut<'_>),
    ) -> Result<String, Refused> {
        let text = match line {
            Line::Text(text) => text,
            Line::Long => return Err(Refused::line(format!("a line has at most {MAX_LINE_BYTES} bytes"))),
            Line::NoText => return Err(Refused::line("a line is UTF-8 text")),
        };
        let command = PortCommand::parse(text);
        if let Some(PortCommand::Secret(given)) = command {
            return self.trust(given, trusted);
        }
        if !*trusted {
            return Err(Refused::client("begin with SECRET: and the secret that secret_file asks for"));
        }
        let command = command.ok_or_else(|| Refused::line("Unknown command"))?;
        let answer = self.carry_out(command)?;
        self.control.counters().commands.inc();
        if command.changes() {
            let argument = match command {
                PortCommand::Experiment(id) => id.trim(),
                _ => "",
            };
            note(CarriedOut { from, word: command.word(), argument });
        }
        Ok(answer)
    }

    /// Compares the secret. Where none is required any is taken, so that a client may always send it.
    fn trust(&self, given: &str, trusted: &mut bool) -> Result<String, Refused> {
        if let Some(file) = &self.secret_file {
            match secret::is_right(file, given.as_bytes()) {
                Ok(true) => {}
                Ok(false) => return Err(Refused::client("wrong secret")),
                Err(error) => {
                    tracing::error!("the command port on {} cannot compare secrets: {error}", self.address);
                    return Err(Refused::client("the secret cannot be compared; the service's log says why"));
                }
            }
        }
        *trusted = true;
        Ok("OK: accepted".into())
    }

    fn carry_out(&self, command: PortCommand<'_>) -> Result<String, Refused> {
        let control = &self.control;
        Ok(match command {
            PortCommand::Start => {
                control.set_stopped(false);
                "OK: started".into()
            }
            PortCommand::Stop { clear } => {
                control.set_stopped(true);
                match clear {
                    true => format!("OK: stopped, {} frames cleared", control.clear()),
                    false => "OK: stopped".into(),
                }
            }
            PortCommand::Status => self.status(),
            PortCommand::Ping => "PONG".into(),
            PortCommand::Ready => {
                let takes = !control.is_stopped() && control.waiting() < self.queue;
                format!("READY: {}", if takes { "yes" } else { "busy" })
            }
            PortCommand::ClearFrames => format!("OK: {} frames cleared", control.clear()),
            PortCommand::Experiment(id) => {
                self.experiment.set(id).map_err(|error| Refused::line(error.to_string()))?;
                match self.experiment.get() {
                    Some(id) => format!("OK: experiment {id}"),
                    None => "OK: no experiment".into(),
                }
            }
            PortCommand::Secret(_) => "OK: accepted".into(),
        })
    }

    fn status(&self) -> String {
        let counters = self.control.counters();
        let state = if self.control.is_stopped() { "stopped" } else { "started" };
        let sender = self.control.sender().map_or_else(|| "none".into(), |sender| sender.ip().to_string());
        let dropped = counters.queue_dropped.get() + counters.damaged.get();
        let experiment = self.experiment.get();
        format!(
            "OK: {state} sender={sender} received={} waiting={} dropped={dropped} skipped={} discarded={} refused={} experiment={}",
            counters.received.get(),
            self.control.waiting(),
            counters.skipped.get(),
            counters.discarded.get(),
            counters.refused.get(),
            experiment.as_deref().unwrap_or("none"),
        )
    }
}

/// Why a line was not carried out.
struct Refused {
    why: String,
    /// Whether the connection is closed.
    leaves: bool,
}

impl Refused {
    fn line(why: impl Into<String>) -> Refused {
        Refused { why: why.into(), leaves: false }
    }

    fn client(why: impl Into<String>) -> Refused {
        Refused { why: why.into(), leaves: true }
    }
}

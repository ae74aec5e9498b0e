//! The serial port: reopened indefinitely, read at once, written without blocking. All I/O of triggers is
//! here.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_serial::{ClearBuffer, SerialPort as _, SerialStream};

use super::TriggerError;
use super::dialogue::Dialogue;
use super::tty::{Modem, low_latency};
use super::{PortState, TriggerTarget};
use crate::backoff::Backoff;
use crate::config;
use crate::config::trigger::{Protocol, Serial};
use crate::serial::why_not;
use crate::supervisor::{Beat, Stop};
use crate::types::{Clock, Explanation};

/// Longest wait of one turn, and so the delay with which a stop or an incomplete line is noticed.
const TURN: Duration = Duration::from_millis(50);
/// Period at which a modem line is sampled. Waiting in the kernel (`TIOCMIWAIT`) would see an edge at once,
/// but cannot be interrupted when the port goes or the service stops. A pulse between two samples is still
/// seen where the driver counts changes. An edge may be up to this period (and the timer's 1 ms) older than
/// its stamp.
const LOOK: Duration = Duration::from_millis(1);
/// How long the shutdown waits for verdicts that must still be written.
const DRAIN: Duration = Duration::from_secs(1);
/// The longest wait without a beat.
const PAUSE_TURN: Duration = Duration::from_millis(500);
/// Most bytes of one read.
const CHUNK: usize = 4_096;

/// A trigger's port, from one opening to the next.
struct TriggerPort<'a> {
    settings: &'a config::TriggerConfig,
    serial: &'a Serial,
    target: &'a dyn TriggerTarget,
    clock: &'a dyn Clock,
    stop: &'a Stop,
    beat: &'a Beat,
    /// Counts verdicts whose connection has ended.
    undelivered: Arc<AtomicU64>,
    /// The cause of the port's absence as last reported; `None` while it is open.
    away: Option<Explanation>,
}

/// How a connection ended.
enum Over {
    Stopped,
    Lost(Explanation),
}

/// Listens until `stop`, and reopens a port that is absent or goes away indefinitely. Errors: a modem line is
/// configured and the port has none; the system provides no event queue.
pub fn run(
    settings: &config::TriggerConfig,
    serial: &Serial,
    target: &Arc<dyn TriggerTarget>,
    clock: &dyn Clock,
    stop: &Stop,
    beat: &Beat,
) -> Result<(), TriggerError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| TriggerError::Runtime { name: settings.name.clone(), source })?;
    let undelivered = Arc::default();
    let mut port =
        TriggerPort { settings, serial, target: &**target, clock, stop, beat, undelivered, away: None };
    let mut backoff = Backoff::new(serial.reopen, serial.reopen_max);
    let mut first = true;
    while !stop.is_stopped() {
        // Registering the port with the event queue requires the runtime's context.
        let opened = runtime.block_on(async { open(&serial.port) });
        let cause = match opened {
            Ok(stream) => {
                let modem = port.modem(&stream)?;
                port.tell_open(first);
                let opened = clock.monotonic();
                let over = runtime.block_on(port.serve(stream, modem));
                // A loose plug must not cause fast retries or fill the log, so the pause is reset only after
                // a long connection.
                if clock.monotonic().saturating_sub(opened) >= serial.reopen_max {
                    backoff.reset();
                }
                match over {
                    Over::Stopped => break,
                    Over::Lost(cause) => cause,
                }
            }
            Err(error) => why_not(&serial.port.path, &error),
        };
        first = false;
        let pause = backoff.pause();
        port.tell_away(cause, pause);
        port.rest(pause);
    }
    Ok(())
}

impl TriggerPort<'_> {
    fn modem(&self, stream: &SerialStream) -> Result<Option<Modem>, TriggerError> {
        let Protocol::Edge { line, .. } = self.serial.protocol else { return Ok(None) };
        let modem = Modem::new(stream, line).map_err(|source| TriggerError::NoModemLines {
            name: self.settings.name.clone(),
            path: self.serial.port.path.clone(),
            source,
        });
        modem.map(Some)
    }

    /// Serves an open port until it is lost or a stop is requested.
    async fn serve(&self, stream: SerialStream, modem: Option<Modem>) -> Over {
        let mut dialogue = Dialogue::new(self.settings, self.serial, self.target, &self.undelivered);
        let (mut reader, mut writer) = tokio::io::split(stream);
        let over = self.converse(&mut dialogue, &mut reader, &mut writer, modem).await;
        if let Over::Stopped = over {
            let drained = timeout(DRAIN, self.drain(&mut dialogue, &mut writer)).await;
            if drained.is_err() {
                // Closing a port whose peer does not read would block until its output is sent, for up to
                // half a minute.
                let _ = reader.unsplit(writer).clear(ClearBuffer::Output);
            }
        }
        dialogue.close();
        over
    }

    async fn converse(
        &self,
        dialogue: &mut Dialogue<'_>,
        reader: &mut ReadHalf<SerialStream>,
        writer: &mut WriteHalf<SerialStream>,
        modem: Option<Modem>,
    ) -> Over {
        let verdicts = dialogue.verdicts();
        let mut tick = ticks(if modem.is_some() { LOOK } else { TURN });
        let mut chunk = [0; CHUNK];
        while !self.stop.is_stopped() {
            self.beat.beat();
            let talks = !dialogue.out().is_empty();
            // Biased: a flood of bytes must not delay the sampling of the modem line or the answers.
            let done = tokio::select! {
                biased;
                _ = tick.tick() => self.turn(dialogue, modem.as_ref()),
                wrote = writer.write(dialogue.out().front()), if talks => {
                    wrote.and_then(some).map(|bytes| dialogue.out().written(bytes))
                }
                read = reader.read(&mut chunk) => {
                    // The stamp is taken first, so that no other work adds to its delay after the edge.
                    let at = self.clock.now();
                    read.and_then(some).map(|bytes| dialogue.hear(&chunk[..bytes], at))
                }
                () = verdicts.outcome() => Ok(()),
            };
            if let Err(error) = done {
                let cause = format!("{} was lost: {error}", self.path());
                return Over::Lost(Explanation::new(cause, "plug it in again"));
            }
            dialogue.tell_verdicts();
            dialogue.report_rejected();
        }
        Over::Stopped
    }

    fn turn(&self, dialogue: &mut Dialogue<'_>, modem: Option<&Modem>) -> io::Result<()> {
        let level = modem.map(Modem::look).transpose()?;
        let now = self.clock.now();
        if let Some(level) = level {
            dialogue.look(level, now);
        }
        dialogue.wait(now);
        Ok(())
    }

    /// Writes the verdicts of triggers that came before the stop.
    async fn drain(&self, dialogue: &mut Dialogue<'_>, writer: &mut WriteHalf<SerialStream>) {
        let verdicts = dialogue.verdicts();
        loop {
            dialogue.tell_verdicts();
            if !dialogue.out().is_empty() {
                match writer.write(dialogue.out().front()).await.and_then(some) {
                    Ok(bytes) => dialogue.out().written(bytes),
                    Err(_) => return,
                }
            } else if verdicts.is_idle() {
                return;
            } else {
                verdicts.outcome().await;
            }
        }
    }

    fn tell_open(&mut self, first: bool) {
        let was_away = self.away.take().is_some();
        if first || was_away {
            tracing::info!(trigger = %self.settings.name, port = %self.path(), "listening");
            self.target.port(&self.settings.name, PortState::Open);
        }
    }

    /// Reports a new cause once, not at each attempt.
    fn tell_away(&mut self, cause: Explanation, next_try: Duration) {
        if self.away.as_ref() != Some(&cause) {
            tracing::warn!(trigger = %self.settings.name, "{cause}; retrying until it is back");
            self.target.port(&self.settings.name, PortState::Away { cause: cause.clone(), next_try });
            self.away = Some(cause);
        }
    }

    fn rest(&self, pause: Duration) {
        let until = self.clock.monotonic() + pause;
        loop {
            self.beat.beat();
            let left = until.saturating_sub(self.clock.monotonic());
            if left.is_zero() || self.stop.wait(left.min(PAUSE_TURN)) {
                return;
            }
        }
    }

    fn path(&self) -> std::path::Display<'_> {
        self.serial.port.path.display()
    }
}

/// Turns zero bytes read or written into an error, because they mean that the terminal has hung up.
fn some(bytes: usize) -> io::Result<usize> {
    if bytes > 0 { Ok(bytes) } else { Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up")) }
}

fn ticks(every: Duration) -> Interval {
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tick
}

/// Opens the port, and asks for low latency: a byte of a trigger must not wait for the driver's timer.
fn open(port: &config::trigger::SerialPort) -> tokio_serial::Result<SerialStream> {
    let stream = crate::serial::open(port)?;
    low_latency(stream.as_raw_fd());
    Ok(stream)
}

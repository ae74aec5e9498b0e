//! The scene's light barrier, simulated as plant hardware: it sends triggers over a serial port that the
//! service opens like any other, reads the verdicts, and counts the wrong ones.

mod port;
mod sensor;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocellus_scene::{BarrierLedger, Crossing, SceneError, Tally};
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};

use crate::supervisor::{SpawnError, Spawned, spawn};
use port::VirtualPort;
pub use sensor::Sensor;

/// How long the drop waits for the reader thread to end.
const JOIN: Duration = Duration::from_secs(1);

/// Why a light barrier cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LightBarrierError {
    /// The system provides no pseudo-terminal.
    #[error(
        "no pseudo-terminal for the light barrier: {source}; check that /dev/pts is mounted and not full"
    )]
    Pty {
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another file occupies the configured path.
    #[error(
        "the light barrier cannot be at {}: something else is there, and is not touched; \
         choose another path in barrier= and port=", link.display()
    )]
    Taken {
        /// The path that was configured.
        link: PathBuf,
    },
    /// The symbolic link cannot be made.
    #[error(
        "the light barrier cannot be at {}: {source}; choose a folder that the service may write to", link.display()
    )]
    Link {
        /// The path that was configured.
        link: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The thread that reads the answers cannot be started.
    #[error(transparent)]
    Thread(#[from] SpawnError),
    /// The scene of the light barrier cannot be made.
    #[error(transparent)]
    Scene(#[from] SceneError),
}

/// A light barrier on a virtual serial port. Dropping it removes the port, as unplugging would.
#[derive(Debug)]
pub struct LightBarrier {
    port: Arc<VirtualPort>,
    ledger: Arc<Mutex<BarrierLedger>>,
    /// Event descriptor that ends the reader thread.
    wake: Arc<OwnedFd>,
    reader: Option<Spawned<()>>,
    /// Whether only part of the last line was written; the next line must not continue it.
    torn: bool,
}

impl LightBarrier {
    /// Opens a pseudo-terminal in raw mode and makes `link` a symbolic link to its other side, replacing a
    /// link that an earlier barrier left behind. A thread reads the answers and logs each line.
    ///
    /// # Errors
    /// [`LightBarrierError`]; a file at `link` that is not a link to a pseudo-terminal is left alone.
    pub fn open(link: &Path) -> Result<LightBarrier, LightBarrierError> {
        let port = Arc::new(VirtualPort::open(link)?);
        let ledger = Arc::new(Mutex::new(BarrierLedger::default()));
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let wake = Arc::new(wake.map_err(|error| LightBarrierError::Pty { source: error.into() })?);
        let (their_port, their_ledger, end) = (port.clone(), ledger.clone(), wake.clone());
        let reader = spawn("light-barrier", None, move || read_answers(&their_port, &their_ledger, &end))?;
        Ok(LightBarrier { port, ledger, wake, reader: Some(reader), torn: false })
    }

    /// The path at which the service opens the port.
    pub fn link(&self) -> &Path {
        self.port.link()
    }

    /// Handles a part in the beam: sends `TRIG part-17`.
    pub fn cross(&mut self, crossing: Crossing) {
        let Crossing { frame, part_id, defect } = crossing;
        let delivered = self.send(&format!("part-{part_id}"), Some(crossing));
        tracing::debug!(frame, part_id, ?defect, delivered, "a part is in the light barrier");
    }

    /// Sends `TRIG text` without waiting, and counts it where it is not delivered. `text` is cut at its first
    /// control character.
    pub fn fire(&mut self, text: &str) {
        self.send(text, None);
    }

    /// The counts since the barrier was opened.
    pub fn tally(&self) -> Tally {
        self.ledger.lock().tally()
    }

    fn send(&mut self, text: &str, part: Option<Crossing>) -> bool {
        let text = text.split(char::is_control).next().unwrap_or_default();
        // The line end makes the torn part of the last line invalid, as it should be.
        let line = format!("{}TRIG {text}\n", if self.torn { "\n" } else { "" });
        self.ledger.lock().fire(part.map(|part| (part.part_id, part.defect)));
        // A trigger is not kept for a program that opens the port later, because the part has passed by then.
        let sent = if self.port.is_open() { self.port.write(line.as_bytes()) } else { 0 };
        self.torn = if sent == 0 { self.torn } else { sent < line.len() };
        let delivered = sent == line.len();
        if !delivered {
            self.ledger.lock().take_back(part.map(|part| part.part_id));
        }
        delivered
    }
}

impl Drop for LightBarrier {
    fn drop(&mut self) {
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        if let Some(reader) = self.reader.take() {
            let _ = reader.join_until(Instant::now() + JOIN);
        }
        let tally = self.tally();
        if tally != Tally::default() {
            tracing::info!("line: {tally}");
        }
    }
}

/// Reads and logs answers until `wake` is signalled, then reads what is left.
fn read_answers(port: &VirtualPort, ledger: &Mutex<BarrierLedger>, wake: &OwnedFd) {
    let mut bytes = [0; 512];
    let note = |bytes: &[u8]| ledger.lock().read(bytes, |line| tracing::info!("line: {line}"));
    while let Some(count) = port.read(&mut bytes, wake) {
        note(&bytes[..count]);
    }
    let count = port.read_rest(&mut bytes);
    note(&bytes[..count]);
}

#[cfg(test)]
mod tests;

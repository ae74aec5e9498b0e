//! The scene's light barrier as the hardware of a plant: it pulls triggers on a serial port that the service opens
//! like any other, reads the verdicts that come back, and knows which of them are wrong.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};

use super::ledger::{Ledger, Tally};
use super::part::Defect;
use super::port::Port;
use super::{Passage, SceneError};
use crate::supervisor::{SpawnError, Spawned, spawn};

/// How long a reader may take to end.
const JOIN: Duration = Duration::from_secs(1);

/// A light barrier that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum BarrierError {
    /// The system gives no pseudo-terminal.
    #[error(
        "the light barrier gets no pseudo-terminal: {source}; check that /dev/pts is mounted and not full"
    )]
    Pty {
        /// What the system said.
        source: io::Error,
    },
    /// There is something else under its name.
    #[error(
        "the light barrier cannot be at {}: something else is there, and is not touched; \
         choose another path in barrier= and port=", link.display()
    )]
    Taken {
        /// Where it should be.
        link: PathBuf,
    },
    /// Its name cannot be made.
    #[error(
        "the light barrier cannot be at {}: {source}; choose a folder that the service may write to", link.display()
    )]
    Link {
        /// Where it should be.
        link: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody can read its answers.
    #[error(transparent)]
    Thread(#[from] SpawnError),
    /// The scene that it belongs to cannot be.
    #[error(transparent)]
    Scene(#[from] SceneError),
}

/// A light barrier on a virtual serial port. Dropping it takes the port away, as if it had been unplugged.
#[derive(Debug)]
pub struct Barrier {
    port: Arc<Port>,
    ledger: Arc<Mutex<Ledger>>,
    /// Ends the reader.
    wake: Arc<OwnedFd>,
    reader: Option<Spawned<()>>,
    /// Only a part of the last line went out: the next one must not continue it.
    torn: bool,
}

impl Barrier {
    /// Opens a pseudo-terminal in raw mode and makes `link` a symbolic link to its other side, in the place of one
    /// that an earlier barrier left behind. A thread reads what is answered and logs each line.
    ///
    /// # Errors
    /// [`BarrierError`]; what is at `link` and is no pseudo-terminal's name is never touched.
    pub fn open(link: &Path) -> Result<Barrier, BarrierError> {
        let port = Arc::new(Port::open(link)?);
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let wake = Arc::new(wake.map_err(|error| BarrierError::Pty { source: error.into() })?);
        let (theirs, book, end) = (port.clone(), ledger.clone(), wake.clone());
        let reader = spawn("light-barrier", None, move || read_answers(&theirs, &book, &end))?;
        Ok(Barrier { port, ledger, wake, reader: Some(reader), torn: false })
    }

    /// Where the service finds the port.
    pub fn link(&self) -> &Path {
        self.port.link()
    }

    /// The part of `passage` is in the beam in frame `n`: `TRIG part-17` goes out.
    pub fn frame(&mut self, n: u64, passage: &Passage) {
        self.pass(n, passage.part_id, passage.defect);
    }

    /// The same, for one who does not know where in the frame the part lies.
    pub(super) fn pass(&mut self, n: u64, part_id: u64, defect: Option<Defect>) {
        let heard = self.send(&format!("part-{part_id}"), Some((part_id, defect)));
        tracing::debug!(n, part_id, heard, "a part is in the light barrier");
    }

    /// Writes `TRIG text`, and never waits: what is not heard is counted. Nothing of `text` from its first control
    /// character on goes out.
    pub fn fire(&mut self, text: &str) {
        self.send(text, None);
    }

    /// The sums so far.
    pub fn tally(&self) -> Tally {
        lock(&self.ledger).tally
    }

    fn send(&mut self, text: &str, part: Option<(u64, Option<Defect>)>) -> bool {
        let text = text.split(char::is_control).next().unwrap_or_default();
        // The end of a line that was torn makes garbage of its beginning, which is what it is.
        let line = format!("{}TRIG {text}\n", if self.torn { "\n" } else { "" });
        lock(&self.ledger).fire(part);
        // A beam that is broken while nobody listens is over when somebody does.
        let sent = if self.port.is_heard() { self.port.write(line.as_bytes()) } else { 0 };
        self.torn = if sent == 0 { self.torn } else { sent < line.len() };
        let heard = sent == line.len();
        if !heard {
            lock(&self.ledger).take_back(part.map(|(id, _)| id));
        }
        heard
    }
}

impl Drop for Barrier {
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

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Reads and logs until `wake`, then what is left.
fn read_answers(port: &Port, ledger: &Mutex<Ledger>, wake: &OwnedFd) {
    let mut bytes = [0; 512];
    let note = |bytes: &[u8]| lock(ledger).read(bytes, |line| tracing::info!("line: {line}"));
    while let Some(count) = port.read(&mut bytes, wake) {
        note(&bytes[..count]);
    }
    let count = port.read_rest(&mut bytes);
    note(&bytes[..count]);
}

#[cfg(test)]
mod tests;

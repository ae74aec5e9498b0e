//! Signals: SIGTERM and SIGINT ask to stop, a second one forces the exit, SIGHUP asks for a reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals as Queue};

use super::Stop;
use super::spawn::{self, SpawnError, Spawned};

/// Why signals cannot be received.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// The handlers could not be installed.
    #[error("signal handlers cannot be installed: {0}")]
    Install(#[source] std::io::Error),
    /// The thread that waits for them could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// Receives signals until it is dropped.
#[derive(Debug)]
pub struct Signals {
    handle: Handle,
    thread: Option<Spawned<()>>,
}

impl Signals {
    /// Listens on a separate thread. The first SIGTERM or SIGINT stops `stop`; the second ends the process
    /// with the exit code `forced`. `reload` is called for each SIGHUP and must not block.
    pub fn listen(
        stop: Stop,
        forced: i32,
        reload: impl Fn() + Send + 'static,
    ) -> Result<Signals, SignalError> {
        let mut queue = Queue::new([SIGTERM, SIGINT, SIGHUP]).map_err(SignalError::Install)?;
        let handle = queue.handle();
        let thread = spawn::spawn("signals", None, move || {
            let mut asked = false;
            for signal in queue.forever() {
                match signal {
                    SIGHUP => reload(),
                    // Exits without destructors, because whatever hangs in the drain would hang in them too.
                    _ if asked => signal_hook::low_level::exit(forced),
                    _ => {
                        asked = true;
                        stop.stop();
                    }
                }
            }
        })?;
        Ok(Signals { handle, thread: Some(thread) })
    }
}

/// Ctrl-C of a program that has commands to interrupt: the first one is noted, a second one that comes before the first
/// was looked at ends the process.
#[derive(Clone, Debug)]
pub struct Interrupts(Arc<AtomicBool>);

impl Interrupts {
    /// Exit code of a process that Ctrl-C ended, as a shell reports it.
    const CODE: i32 = 128 + SIGINT;

    /// Listens from now on, for as long as the process runs.
    pub fn listen() -> Result<Interrupts, SignalError> {
        let came = Arc::new(AtomicBool::new(false));
        // In this order: the second signal finds what the first has set.
        let ends = signal_hook::flag::register_conditional_shutdown(SIGINT, Interrupts::CODE, came.clone());
        ends.and_then(|_| signal_hook::flag::register(SIGINT, came.clone())).map_err(SignalError::Install)?;
        Ok(Interrupts(came))
    }

    /// Whether one came since the last [`Interrupts::clear`].
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Forgets those that came.
    pub fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join_until(Instant::now() + Duration::from_secs(1));
        }
    }
}

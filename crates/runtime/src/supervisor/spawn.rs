//! The only way to start a thread: named, pinned on request, with panics caught, and joined within a
//! deadline.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::thread::CpuSet;

/// Why a thread could not be started as requested.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The core is not one of those that this process may use.
    #[error(
        "thread {thread}: core {core} does not exist or is not allowed here; use cores out of {usable:?}"
    )]
    NoSuchCore {
        /// The name that the thread was to have.
        thread: String,
        /// The core that was asked for.
        core: usize,
        /// The cores that this process may use.
        usable: Vec<usize>,
    },
    /// The kernel refused to pin the thread.
    #[error("thread {thread}: cannot be pinned to core {core}: {source}; sched_setaffinity must be allowed")]
    Pin {
        /// The name that the thread was to have.
        thread: String,
        /// The core that was asked for.
        core: usize,
        /// The error of `sched_setaffinity`.
        source: std::io::Error,
    },
    /// The system has no thread left.
    #[error("thread {thread} cannot be started: {source}; raise TasksMax or free memory")]
    Thread {
        /// The name that the thread was to have.
        thread: String,
        /// The error of the system's thread creation.
        source: std::io::Error,
    },
}

/// Why a thread gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The thread panicked, with this message.
    #[error("panicked: {0}")]
    Panicked(String),
    /// The thread had not ended at the deadline.
    #[error("still running at the deadline")]
    StillRunning,
}

/// A running thread. Dropping it detaches the thread, so join it.
#[must_use = "join the thread"]
#[derive(Debug)]
pub struct Spawned<T> {
    result: Receiver<Result<T, JoinError>>,
    thread: JoinHandle<()>,
}

impl<T> Spawned<T> {
    /// Waits until the thread ends, or `deadline` passes.
    pub fn join_until(self, deadline: Instant) -> Result<T, JoinError> {
        match self.result.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(result) => {
                // Sending the result is the thread's last act, so this join waits only for the kernel.
                let _ = self.thread.join();
                result
            }
            Err(RecvTimeoutError::Timeout) => Err(JoinError::StillRunning),
            Err(RecvTimeoutError::Disconnected) => Err(JoinError::Panicked("without a message".to_owned())),
        }
    }

    /// Waits until the thread ends, and returns its result or the text of its panic.
    pub fn join(self) -> Result<T, JoinError> {
        let result = self.result.recv().map_err(|_| JoinError::Panicked("without a message".to_owned()))?;
        let _ = self.thread.join();
        result
    }

    /// Whether the thread has ended, so that a join returns at once.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

/// Starts a thread called `name` (the kernel shows its first 15 bytes), pinned to `core` where one is given.
/// Returns once it is pinned, so that no work ever runs on a wrong core.
pub fn spawn<T: Send + 'static>(
    name: &str,
    core: Option<usize>,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<Spawned<T>, SpawnError> {
    let (give, result) = mpsc::sync_channel(1);
    let (pinned, wait) = mpsc::sync_channel(1);
    let run = move || {
        let pin = core.map_or(Ok(()), pin_to);
        let refused = pin.is_err();
        let _ = pinned.send(pin);
        if !refused {
            let outcome = catch_unwind(AssertUnwindSafe(body));
            let _ = give.send(outcome.map_err(|panic| JoinError::Panicked(panic_text(&*panic))));
        }
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    let thread = thread.map_err(|source| SpawnError::Thread { thread: name.to_owned(), source })?;
    if let Some(core) = core
        && let Err(source) = wait.recv().unwrap_or(Ok(()))
    {
        let _ = thread.join();
        return Err(pin_error(name, core, source));
    }
    Ok(Spawned { result, thread })
}

fn pin_to(core: usize) -> std::io::Result<()> {
    if core >= CpuSet::MAX_CPU {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mut set = CpuSet::new();
    set.set(core);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

fn pin_error(thread: &str, core: usize, source: std::io::Error) -> SpawnError {
    let thread = thread.to_owned();
    match source.kind() {
        std::io::ErrorKind::InvalidInput => {
            SpawnError::NoSuchCore { thread, core, usable: crate::supervisor::usable_cores() }
        }
        _ => SpawnError::Pin { thread, core, source },
    }
}

/// The message of a caught panic; a fixed text where the payload is no string.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::supervisor::Stop;

    #[test]
    fn a_thread_has_its_name_and_runs_on_its_core_only() {
        let core = *crate::supervisor::usable_cores().last().unwrap();
        let look = || (std::thread::current().name().map(str::to_owned), crate::supervisor::usable_cores());
        let (name, cores) = spawn("worker/0", Some(core), look).unwrap().join().unwrap();
        assert_eq!((name.as_deref(), cores), (Some("worker/0"), vec![core]));
    }

    #[test]
    fn a_core_that_does_not_exist_is_refused_and_nothing_runs() {
        for core in [1_000, 100_000] {
            let error = spawn("worker/7", Some(core), || panic!("must not run")).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("worker/7") && text.contains(&format!("core {core} does not exist")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_panic_becomes_an_error_with_its_message() {
        let spawned = spawn("clumsy", None, || assert_eq!(1, 2, "sums must agree")).unwrap();
        let JoinError::Panicked(text) = spawned.join().unwrap_err() else { panic!("no panic") };
        assert!(text.contains("sums must agree"), "{text}");
    }

    #[test]
    fn a_join_ends_at_its_deadline() {
        let stop = Stop::new();
        let held = stop.clone();
        let spawned = spawn("slow", None, move || held.wait(Duration::from_secs(600))).unwrap();
        assert_eq!(spawned.join_until(Instant::now()), Err(JoinError::StillRunning));
        stop.stop();
    }
}

//! A target that inspects nothing, a pseudo-terminal, and a trigger's thread between the two.

pub mod target;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ocellus::config::{self, Config};
use ocellus::supervisor::{Beat, Stop};
use ocellus::trigger::{PortState, TriggerError, TriggerTarget, run};
use ocellus::types::SystemClock;

pub use crate::support::pty::Pty;
pub use crate::support::random::Random;
pub use target::{FakeTarget, How};

/// No test waits longer than this for what it expects.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A trigger on `port` as it is configured with these keys besides.
pub fn settings(port: &Path, keys: &str) -> config::TriggerConfig {
    let text = format!(
        "[[camera]]\nname = \"front\"\nsource = \"scene:\"\ninspect = {{ product = \"p\" }}\n\
         [[trigger]]\nname = \"plc\"\ncamera = \"front\"\n\
         port = \"{}\"\nreopen_ms = 10\nreopen_max_ms = 20\n{keys}\n",
        port.display()
    );
    let config = Config::parse(&text, Path::new("test.toml"), Path::new("."));
    config.unwrap_or_else(|faults| panic!("{faults}")).triggers.remove(0)
}

/// A trigger's unit, running on a thread.
pub struct Running {
    pub target: Arc<FakeTarget>,
    pub stop: Stop,
    pub beat: Beat,
    thread: Option<JoinHandle<Result<(), TriggerError>>>,
}

impl Running {
    pub fn new(settings: config::TriggerConfig, target: Arc<FakeTarget>) -> Running {
        let (stop, beat) = (Stop::new(), Beat::new());
        let thread = {
            let (target, stop, beat) = (target.clone() as Arc<dyn TriggerTarget>, stop.clone(), beat.clone());
            std::thread::spawn(move || run(&settings, &target, &SystemClock, &stop, &beat))
        };
        Running { target, stop, beat, thread: Some(thread) }
    }

    /// The same, once the port is open.
    pub fn open(settings: config::TriggerConfig, target: Arc<FakeTarget>) -> Running {
        let running = Running::new(settings, target);
        running.target.wait("the port to be open", |seen| seen.ports.last() == Some(&PortState::Open));
        running
    }

    /// Waits until the port has told all that was noise so far: until it has gone through a whole turn.
    pub fn settle(&self) {
        let (beats, deadline) = (self.beat.count(), Instant::now() + DEADLINE);
        while self.beat.count() < beats + 2 {
            assert!(Instant::now() < deadline, "the port does not turn");
            std::thread::yield_now();
        }
    }

    /// Asks to stop and waits for the end.
    pub fn finish(mut self) -> Result<(), TriggerError> {
        self.stop.stop();
        self.join()
    }

    /// Waits for the end.
    pub fn join(&mut self) -> Result<(), TriggerError> {
        self.thread.take().expect("joined once").join().expect("no panic")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

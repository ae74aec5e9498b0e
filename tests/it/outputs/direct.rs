//! The outputs alone, with readings and a host that a test sets: no service around them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use ocellus::config::Config;
use ocellus::contract::{CommandStatus, OutputState};
use ocellus::outputs::command::{OffRequest, OutputAnswer, OutputCommand, RunRequest};
use ocellus::outputs::{OutputNote, Outputs, OutputsAround, OutputsHost};
use ocellus::store::Store;
use ocellus::supervisor::{Beat, Stop};
use ocellus::types::{Delivered, Explanation, Origin, Reading, Readings, Refusal, Responder, SystemClock};

use crate::support::{PATIENCE, wait_until};

/// What becomes of a request.
pub type Outcome = Result<OutputAnswer, Refusal>;

#[derive(Default)]
struct Channels(Mutex<BTreeMap<String, Reading>>);

impl Readings for Channels {
    fn newest(&self, channel: &str) -> Option<Reading> {
        self.0.lock().unwrap().get(channel).copied()
    }
}

/// What the outputs told their service.
#[derive(Default)]
pub struct Host {
    states: Mutex<Vec<CommandStatus>>,
    notes: Mutex<Vec<String>>,
    alarms: Mutex<BTreeMap<String, String>>,
    lost: AtomicBool,
}

impl Host {
    /// One whose store was lost before.
    pub fn after_a_loss() -> Host {
        Host { lost: AtomicBool::new(true), ..Host::default() }
    }
}

impl OutputsHost for Host {
    fn status(&self, status: &CommandStatus) {
        self.states.lock().unwrap().push(status.clone());
    }

    fn forget(&self, _: &str) {}

    fn alarm(&self, name: &str, why: Option<&Explanation>) {
        let mut alarms = self.alarms.lock().unwrap();
        match why {
            Some(why) => drop(alarms.insert(name.to_owned(), why.to_string())),
            None => drop(alarms.remove(name)),
        }
    }

    fn note(&self, note: &OutputNote<'_>) {
        self.notes.lock().unwrap().push(format!("{} {} {}", note.by, note.action, note.outcome));
    }

    fn publish(&self, _: &str, _: &[u8], _: bool) -> tokio::sync::oneshot::Receiver<Delivered> {
        unreachable!("the instrument listens on TCP")
    }

    fn store_was_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }
}

/// Outputs that run.
pub struct Direct {
    pub outputs: Outputs,
    host: Arc<Host>,
    channels: Arc<Channels>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

/// A command `gun` to the instrument at `port`, confirmed by it, with more keys.
pub fn gun(port: u16, keys: &str) -> String {
    let patience = if keys.contains("timeout_ms") { "" } else { "timeout_ms = 10000\n" };
    format!(
        "[[command]]\nname = \"gun\"\ntcp = \"127.0.0.1:{port}\"\nsend = \"ON\"\noff = \"OFF\"\nexpect = \"OK\"\n\
         {patience}{keys}\n"
    )
}

impl Direct {
    /// Outputs with the commands of `commands`, whose records are in `store`.
    pub fn start(commands: &str, store: Store, host: Host) -> Direct {
        let text = format!("[[camera]]\nname = \"a\"\nsource = \"scene:\"\n{commands}");
        let config = Config::parse(&text, Path::new("box.toml"), Path::new("/")).unwrap();
        let (channels, host) = (Arc::new(Channels::default()), Arc::new(host));
        let around = OutputsAround {
            host: host.clone(),
            readings: channels.clone(),
            store,
            clock: Arc::new(SystemClock),
        };
        let outputs = Outputs::new(config.outputs.into_iter().map(Arc::new).collect(), around);
        let stop = Stop::new();
        let thread = {
            let (outputs, stop) = (outputs.clone(), stop.clone());
            std::thread::spawn(move || outputs.run(&stop, &Beat::default()).unwrap())
        };
        let direct = Direct { outputs, host, channels, stop, thread: Some(thread) };
        wait_until("the outputs run", || direct.state("gun").is_some());
        direct
    }

    /// Sets the reading of `pressure`.
    pub fn pressure(&self, value: f64, age_ms: u64, stale: bool) {
        self.channels.0.lock().unwrap().insert("pressure".into(), Reading { value, age_ms, stale });
    }

    pub fn ask(&self, command: OutputCommand) -> Receiver<Outcome> {
        let (tell, answer) = channel();
        let reply = Responder::new(move |reply| drop(tell.send(reply)));
        self.outputs.ask(command, Origin::Cli { uid: None }, "1", reply);
        answer
    }

    /// Begins to run `gun`.
    pub fn begin(&self) -> Receiver<Outcome> {
        self.ask(OutputCommand::Run(RunRequest { name: "gun".into(), ..RunRequest::default() }))
    }

    pub fn run(&self) -> Outcome {
        self.begin().recv_timeout(PATIENCE).unwrap()
    }

    /// Runs `gun` once the records of the last start are read.
    pub fn run_when_ready(&self) -> Outcome {
        let mut outcome = self.run();
        wait_until("the records are read", || {
            if outcome.as_ref().is_err_and(|refusal| refusal.code == "not_ready") {
                outcome = self.run();
            }
            !outcome.as_ref().is_err_and(|refusal| refusal.code == "not_ready")
        });
        outcome
    }

    /// Asks to turn off `name`.
    pub fn off(&self, name: &str) -> Receiver<Outcome> {
        self.ask(OutputCommand::Off(OffRequest { name: Some(name.into()), ..OffRequest::default() }))
    }

    /// The state of `name` that was published last.
    pub fn state(&self, name: &str) -> Option<CommandStatus> {
        self.host.states.lock().unwrap().iter().rfind(|state| state.command == name).cloned()
    }

    pub fn is(&self, state: OutputState) -> bool {
        self.state("gun").is_some_and(|last| last.state == state)
    }

    /// Why `gun` was turned off last, once it is off.
    pub fn off_cause(&self) -> String {
        wait_until("it is turned off", || self.is(OutputState::Off));
        self.state("gun").unwrap().off_cause.unwrap_or_default()
    }

    /// Lines of the audit log that are `line`.
    pub fn notes(&self, line: &str) -> usize {
        self.host.notes.lock().unwrap().iter().filter(|note| *note == line).count()
    }

    /// Why the alarm of `name` is raised.
    pub fn alarm(&self, name: &str) -> Option<String> {
        self.host.alarms.lock().unwrap().get(name).cloned()
    }

    /// Ends the unit, as the service does after its other units.
    pub fn end(&mut self) {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

//! Interlocks with readings that a test sets: what opens one, and what that does to an output that is on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ocellus::config::Config;
use ocellus::contract::{CommandStatus, CommandValue, OutputState};
use ocellus::outputs::command::{OutputAnswer, OutputCommand, RunRequest};
use ocellus::outputs::{OutputNote, Outputs, OutputsAround, OutputsHost};
use ocellus::store::Store;
use ocellus::supervisor::{Beat, Stop};
use ocellus::types::{Delivered, Explanation, Origin, Reading, Readings, Refusal, Responder, SystemClock};

use super::support::Instrument;
use crate::support::wait_until;

#[derive(Default)]
struct Channels(Mutex<BTreeMap<String, Reading>>);

impl Readings for Channels {
    fn newest(&self, channel: &str) -> Option<Reading> {
        self.0.lock().unwrap().get(channel).copied()
    }
}

#[derive(Default)]
struct Host {
    states: Mutex<Vec<CommandStatus>>,
    notes: Mutex<Vec<String>>,
}

impl OutputsHost for Host {
    fn status(&self, status: &CommandStatus) {
        self.states.lock().unwrap().push(status.clone());
    }

    fn forget(&self, _: &str) {}

    fn alarm(&self, _: &str, _: Option<&Explanation>) {}

    fn note(&self, note: &OutputNote<'_>) {
        self.notes.lock().unwrap().push(format!("{} {} {}", note.by, note.action, note.outcome));
    }

    fn publish(&self, _: &str, _: &[u8], _: bool) -> tokio::sync::oneshot::Receiver<Delivered> {
        unreachable!("the instrument listens on TCP")
    }

    fn store_was_lost(&self) -> bool {
        false
    }
}

#[test]
fn an_interlock_that_opens_turns_the_output_off_and_it_stays_off() {
    let (instrument, dir) = (Instrument::start(), tempfile::tempdir().unwrap());
    let text = format!(
        "[[camera]]\nname = \"a\"\nsource = \"scene:\"\n[[command]]\nname = \"gun\"\ntcp = \"127.0.0.1:{}\"\n\
         send = \"ON\"\noff = \"OFF\"\nexpect = \"OK\"\ninterlock = [\"pressure < 1e-6\"]\ninterlock_max_age_ms = 5000\n",
        instrument.port
    );
    let config = Config::parse(&text, Path::new("box.toml"), dir.path()).unwrap();
    let (channels, host) = (Arc::new(Channels::default()), Arc::new(Host::default()));
    let around = OutputsAround {
        host: host.clone(),
        readings: channels.clone(),
        store: Store::open(dir.path()).unwrap().store,
        clock: Arc::new(SystemClock),
    };
    let outputs = Outputs::new(config.outputs.into_iter().map(Arc::new).collect(), around);
    let stop = Stop::new();
    let thread = {
        let (outputs, stop) = (outputs.clone(), stop.clone());
        std::thread::spawn(move || outputs.run(&stop, &Beat::default()).unwrap())
    };
    let set = |value, age_ms, stale| {
        channels.0.lock().unwrap().insert("pressure".into(), Reading { value, age_ms, stale });
    };
    let run = || -> Result<OutputAnswer, Refusal> {
        let (tell, answer) = std::sync::mpsc::channel();
        let request = RunRequest { name: "gun".into(), ..RunRequest::default() };
        let reply = Responder::new(move |reply| tell.send(reply).unwrap());
        outputs.ask(OutputCommand::Run(request), Origin::Cli { uid: None }, "1", reply);
        answer.recv_timeout(crate::support::PATIENCE).unwrap()
    };
    let refused = |expected: &str| {
        let refusal = run().unwrap_err();
        assert_eq!(refusal.code, "interlock_open");
        assert!(refusal.message.contains(expected), "{refusal}");
    };
    let is = |state: OutputState| host.states.lock().unwrap().last().is_some_and(|last| last.state == state);

    refused("pressure has no reading");
    set(4e-7, 9_000, true);
    refused("pressure is stale: its last reading, 4e-7, is 9000 ms old");
    set(4e-7, 6_000, false);
    refused("is 6000 ms old (limit 5000 ms)");
    set(2e-6, 10, false);
    refused("pressure is 2e-6 (10 ms old), and pressure < 1e-6 must hold");
    assert_eq!(instrument.lines(), [""; 0]);

    for open in [(2e-6, 10, false), (4e-7, 10, true), (4e-7, 6_000, false)] {
        set(4e-7, 10, false);
        wait_until("it can be run", || run().is_ok());
        assert!(is(OutputState::On) || !is(OutputState::TurningOff));
        set(open.0, open.1, open.2);
        wait_until("it is turned off", || is(OutputState::Off));
        let cause = host.states.lock().unwrap().last().unwrap().off_cause.clone().unwrap();
        assert!(cause.contains("interlock opened: pressure"), "{cause}");
        // What closed again is no reason to turn it on.
        set(4e-7, 10, false);
    }
    channels.0.lock().unwrap().clear();
    assert_eq!(instrument.lines(), ["ON", "OFF", "ON", "OFF", "ON", "OFF"]);
    assert_eq!(
        host.notes.lock().unwrap().iter().filter(|note| *note == "interlock command off ok").count(),
        3
    );
    let values = host.states.lock().unwrap().last().unwrap().values.clone();
    assert_eq!(values, BTreeMap::<String, CommandValue>::new());
    stop.stop();
    thread.join().unwrap();
}

//! An instrument that listens on TCP, and a box that talks to it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::support::broker::{Broker, free_port};
use crate::support::fixture::{Fixture, Service};
use crate::support::messages::listen;
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;

/// What the instrument says to a line; `None` for nothing.
type Answer = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// An instrument: it keeps every line that it got, and may be switched off and on again.
pub struct Instrument {
    pub port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<Answer>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Instrument {
    /// One that confirms every line.
    pub fn start() -> Instrument {
        let mut instrument = Instrument {
            port: free_port(),
            lines: Arc::default(),
            answer: Arc::new(Mutex::new(Box::new(|_| Some("OK".into())))),
            stop: Arc::default(),
            thread: None,
        };
        instrument.switch_on();
        instrument
    }

    /// Changes what it says to a line.
    pub fn answer_by(&self, answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    pub fn switch_on(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (lines, answer, stop) = (self.lines.clone(), self.answer.clone(), self.stop.clone());
        self.stop.store(false, Ordering::SeqCst);
        self.thread = Some(std::thread::spawn(move || {
            let mut clients = Vec::new();
            while !stop.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let (lines, answer, stop) = (lines.clone(), answer.clone(), stop.clone());
                        clients.push(std::thread::spawn(move || serve(stream, &lines, &answer, &stop)));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(2)),
                }
            }
            clients.into_iter().for_each(|client| client.join().unwrap());
        }));
    }

    pub fn switch_off(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until a line is there for the `nth` time.
    pub fn wait_line(&self, wanted: &str, nth: usize) {
        wait_until(&format!("{wanted:?} for the {nth}. time"), || {
            self.lines().iter().filter(|line| *line == wanted).count() >= nth
        });
    }
}

impl Drop for Instrument {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

fn serve(stream: TcpStream, lines: &Mutex<Vec<String>>, answer: &Mutex<Answer>, stop: &AtomicBool) {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let (mut reader, mut line) = (BufReader::new(stream), String::new());
    while !stop.load(Ordering::SeqCst) {
        match reader.read_line(&mut line) {
            Ok(0) => return,
            Ok(_) => {
                let text = std::mem::take(&mut line).trim_end().to_owned();
                lines.lock().unwrap().push(text.clone());
                let said = (answer.lock().unwrap())(&text);
                if said.is_some_and(|said| writeln!(writer, "{said}").is_err()) {
                    return;
                }
            }
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

/// A box with an instrument.
pub struct Lab {
    pub broker: Broker,
    pub fixture: Fixture,
    pub watcher: Subscriber,
    pub instrument: Instrument,
}

impl Lab {
    pub fn new() -> Lab {
        let (broker, fixture) = (Broker::start(), Fixture::new());
        let watcher = listen(broker.port);
        Lab { broker, fixture, watcher, instrument: Instrument::start() }
    }

    /// Writes the configuration with these commands.
    pub fn write(&self, commands: &str) {
        let mqtt =
            format!("url = \"mqtt://127.0.0.1:{}\"\ncommands = [\"command\", \"reload\"]", self.broker.port);
        let camera = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=64&height=64&fps=5\"\n";
        self.fixture.config_with(&mqtt, "stub", &format!("{camera}{commands}"));
    }

    /// Starts the service with these commands, and waits until it answers.
    pub fn run(&self, commands: &str) -> Service {
        self.write(commands);
        self.start()
    }

    /// Starts the service, and waits until it answers.
    pub fn start(&self) -> Service {
        let service = self.fixture.run();
        service.wait_log(&["ready"]);
        service
    }

    /// A command `rf` to the instrument, confirmed by it, with more keys.
    pub fn rf(&self, keys: &str) -> String {
        let port = self.instrument.port;
        // A busy machine is no reason for a fault.
        let patience = if keys.contains("timeout_ms") { "" } else { "timeout_ms = 10000" };
        format!(
            "[[command]]\nname = \"rf\"\ntcp = \"127.0.0.1:{port}\"\nsend = \"VOLT {{volts}}\"\noff = \"VOLT 0\"\n\
             expect = \"OK*\"\nerror = \"ERR*\"\n{keys}\n{patience}\n\
             [[command.parameter]]\nname = \"volts\"\nmin = 0\nmax = 5\nunit = \"V\"\n"
        )
    }

    /// `ocellus command ARGUMENTS --json`: whether it succeeded, and its answer.
    pub fn command(&self, arguments: &[&str]) -> (bool, Value) {
        let output = self.fixture.command(&[&["command"], arguments, &["--json"]].concat());
        let answer = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.success(), answer)
    }

    /// The same, where it must succeed.
    pub fn done(&self, arguments: &[&str]) -> Value {
        let (ok, answer) = self.command(arguments);
        assert!(ok, "{arguments:?}: {answer}");
        answer
    }

    /// The same, where it must be refused: the whole text of the answer.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let (ok, answer) = self.command(arguments);
        assert!(!ok, "{arguments:?}: {answer}");
        answer.to_string()
    }

    /// The state of `name` as `command list` has it.
    pub fn state(&self, name: &str) -> String {
        let listed = self.done(&["list"]);
        let mut commands = listed["commands"].as_array().unwrap().iter();
        let found = commands.find(|command| command["command"] == name);
        found.map_or("gone".into(), |command| command["state"].as_str().unwrap().to_owned())
    }

    /// Waits until `name` is in `state`.
    pub fn wait_state(&self, name: &str, state: &str) {
        wait_until(&format!("{name} is {state}"), || self.state(name) == state);
    }

    /// Every line of the audit log: source, action, target and outcome.
    pub fn audit(&self) -> Vec<String> {
        let files = ["audit.log", "audit-machines.log"].map(|name| self.fixture.state_dir.join(name));
        let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap_or_default());
        let lines: Vec<Value> = texts
            .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
            .collect();
        let word = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let lines = lines
            .iter()
            .map(|line| ["source", "action", "target", "outcome"].map(|key| word(line, key)).join(" | "));
        lines.collect()
    }
}

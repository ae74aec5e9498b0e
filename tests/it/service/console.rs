//! `ocellus console`: a prompt on a terminal, and scripts from standard input.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub, program};
use crate::support::pty::Pty;
use crate::support::{said, wait_until};

const CAMERA: &str = "[[camera]]\nname = \"front\"\nsource = \"scene:?fps=20\"\ndetect = { model = \"m\" }\n";

fn fixture(broker: &Broker) -> Fixture {
    let fixture = Fixture::new();
    fixture.config(broker.port, &(fixture.stub("m", &Stub::default()) + CAMERA));
    fixture
}

/// A person at a terminal.
struct Person {
    pty: Pty,
    console: Child,
}

impl Person {
    fn sits_at(fixture: &Fixture) -> Person {
        let pty = Pty::new();
        let terminal = || Stdio::from(File::options().read(true).write(true).open(pty.path()).unwrap());
        let console = Command::new(program())
            .args(["console", "--config"])
            .arg(fixture.config_path())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("TERM", "xterm")
            .env_remove("XDG_STATE_HOME")
            .env("HOME", fixture.dir.path())
            .stdin(terminal())
            .stdout(terminal())
            .stderr(terminal())
            .spawn()
            .unwrap();
        Person { pty, console }
    }

    fn types(&self, keys: &str) {
        self.pty.write(keys.as_bytes());
    }

    fn sees(&self, words: &str) -> String {
        loop {
            let line = self.pty.line();
            if line.contains(words) {
                return line;
            }
        }
    }

    fn presses_ctrl_c(&self) {
        // SAFETY: a plain system call on the id of a child that was not yet waited for. The pseudo-terminal is not the
        // child's controlling one, so the signal comes from here.
        unsafe { libc::kill(self.console.id() as libc::pid_t, libc::SIGINT) };
    }

    fn leaves(mut self) -> Option<i32> {
        self.types("quit\r");
        self.console.wait().unwrap().code()
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.console.kill();
        let _ = self.console.wait();
    }
}

#[test]
fn commands_and_units_are_completed_and_history_comes_back_in_the_next_console() {
    let broker = Broker::start();
    let fixture = fixture(&broker);
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let person = Person::sits_at(&fixture);
    person.sees("Tab completes");
    person.types("resta\tcamera/\t\r");
    person.sees("camera/front is restarted");
    // What is typed or pasted ahead is carried out too, line by line.
    person.types("alarms\rhelp\rstatus\r");
    person.sees("no active alarms");
    person.sees("tail");
    person.sees("online, version");
    person.types("statsu\r");
    person.sees("statsu");
    person.types("log debug --for 60s\r");
    person.sees("level debug, on request; info comes back in 60 s");
    assert_eq!(person.leaves(), Some(0));
    let history = fs::read_to_string(fixture.path(".local/state/ocellus/history")).unwrap();
    assert!(history.contains("restart camera/front"), "{history}");

    let person = Person::sits_at(&fixture);
    person.sees("Tab completes");
    // Up, over quit, to the last command before.
    person.types("\x1b[A\x1b[A\r");
    person.sees("level debug, on request");
    person.types("\x04");
    let mut person = person;
    assert_eq!(person.console.wait().unwrap().code(), Some(0), "the end of the input ends it");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn it_outlives_the_service_says_so_and_goes_on() {
    let broker = Broker::start();
    let fixture = fixture(&broker);
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let person = Person::sits_at(&fixture);
    person.types("status\r");
    person.sees("online, version");
    // What runs on ends with Ctrl-C, and the console stays.
    person.types("tail\r");
    person.sees("ready");
    person.presses_ctrl_c();
    person.types("alarms\r");
    person.sees("no active alarms");

    assert_eq!(service.stop(), Some(0));
    person.types("\r");
    person.sees("the service is away");
    // A command waits for the service that is being started.
    person.types("status\r");
    let mut service = fixture.run();
    person.sees("the service was restarted");
    person.sees("version");
    person.types("stop\r");
    person.sees("stopped (process");
    assert_eq!(service.exit_within(crate::support::PATIENCE), Some(0));
    // It was stopped on purpose, so nothing waits for it.
    person.types("status\r");
    person.sees("no service runs");
    assert_eq!(person.leaves(), Some(0));
}

#[test]
fn a_script_ends_at_its_first_error_with_that_exit_code() {
    let broker = Broker::start();
    let fixture = fixture(&broker);
    let away = fixture.command_with_input(&["console"], "status\n");
    assert_eq!(away.status.code(), Some(12), "{}", said(&away));
    let mut service = fixture.run();
    service.wait_log(&["ready"]);

    let script = "# how is it\nstatus\n\nrestart camera/front\nlog debug --for 60s\nlog --reset\nlogs -n 1\n";
    let output = fixture.command_with_input(&["console"], script);
    assert!(output.status.success(), "{}", said(&output));
    for wanted in ["online, version", "camera/front is restarted", "level debug", "level info"] {
        assert!(said(&output).contains(wanted), "{wanted}: {}", said(&output));
    }
    assert!(!said(&output).contains("ocellus>") && !said(&output).contains('\x1b'), "{}", said(&output));

    let output = fixture.command_with_input(&["console"], "alarms\nrestart camera/back\nstatus\n");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("line 2, restart camera/back: there is no unit"), "{}", said(&output));
    assert!(said(&output).contains("camera/front"), "those that there are: {}", said(&output));
    assert!(!said(&output).contains("online, version"), "nothing after the error: {}", said(&output));

    let output =
        fixture.command_with_input(&["console", "--keep-going"], "statsu\nrestart x\nstatus\nquit\nstop\n");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("online, version") && said(&output).contains("2 commands failed"),
        "{}",
        said(&output)
    );
    assert!(service.is_running(), "nothing after quit");
    let open = fixture.command_with_input(&["console"], "restart \"camera/front\n");
    assert!(open.status.code() == Some(2) && said(&open).contains("quotation mark"), "{}", said(&open));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_script_goes_on_over_the_restart_of_what_answers_it() {
    let broker = Broker::start();
    let fixture = fixture(&broker);
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    // The socket is gone for a moment when its own part is restarted.
    let output = fixture.command_with_input(&["console"], &"restart control\nstatus\n".repeat(5));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output).matches("control is ").count(), 5, "{}", said(&output));
    wait_until("the restarts", || service.log().matches("restarted on request").count() >= 1);
    assert_eq!(service.stop(), Some(0));
}

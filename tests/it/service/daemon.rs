//! The service in the background: started, named, logged and stopped without a service manager.

use std::fs;
use std::path::PathBuf;

use crate::support::broker::{Broker, free_port};
use crate::support::fixture::{Fixture, Stub};
use crate::support::{said, wait_until};

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=20\"\ndetect = { model = \"m\" }\n";

fn fixture(broker: &Broker, rest: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.config(broker.port, &(rest.to_owned() + &fixture.stub("m", &Stub::default()) + CAMERA));
    fixture
}

/// Ends the process of a pid file when a test fails.
struct Background(PathBuf);

impl Background {
    fn pid(&self) -> Option<i32> {
        fs::read_to_string(&self.0).ok()?.trim().parse().ok()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            // SAFETY: a plain system call on the process that this test started.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
}

/// The third to sixth field of `/proc/PID/stat` behind the name: state, parent, group, session.
fn session(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap().parse().unwrap()
}

#[test]
fn it_returns_when_the_service_is_ready_and_stop_ends_it() {
    let broker = Broker::start();
    let port = free_port();
    let fixture = fixture(&broker, &format!("[web]\nbind = \"127.0.0.1:{port}\"\n\n"));
    let background = Background(fixture.state_dir.join("ocellus.pid"));
    let started = fixture.command(&["run", "--daemon"]);
    assert!(started.status.success(), "{}", said(&started));
    let pid = background.pid().expect("a pid file");
    let words = said(&started);
    assert!(
        words.contains(&format!("process {pid}")) && words.contains(&format!("http://127.0.0.1:{port}")),
        "{words}"
    );
    // It is ready now, and belongs to no terminal.
    let status = fixture.command(&["status"]);
    assert!(status.status.success() && said(&status).starts_with("online, version"), "{}", said(&status));
    assert_eq!(session(pid), pid, "a session of its own");
    let open = |fd: u32| fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap().display().to_string();
    assert_eq!(open(0), "/dev/null");
    assert!(open(1).contains("ocellus-messages") && open(2).contains("ocellus-messages"), "{}", open(2));
    // Without a journal its log is in a file of bounded size, also after its end.
    let log = fixture.state_dir.join("ocellus.log");
    wait_until("the log", || fs::read_to_string(&log).unwrap_or_default().contains("ready"));

    let second = fixture.command(&["run", "--daemon"]);
    assert!(
        second.status.code() == Some(5) && said(&second).contains("another instance"),
        "{}",
        said(&second)
    );
    assert_eq!(background.pid(), Some(pid), "the first keeps its file");

    let stopped = fixture.command(&["stop"]);
    assert!(stopped.status.success(), "{}", said(&stopped));
    assert!(background.pid().is_none() && fs::read_to_string(&log).unwrap().contains("stopped"));
    assert!(said(&fixture.command(&["logs"])).contains("stopped"));
}

#[test]
fn one_that_cannot_start_ends_with_its_exit_code_and_its_messages() {
    let broker = Broker::start();
    let fixture = fixture(&broker, "[workers]\ncores = [4711]\n\n");
    let background = Background(fixture.state_dir.join("ocellus.pid"));
    let strict = fixture.command(&["run", "--daemon", "--strict"]);
    assert_eq!(strict.status.code(), Some(3), "{}", said(&strict));
    assert!(said(&strict).contains("workers.cores") && said(&strict).contains("4711"), "{}", said(&strict));
    assert!(background.pid().is_none());
    // Otherwise it serves the fault, and says so.
    let started = fixture.command(&["run", "--daemon"]);
    assert!(started.status.success() && said(&started).contains("workers.cores"), "{}", said(&started));
    assert!(said(&fixture.command(&["status"])).contains("degraded"));
    assert!(fixture.command(&["stop"]).status.success());
}

#[test]
fn the_pid_file_can_be_elsewhere_and_one_that_cannot_be_written_is_named() {
    let broker = Broker::start();
    let fixture = fixture(&broker, "");
    let path = fixture.path("box.pid");
    let background = Background(path.clone());
    let nowhere = fixture.command(&["run", "--pid-file", "/nowhere/box.pid"]);
    assert_eq!(nowhere.status.code(), Some(1), "{}", said(&nowhere));
    assert!(
        said(&nowhere).contains("/nowhere/box.pid") && said(&nowhere).contains("--pid-file"),
        "{}",
        said(&nowhere)
    );
    let started = fixture.command(&["run", "--daemon", "--pid-file", path.to_str().unwrap()]);
    assert!(started.status.success(), "{}", said(&started));
    assert!(background.pid().is_some());
    assert!(fixture.command(&["stop"]).status.success());
    assert!(!path.exists());
}

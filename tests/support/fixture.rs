//! A box under test: a folder with configuration, models and state, and the process that runs on it.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::wait_until;

/// Two services at once on two cores would measure each other; held by every test that runs one.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The program under test: the one that was built with the tests, or `OCELLUS_PROGRAM` (an optimised one, to measure).
pub fn program() -> std::ffi::OsString {
    std::env::var_os("OCELLUS_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_ocellus").into())
}

/// What a stub model does.
pub struct Stub {
    /// Each run takes so long, from the run `slow_from` of a worker's session on.
    pub run_us: u64,
    pub slow_from: u64,
    /// Things that it sees in every frame, beside each other.
    pub things: usize,
    /// Each run fails with this.
    pub fail: Option<&'static str>,
}

impl Default for Stub {
    fn default() -> Stub {
        Stub { run_us: 0, slow_from: 1, things: 1, fail: None }
    }
}

impl Stub {
    fn text(&self) -> String {
        let Stub { run_us, slow_from, things, fail } = self;
        let fail = fail.map_or(String::new(), |cause| format!("fail = \"{cause}\"\n"));
        let rows = (*things).max(1);
        let boxes: Vec<String> = (0..rows)
            .map(|n| {
                let left = n as f32 / rows as f32;
                format!("0.1, {left}, 0.6, {}", left + 0.8 / rows as f32)
            })
            .collect();
        let tensor = |kind: &str, name: &str, shape: &str, dtype: &str, values: &str| {
            format!(
                "[[{kind}]]\nname = \"{name}\"\nshape = {shape}\ndtype = \"{dtype}\"\nvalues = [{values}]\n"
            )
        };
        [
            format!("run_us = {run_us}\nslow_from = {slow_from}\n{fail}"),
            tensor("input", "image", "[1, 32, 32, 3]", "u8", ""),
            tensor("output", "boxes", &format!("[1, {rows}, 4]"), "f32", &boxes.join(", ")),
            tensor("output", "classes", &format!("[1, {rows}]"), "f32", "0"),
            tensor("output", "scores", &format!("[1, {rows}]"), "f32", "0.9"),
            tensor("output", "count", "[1]", "f32", &things.to_string()),
        ]
        .concat()
    }
}

/// Where a service lives.
pub struct Fixture {
    pub dir: tempfile::TempDir,
    pub state_dir: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Fixture {
    pub fn new() -> Fixture {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(|failed| failed.into_inner());
        let dir = tempfile::tempdir().unwrap();
        let state_dir = dir.path().join("state");
        Fixture { dir, state_dir, _turn: turn }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes `name.stub` and gives its section.
    pub fn stub(&self, name: &str, stub: &Stub) -> String {
        fs::write(self.path(&format!("{name}.stub")), stub.text()).unwrap();
        format!("[model.{name}]\npath = \"{name}.stub\"\ntask = \"ssd\"\nlabels = [\"thing\"]\n")
    }

    /// Writes the configuration of a box that talks to the broker on `port`: the usual head, then `rest`. Over MQTT it may
    /// be asked what by default it may not.
    pub fn config(&self, port: u16, rest: &str) {
        let commands = "commands = [\"ping\", \"snapshot\", \"trigger\", \"product\", \"status\", \"alarm\", \"reload\", \"golden\", \"attendance\"]";
        self.config_with(&format!("url = \"mqtt://127.0.0.1:{port}\"\n{commands}"), "stub", rest);
    }

    /// The same with the lines `mqtt` and another runtime.
    pub fn config_with(&self, mqtt: &str, runtime: &str, rest: &str) {
        let state = self.state_dir.display();
        // Nobody looks at a page here, unless the test says so: boxes side by side would want the same port.
        let web = if rest.contains("[web]") { "" } else { "[web]\nenabled = false\n\n" };
        let text = format!(
            "[device]\nname = \"box1\"\nstate_dir = \"{state}\"\n\n[mqtt]\n{mqtt}\ntelemetry_every_ms = 200\n\n\
             [runtime]\nkind = \"{runtime}\"\n\n{web}{rest}"
        );
        // As an editor does it: a reload never sees half a file.
        fs::write(self.path("new.toml"), text).unwrap();
        fs::rename(self.path("new.toml"), self.config_path()).unwrap();
    }

    pub fn config_path(&self) -> PathBuf {
        self.path("ocellus.toml")
    }

    /// `ocellus ARGUMENTS --config FILE`, run to its end.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let mut command = self.prepared();
        command.args(arguments).arg("--config").arg(self.config_path());
        command.output().expect("the program starts")
    }

    /// Starts the same and does not wait for it.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.prepared();
        command.args(arguments).arg("--config").arg(self.config_path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    }

    /// Makes a user of the page, as `ocellus users add` does it.
    pub fn user(&self, name: &str, role: &str, password: &str) {
        let mut command = self.prepared();
        command.args(["users", "add", name, "--role", role, "--config"]).arg(self.config_path());
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the program starts");
        writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
        assert!(child.wait().unwrap().success(), "the user {name} is made");
    }

    /// The same with something on its standard input.
    pub fn command_with_input(&self, arguments: &[&str], input: &str) -> Output {
        use std::io::Write;
        let mut command = self.prepared();
        command.args(arguments).arg("--config").arg(self.config_path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // It may refuse before it reads.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Starts the service.
    pub fn run(&self) -> Service {
        self.run_with(&[])
    }

    /// Starts the service with more of an environment.
    pub fn run_with(&self, env: &[(&str, &str)]) -> Service {
        let log = self.path(&format!("log-{}", fs::read_dir(self.dir.path()).unwrap().count()));
        let mut command = self.prepared();
        command.arg("run").arg("--config").arg(self.config_path());
        command.envs(env.iter().copied());
        let stderr = File::create(&log).unwrap();
        let child = command.stdout(Stdio::null()).stderr(stderr).spawn().expect("the program starts");
        Service { child, log }
    }

    /// Starts the service with more options.
    pub fn run_as(&self, options: &[&str]) -> Service {
        let log = self.path(&format!("log-{}", fs::read_dir(self.dir.path()).unwrap().count()));
        let mut command = self.prepared();
        command.arg("run").arg("--config").arg(self.config_path()).args(options);
        let stderr = File::create(&log).unwrap();
        let child = command.stdout(Stdio::null()).stderr(stderr).spawn().expect("the program starts");
        Service { child, log }
    }

    fn prepared(&self) -> Command {
        let mut command = Command::new(program());
        // Where `.runtime/` is, if the set-up made it.
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("NOTIFY_SOCKET")
            .env_remove("JOURNAL_STREAM");
        command
    }
}

/// A running service; killed when dropped.
pub struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// What it wrote to standard error so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the log holds every one of `words` in one line.
    pub fn wait_log(&self, words: &[&str]) -> String {
        let mut found = String::new();
        wait_until(&format!("a line of the log with {words:?}"), || {
            let log = self.log();
            let line = log.lines().find(|line| words.iter().all(|word| line.contains(word)));
            found = line.unwrap_or_default().to_owned();
            line.is_some()
        });
        found
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: a plain system call on the id of a child that was not yet waited for.
        unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
    }

    /// As the power fails.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The exit code, if the process ends by itself within `patience`; `None` after a signal.
    pub fn exit_within(&mut self, patience: Duration) -> Option<i32> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the process did not end within {patience:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks it to stop, and gives its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal(libc::SIGTERM);
        self.exit_within(Duration::from_secs(10))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the log of the service:\n{}---", self.log());
        }
    }
}

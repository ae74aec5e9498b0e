//! `ocellus run --daemon`: starts the service in a session of its own, and returns once it is ready.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::RunArgs;
use crate::cli::output;
use crate::commands::Command as Request;
use crate::commands::overview::Overview;
use crate::commands::service::ServiceStatus;
use crate::control::ask_within;
use crate::service::Exit;

/// How long the service may take until it is ready; as `TimeoutStartSec` of the systemd unit.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);
/// How long one question to the service may take meanwhile.
const QUICK: Duration = Duration::from_secs(2);

/// Why the service does not run in the background.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum DaemonFault {
    /// It ended before it was ready; its messages were printed.
    #[error("the service ended before it was ready ({status}); its messages are above")]
    Ended {
        /// How the process ended.
        status: ExitStatus,
    },
    /// The process named in the file still runs.
    #[error(
        "the service is not ready after {} s; it runs on as process {pid}: `ocellus status` says what it waits for, \
         `ocellus stop` ends it", PATIENCE.as_secs()
    )]
    NotReady {
        /// The process of the service.
        pid: u32,
    },
}

impl DaemonFault {
    /// The exit code of the service, as if it had run in the foreground.
    pub(in crate::cli) fn exit(&self) -> Exit {
        match self {
            DaemonFault::Ended { status } => status.code().and_then(Exit::from_code).unwrap_or(Exit::Other),
            DaemonFault::NotReady { .. } => Exit::Away,
        }
    }
}

/// Starts the service and waits until it is ready.
pub(super) fn start(arguments: &RunArgs) -> anyhow::Result<()> {
    let messages = messages()?;
    let mut child = spawn(arguments, &messages).context("the service cannot be started")?;
    let outcome = await_ready(arguments, &mut child);
    // Nobody reads it from now on, also where the service is not ready yet and runs on: what libraries still write is
    // refused, and takes no memory.
    let _ = fcntl_add_seals(&messages, SealFlags::GROW);
    let text = read(&messages).context("the messages of the service cannot be read")?;
    if let text @ [_, ..] = text.trim_ascii() {
        output::complain(String::from_utf8_lossy(text));
    }
    let ready = outcome?;
    let dir = arguments.configured.dir();
    let mut lines = vec![format!("the service runs as process {}; `ocellus stop` ends it", ready.pid)];
    lines.extend(ready.page.map(|page| format!("  page: {page}")));
    lines.push(format!("  log: `ocellus logs --follow`; state: {}", dir.display()));
    Ok(output::print(lines.join("\n"))?)
}

/// Memory for what the service writes to standard output and standard error before its log begins.
fn messages() -> anyhow::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    Ok(memfd_create("ocellus-messages", flags).context("no memory for the messages of the service")?.into())
}

/// All that was written. The service writes through the same file, whose place must not move.
fn read(messages: &File) -> std::io::Result<Vec<u8>> {
    let mut text = vec![0; messages.metadata()?.len() as usize];
    messages.read_exact_at(&mut text, 0)?;
    Ok(text)
}

fn spawn(arguments: &RunArgs, messages: &File) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["run", "--detached"]).args(arguments.strict.then_some("--strict"));
    let files = [
        ("--config", &arguments.configured.config),
        ("--state-dir", &arguments.configured.state_dir),
        ("--pid-file", &arguments.pid_file),
    ];
    for (option, file) in files {
        command.args(file.iter().flat_map(|file| [OsStr::new(option), file.as_os_str()]));
    }
    // A service manager that started this process does not wait for the service itself.
    command.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC").env_remove("JOURNAL_STREAM");
    command.stdin(Stdio::null()).stdout(messages.try_clone()?).stderr(messages.try_clone()?);
    command.spawn()
}

/// Waits until the service reports that it is ready.
fn await_ready(arguments: &RunArgs, child: &mut Child) -> Result<Overview, DaemonFault> {
    let dir = arguments.configured.dir();
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(DaemonFault::Ended { status });
        }
        let answer = ask_within::<ServiceStatus>(&dir, &Request::Status, QUICK).ok();
        // Another service may have the state directory; ours then ends by itself.
        let own = answer.and_then(|answer| answer.overview).filter(|overview| overview.pid == child.id());
        if let Some(overview) = own.filter(|overview| overview.ready) {
            return Ok(overview);
        }
        if Instant::now() >= deadline {
            return Err(DaemonFault::NotReady { pid: child.id() });
        }
        std::thread::sleep(LOOK);
    }
}

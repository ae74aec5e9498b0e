//! `ocellus stop`: asks the service to finish its work and end, and waits until it is gone.

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::moment::duration;
use crate::cli::{Configured, output};
use crate::commands::Command;
use crate::commands::top::StoppingOut;
use crate::control::{ask_for, server_process};
use crate::supervisor::pid_namespace;

/// What a process takes to end after its parts have ended.
const LAST: Duration = Duration::from_secs(5);
/// How often it is looked whether a service that cannot be watched is gone.
const LOOK: Duration = Duration::from_millis(20);

/// Frames under way are finished and events are written to disk, as after SIGTERM. Where systemd started the
/// service, systemd decides what comes next: with Restart=always it starts the service again, so use
/// `systemctl stop ocellus` there.
#[derive(Debug, Args)]
pub(in crate::cli) struct StopArgs {
    #[command(flatten)]
    configured: Configured,
    /// Wait so long for its end, instead of as long as its parts may take (drain_max_ms).
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// The service was asked to stop, and still runs.
#[derive(Debug, thiserror::Error)]
#[error(
    "the service (process {pid}) was asked to stop {} s ago and still runs; `ocellus status` and its log say what it \
     waits for, and a second SIGTERM ends it at once", .waited.as_secs()
)]
pub(in crate::cli) struct StillRunning {
    pid: u32,
    waited: Duration,
}

pub(in crate::cli) fn run(arguments: &StopArgs) -> anyhow::Result<()> {
    let began = Instant::now();
    let dir = arguments.configured.dir();
    let outcome = output::asked(ask_for::<StoppingOut>(&dir, &Command::Stop)).map_err(anyhow::Error::from);
    let outcome = outcome.and_then(|answer| {
        let patience = arguments.timeout.unwrap_or(Duration::from_millis(answer.drain_ms) + LAST);
        if !wait_until_gone(&dir, &answer, began + patience) {
            return Err(StillRunning { pid: answer.pid, waited: patience }.into());
        }
        Ok(output::CliOutput::new(in_words(&answer), output::ok(&answer)?))
    });
    output::output(arguments.json, outcome)
}

fn in_words(answer: &StoppingOut) -> String {
    let stopped = format!("stopped (process {})", answer.pid);
    match &answer.systemd_unit {
        None => stopped,
        Some(unit) => format!(
            "{stopped}; systemd started it as {unit}: with Restart=always it starts it again, with the shipped \
             Restart=on-failure it does not. `systemctl stop {unit}` keeps it stopped, `systemctl start {unit}` starts it"
        ),
    }
}

/// Waits until the process has ended; returns false at the deadline.
fn wait_until_gone(dir: &Path, answer: &StoppingOut, deadline: Instant) -> bool {
    let is_visible = answer.pid_namespace == pid_namespace();
    let pid = Pid::from_raw(answer.pid as i32).filter(|_| is_visible);
    let process = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty()));
    match process {
        Some(Ok(process)) => ends_before(&process, deadline),
        // It is gone already.
        Some(Err(rustix::io::Errno::SRCH)) => true,
        // An old kernel, or another container's process: its socket goes when its parts have ended.
        _ => {
            while server_process(dir).is_some() {
                if Instant::now() >= deadline {
                    return false;
                }
                std::thread::sleep(LOOK);
            }
            true
        }
    }
}

fn ends_before(process: &OwnedFd, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        let mut watched = [PollFd::new(process, PollFlags::IN)];
        match poll(&mut watched, Some(&left)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

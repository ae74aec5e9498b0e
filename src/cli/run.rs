//! `ocellus run`: starts the service, in the foreground or in the background.

pub(super) mod daemon;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rustix::fs::Mode;

use super::Configured;
use crate::config::check_filter;
use crate::service;
use crate::telemetry::Log;
use crate::types::Explanation;

/// The variable of the environment with the level of the log, before that of the configuration.
const LEVEL: &str = "OCELLUS_LOG";

/// The service runs until it is stopped (`ocellus stop`, SIGTERM, Ctrl-C), or every camera has ended.
///
/// In production let systemd start it (`systemctl enable --now ocellus`): it starts the service again after a crash and
/// when the watchdog sees no progress, at boot and after the network, confines it to what it needs, and keeps its log.
/// --daemon is for machines without systemd and for tests: nothing starts the service again when it ends.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    configured: Configured,
    /// End with exit code 3 if the configuration cannot be used, and with 4 if a model cannot. Without this
    /// option the service starts from the configuration that was applied last, or serves page and status with
    /// the faults.
    #[arg(long)]
    strict: bool,
    /// Run in the background: return once the service is ready, with exit code 0, or with that of a service that
    /// ended before. Its log goes to log.file (ocellus.log in the state directory by default), its number to the
    /// pid file.
    #[arg(long)]
    daemon: bool,
    /// Write the number of the process there, and remove it at the end; with --daemon ocellus.pid in the state
    /// directory by default.
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Run as the process that --daemon has started.
    #[arg(long, hide = true, conflicts_with = "daemon")]
    detached: bool,
}

pub(super) fn run(arguments: &RunArgs) -> anyhow::Result<()> {
    // Events and pictures of people and products are private, so other users get no access.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    if arguments.daemon {
        return daemon::start(arguments);
    }
    if arguments.detached {
        // A session of its own: no terminal's signals, and no end with the shell that started it. It fails only where
        // this process leads one already.
        let _ = rustix::process::setsid();
    }
    let mut options = service::Options {
        strict: arguments.strict,
        pid_file: arguments.pid_file.clone(),
        detached: arguments.detached,
        ..arguments.configured.options()
    };
    if arguments.detached && options.pid_file.is_none() {
        options.pid_file = Some(options.state_dir().join("ocellus.pid"));
    }
    let boot = service::Boot::choose(&options)?;
    let start = if arguments.detached { Log::start_detached } else { Log::start };
    let log = start(boot.log_level()).context("the log cannot be started")?;
    start_level(&log, arguments.strict)?;
    let outcome = service::run(options, boot, log.clone());
    // The unit that writes the file has ended before the last lines.
    log.flush();
    Ok(outcome?)
}

/// Puts the level of `OCELLUS_LOG` into force. A faulty one does not keep the service from starting, as no faulty
/// setting does: it is reported, and the configured level stays.
fn start_level(log: &Log, strict: bool) -> anyhow::Result<()> {
    let Some(level) = std::env::var_os(LEVEL) else { return Ok(()) };
    let level = level.to_string_lossy();
    match check_filter(&level) {
        Ok(()) => Ok(log.start_with(&level)?),
        Err(fault) if strict => Err(LevelFault(fault).into()),
        Err(fault) => {
            tracing::error!("{LEVEL}={level}: {fault}; the level of the configuration is in force");
            Ok(())
        }
    }
}

/// The environment's level of the log cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{LEVEL}: {0}")]
pub(super) struct LevelFault(Explanation);

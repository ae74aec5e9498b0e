//! `ocellus run`: starts the service in the foreground.

use anyhow::Context;
use clap::Args;
use rustix::fs::Mode;

use super::Configured;
use crate::service;
use crate::telemetry::Log;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    configured: Configured,
    /// End with exit code 3 if the configuration cannot be used, and with 4 if a model cannot. Without this
    /// option the service starts from the configuration that was applied last, or serves page and status with
    /// the faults.
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(arguments: &RunArgs) -> anyhow::Result<()> {
    // Events and pictures of people and products are private, so other users get no access.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let options = service::Options { strict: arguments.strict, ..arguments.configured.options() };
    let boot = service::Boot::choose(&options)?;
    let log = Log::start(boot.log_level()).context("the log cannot be started")?;
    service::run(options, boot, log)?;
    Ok(())
}

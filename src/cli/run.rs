//! `ocellus run`: the service.

use anyhow::Context;
use clap::Args;
use rustix::fs::Mode;

use super::Configured;
use crate::app;
use crate::telemetry::Log;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // What the service keeps is nobody else's to read: events, pictures of people and of products.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let options = arguments.configured.options();
    let config = options.load()?;
    let log = Log::start(&config.log.level).context("the log cannot be started")?;
    app::run(options, config, log)?;
    Ok(())
}

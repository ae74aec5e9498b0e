//! `ocellus log`: shows the level of the running service's log, or changes it.

use std::time::Duration;

use clap::Args;

use super::LiveCommon;
use super::moment::duration;
use crate::commands::Command;
use crate::commands::log::{LogLevelOut, LogLevelSource, LogRequest};

/// The level changes at once, without a restart and for all outputs of the log. Without --for it stays until
/// --reset or the end of the service; the configuration (log.level) is not changed. Each change is in the audit
/// log. At start the level comes from OCELLUS_LOG, if that is set, otherwise from the configuration.
#[derive(Debug, Args)]
pub(in crate::cli) struct LogArgs {
    /// A level (off, error, warn, info, debug, trace), or a filter such as debug,ocellus::mqtt=trace. Without it
    /// the present level is shown.
    filter: Option<String>,
    /// Bring the usual level back by itself after this time, such as 60s or 10m.
    #[arg(long = "for", value_name = "TIME", value_parser = duration, requires = "filter")]
    time: Option<Duration>,
    /// Bring the usual level back now.
    #[arg(long, conflicts_with_all = ["filter", "time"])]
    reset: bool,
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &LogArgs) -> anyhow::Result<()> {
    let for_s = arguments.time.map(|time| time.as_secs_f64().ceil() as u64);
    let asked = LogRequest { filter: arguments.filter.clone(), for_s, reset: arguments.reset };
    arguments.common.show(&Command::Log(asked), in_words)
}

fn in_words(answer: &LogLevelOut) -> String {
    let LogLevelOut { filter, source, until, left_s, usual, places } = answer;
    let source = match source {
        LogLevelSource::Configuration => "from the configuration",
        LogLevelSource::Environment => "from OCELLUS_LOG",
        LogLevelSource::Request => "on request",
    };
    let end = match (until, left_s) {
        (Some(until), Some(left)) => format!("; {usual} comes back in {left} s, at {until}"),
        _ if filter != usual => format!("; {usual} comes back with `ocellus log --reset`"),
        _ => String::new(),
    };
    let mut lines = vec![format!("level {filter}, {source}{end}")];
    if let Some(file) = &places.file {
        let lost = match places.file_lost {
            0 => String::new(),
            lost => format!("; it did not take {lost} lines"),
        };
        lines.push(format!("  written to {}{lost}", file.display()));
    }
    if places.journal {
        lines.push("  written to the journal: journalctl -u ocellus".to_owned());
    }
    lines.join("\n")
}

//! `ocellus alarm`: lists the alarms that are raised, and acknowledges one.

use super::LiveCommon;
use crate::commands::Command;
use crate::commands::service::{self, AlarmsOut};
use crate::contract::Alarm;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(in crate::cli) struct AlarmArgs {
    #[command(subcommand)]
    action: AlarmAction,
    #[command(flatten)]
    common: LiveCommon,
}

#[derive(Debug, Subcommand)]
enum AlarmAction {
    /// List the alarms that are raised.
    List,
    /// Acknowledge an alarm: somebody knows of it. It stays until its cause is over.
    Acknowledge {
        /// The alarm, as `alarm list` names it.
        name: String,
        /// The person who acknowledges it; the user who is logged in, by default.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

/// Lists the alarms that are raised.
pub(super) fn list(common: &LiveCommon) -> anyhow::Result<()> {
    let list = Command::Alarm(service::AlarmRequest::default());
    common.show(&list, |AlarmsOut { alarms }| in_words(alarms))
}

pub(in crate::cli) fn run(arguments: &AlarmArgs) -> anyhow::Result<()> {
    let request = match &arguments.action {
        AlarmAction::List => return list(&arguments.common),
        AlarmAction::Acknowledge { name, by } => {
            let by =
                by.clone().or_else(|| std::env::var("SUDO_USER").ok()).or_else(|| std::env::var("USER").ok());
            service::AlarmRequest { acknowledge: Some(name.clone()), by }
        }
    };
    arguments.common.show(&Command::Alarm(request), line)
}

fn in_words(alarms: &[Alarm]) -> String {
    match alarms {
        [] => "no active alarms".to_owned(),
        _ => alarms.iter().map(line).collect::<Vec<_>>().join("\n"),
    }
}

/// One alarm and who has acknowledged it.
fn line(alarm: &Alarm) -> String {
    let acknowledged = match &alarm.acknowledged_by {
        Some(by) => {
            format!("acknowledged by {by} at {}", alarm.acknowledged_at.as_deref().unwrap_or("-"))
        }
        None => "not acknowledged".to_owned(),
    };
    format!("{}: since {}, {acknowledged}\n  {}", alarm.name, alarm.since, alarm.cause)
}

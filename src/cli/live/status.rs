//! `ocellus status`: the state of the service, and what its cameras inspect.

use clap::Args;

use super::LiveCommon;
use crate::commands::Command;
use crate::commands::service::{ServiceStatus, SetAside, SetAsideMessage};
use crate::contract::{Alarm, TriggerStatus};

#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &StatusArgs) -> anyhow::Result<()> {
    arguments.common.show(&Command::Status, in_words)
}

fn in_words(answer: &ServiceStatus) -> String {
    let status = &answer.status;
    let mut lines = vec![format!(
        "{}, version {}, up for {} s, configuration {:.12}",
        status.state.as_str(),
        status.version,
        status.uptime_s,
        status.config_hash
    )];
    lines.extend(status.reasons.iter().map(|reason| format!("  {reason}")));
    lines.extend(answer.alarms.iter().filter_map(acknowledged));
    lines.extend(answer.triggers.values().map(trigger));
    lines.extend(set_aside(&answer.set_aside));
    lines.join("\n")
}

/// A line for an alarm that was acknowledged; the reasons above contain its cause.
fn acknowledged(alarm: &Alarm) -> Option<String> {
    let by = alarm.acknowledged_by.as_ref()?;
    let at = alarm.acknowledged_at.as_deref().unwrap_or("-");
    Some(format!("  alarm {} was acknowledged by {by} at {at}", alarm.name))
}

/// The messages that the broker does not take.
fn set_aside(messages: &SetAside) -> Vec<String> {
    let (count, newest) = match messages {
        SetAside::Kept { count, newest } if !newest.is_empty() => (count, newest),
        SetAside::Kept { .. } | SetAside::Unreadable { .. } => return Vec::new(),
    };
    let mut lines = vec![format!("the broker did not take {count} messages; the newest of them:")];
    lines.extend(newest.iter().map(|SetAsideMessage { topic, seq, reason, time, .. }| {
        let seq = seq.map_or(String::new(), |seq| format!(" number {seq}"));
        format!("  {time} {topic}{seq}: {reason}")
    }));
    lines
}

fn trigger(status: &TriggerStatus) -> String {
    let TriggerStatus { camera, ok, ng, error, missed, overrun, .. } = status;
    let ready = if status.ready { "ready" } else { "not ready" };
    let fault = status.fault.as_ref().map_or(String::new(), |fault| format!("\n  {fault}"));
    format!(
        "{camera}: {ready}, product {}, recipe revision {}, golden revision {}; {} triggers: {ok} ok, {ng} ng, \
         {error} error, {missed} missed, {overrun} overrun{fault}",
        status.product, status.recipe_revision, status.golden_revision, status.triggers,
    )
}

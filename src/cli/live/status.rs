//! `ocellus status`: the state of the service, its cameras, and what they inspect; once, or as it changes.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::LiveCommon;
use super::glance;
use super::moment::duration;
use super::screen::Screen;
use crate::cli::output;
use crate::commands::Command;
use crate::commands::service::{ServiceStatus, SetAside, SetAsideMessage};
use crate::contract::{Alarm, TriggerStatus};
use crate::control::{AskError, ask};
use crate::types::{Clock, SystemClock, rfc3339};

#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    /// Go on, and show each change: redrawn in place on a terminal, otherwise one line for each time. Latencies are
    /// those of the last period of telemetry (mqtt.telemetry_every_ms).
    #[arg(long, short)]
    watch: bool,
    /// With --watch: how often, such as 500ms or 5s.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration, requires = "watch")]
    every: Duration,
    /// With --watch: end after so many times, those while the service is away included.
    #[arg(long, value_name = "COUNT", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &StatusArgs) -> anyhow::Result<()> {
    show(arguments, &mut |pause| {
        std::thread::sleep(pause);
        true
    })
}

/// Shows the state; with `watch` again and again, for as long as `pause` answers with true.
pub(super) fn show(arguments: &StatusArgs, pause: &mut dyn FnMut(Duration) -> bool) -> anyhow::Result<()> {
    if !arguments.watch {
        return arguments.common.show(&Command::Status, in_words);
    }
    let dir = arguments.common.configured.dir();
    let mut screen = Screen::new();
    let mut left = arguments.count.unwrap_or(u64::MAX);
    let mut first = true;
    loop {
        match ask(&dir, &Command::Status) {
            Ok(answer) => present(&mut screen, arguments, answer)?,
            // A service that does not answer at first is an error; one that goes away may come back.
            Err(error) if first => return Err(error.into()),
            Err(error) => away(&mut screen, arguments, &error)?,
        }
        first = false;
        left -= 1;
        if left == 0 || screen.is_closed || !pause(arguments.every) {
            return Ok(());
        }
    }
}

fn present(screen: &mut Screen, arguments: &StatusArgs, answer: Value) -> anyhow::Result<()> {
    if arguments.common.json {
        screen.line(&answer.to_string())?;
        return Ok(());
    }
    let status: ServiceStatus = serde_json::from_value(answer)?;
    match screen.is_terminal() {
        true => screen.redraw(&in_words(&status).lines().map(str::to_owned).collect::<Vec<_>>())?,
        false => screen.line(&glance::one_line(&now(), &status))?,
    }
    Ok(())
}

fn away(screen: &mut Screen, arguments: &StatusArgs, error: &AskError) -> anyhow::Result<()> {
    let said = match error {
        AskError::NotRunning { .. } => "away: no service runs; waiting for it".to_owned(),
        other => other.to_string(),
    };
    if arguments.common.json {
        output::complain(said);
    } else if screen.is_terminal() {
        screen.redraw(&[said])?;
    } else {
        screen.line(&format!("{} {said}", now()))?;
    }
    Ok(())
}

fn now() -> String {
    rfc3339(SystemClock.now().wall_ns)
}

fn in_words(answer: &ServiceStatus) -> String {
    let status = &answer.status;
    let starting = answer.overview.as_ref().is_some_and(|overview| !overview.ready);
    let mut lines = vec![format!(
        "{}{}, version {}, up for {} s, configuration {:.12}",
        status.state.as_str(),
        if starting { " (starting)" } else { "" },
        status.version,
        status.uptime_s,
        status.config_hash
    )];
    lines.extend(status.reasons.iter().map(|reason| format!("  {reason}")));
    lines.extend(answer.alarms.iter().filter_map(acknowledged));
    lines.extend(answer.overview.iter().flat_map(glance::table));
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

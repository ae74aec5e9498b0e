//! `ocellus intake`: sources and channels of telemetry, histories, and what could not be read.

use clap::{Args, Subcommand};

use super::LiveCommon;
use crate::commands::Command;
use crate::commands::intake::{BadRequest, IntakeCommand, SeriesRequest};
use crate::contract::{BadOut, Beyond, ChannelOut, IntakeList, SeriesOut, SourceOut};
use crate::types::rfc3339;

#[derive(Debug, Args)]
pub(in crate::cli) struct IntakeArgs {
    #[command(subcommand)]
    action: IntakeAction,
    #[command(flatten)]
    common: LiveCommon,
}

#[derive(Debug, Subcommand)]
enum IntakeAction {
    /// List the sources, and their channels with value, unit and age.
    List,
    /// Show what a channel was, in stretches of time.
    Series {
        /// The channel, as `intake list` names it.
        channel: String,
        /// The beginning: RFC 3339, or how long ago: 90s, 15m, 6h, 7d.
        #[arg(long, value_name = "TIME", default_value = "5m")]
        since: String,
        /// The end; now by default.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Most lines, 1 to 5000.
        #[arg(long, value_name = "N", default_value_t = 20)]
        points: u32,
    },
    /// List the newest lines that a source could not read, with file, number and reason.
    Bad {
        /// The source, as `intake list` names it.
        source: String,
    },
}

pub(in crate::cli) fn run(arguments: &IntakeArgs) -> anyhow::Result<()> {
    let common = &arguments.common;
    match &arguments.action {
        IntakeAction::List => common.show(&Command::Intake(IntakeCommand::List), list),
        IntakeAction::Series { channel, since, until, points } => {
            let request = SeriesRequest {
                channel: channel.clone(),
                since: Some(since.clone()),
                until: until.clone(),
                points: Some(*points),
            };
            common.show(&Command::Intake(IntakeCommand::Series(request)), series)
        }
        IntakeAction::Bad { source } => {
            let request = BadRequest { source: source.clone() };
            common.show(&Command::Intake(IntakeCommand::Bad(request)), bad)
        }
    }
}

fn list(list: &IntakeList) -> String {
    if list.sources.is_empty() && list.channels.is_empty() {
        return "no sources: add [[intake]] to the configuration".to_owned();
    }
    let sources = list.sources.iter().map(source);
    let width = list.channels.iter().map(|channel| channel.channel.chars().count()).max().unwrap_or_default();
    let channels = list.channels.iter().map(|one| channel(one, width));
    sources.chain(channels).collect::<Vec<_>>().join("\n")
}

fn source(source: &SourceOut) -> String {
    let SourceOut { source, place, state, points, bad_lines, dropped, cause, .. } = source;
    let mut line = format!("{source} ({place}): {}, {points} values, {bad_lines} bad lines", state.as_str());
    if *dropped > 0 {
        line += &format!(", {dropped} messages dropped");
    }
    match cause {
        Some(cause) => format!("{line}\n  {cause}"),
        None => line,
    }
}

fn channel(channel: &ChannelOut, width: usize) -> String {
    let name = format!("  {:<width$}", channel.channel);
    let (Some(value), Some(age_ms)) = (channel.value, channel.age_ms) else {
        return format!("{name}  no value since the start");
    };
    let unit = channel.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
    let stale = if channel.stale { ", stale" } else { "" };
    let beyond = match channel.beyond {
        Some(Beyond::Low) => ", below its limit",
        Some(Beyond::High) => ", above its limit",
        None => "",
    };
    format!("{name}  {value}{unit}, {:.1} s old{stale}{beyond}", age_ms as f64 / 1e3)
}

fn series(series: &SeriesOut) -> String {
    if series.t_ms.is_empty() {
        return format!("{}: no values from {} to {}", series.channel.channel, series.since, series.until);
    }
    let stretches = (0..series.t_ms.len()).filter_map(|at| {
        let time = rfc3339(u64::try_from(*series.t_ms.get(at)?).unwrap_or_default() * 1_000_000);
        let (min, mean, max) = (series.min.get(at)?, series.mean.get(at)?, series.max.get(at)?);
        let count = series.count.get(at)?;
        Some(match count {
            1 => format!("{time}  {mean}"),
            _ => format!("{time}  {mean} ({min} to {max}, {count} values)"),
        })
    });
    stretches.collect::<Vec<_>>().join("\n")
}

fn bad(bad: &BadOut) -> String {
    let mut lines = vec![format!("{}: {} bad lines", bad.source, bad.bad_lines)];
    for line in &bad.lines {
        lines.push(format!("{}  {}, line {}: {}", line.time, line.file, line.line, line.reason));
        lines.push(format!("  {}", line.text));
    }
    lines.extend(bad.refused.iter().map(|refused| format!("not read: {refused}")));
    lines.extend(bad.notices.iter().map(|notice| format!("noticed: {notice}")));
    lines.join("\n")
}

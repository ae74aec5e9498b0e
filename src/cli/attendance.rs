//! `ocellus attendance`: who was present on a day, on the terminal or as a table in a file. It asks the
//! running service, or reads its store if none runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::store_owner::{StoreOwner, store_owner};
use super::{CliOutput, Configured, output};
use crate::attendance::answer;
use crate::commands::Command;
use crate::commands::attendance::{self, DayRequest};
use crate::contract::{Day, DayRow, table};
use crate::control::ask_for;
use crate::types::{Clock, SystemClock};

#[derive(Debug, Args)]
pub(super) struct AttendanceArgs {
    /// The day in the device's local time; today by default.
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<String>,
    /// Only this person, by number or name.
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// Write the table as CSV into this file; "-" is standard output.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["xlsx", "json"])]
    csv: Option<PathBuf>,
    /// Write the table and the events as an XLSX workbook into this file.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    xlsx: Option<PathBuf>,
    /// Print rows and events as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(arguments: &AttendanceArgs) -> anyhow::Result<()> {
    if let Some(path) = &arguments.csv {
        let bytes = table::csv(&fetch(arguments)?)?;
        return put(path, &bytes);
    }
    if let Some(path) = &arguments.xlsx {
        let bytes = table::xlsx(&fetch(arguments)?)?;
        return put(path, &bytes);
    }
    output::output(arguments.json, output(arguments))
}

fn output(arguments: &AttendanceArgs) -> anyhow::Result<CliOutput> {
    let day = fetch(arguments)?;
    Ok(CliOutput::new(in_words(&day)?, output::ok(&day)?))
}

/// Fetches the answer of the command `attendance`.
fn fetch(arguments: &AttendanceArgs) -> anyhow::Result<Day> {
    let config = arguments.configured.options().load()?;
    let dir = &config.device.state_dir;
    let request = DayRequest { day: arguments.day.clone(), person: arguments.person.clone() };
    let command = attendance::AttendanceCommand::Day(request);
    match store_owner(dir)? {
        StoreOwner::Nobody(store) => {
            let now = SystemClock.now().wall_ns;
            Ok(answer(&store, &config.attendance, &command, now)?)
        }
        StoreOwner::Service => Ok(ask_for(dir, &Command::Attendance(command))?),
    }
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return Ok(output::print_bytes(bytes)?);
    }
    write_private(path, bytes)
        .with_context(|| format!("{} cannot be written; name a file in a folder that exists", path.display()))
}

/// The table names people, so a new file is readable by its owner alone.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    options?.write_all(bytes)
}

fn in_words(day: &Day) -> anyhow::Result<String> {
    let zone = TimeZone::get(&day.time_zone)?;
    if day.rows.is_empty() {
        return Ok(format!("{} ({}): no one was present", day.day, day.time_zone));
    }
    let width = day.rows.iter().map(|row| shown(&row.name).chars().count()).max().unwrap_or(0).max(6);
    let mut lines = vec![
        format!("{} ({})", day.day, day.time_zone),
        format!(
            "{:<width$}  {:<8}  {:<9}  {:<8}  {:>9}  visits",
            "person", "in", "last seen", "left", "here for"
        ),
    ];
    for row in &day.rows {
        lines.push(line(row, width, &zone)?);
    }
    Ok(lines.join("\n"))
}

fn line(row: &DayRow, width: usize, zone: &TimeZone) -> anyhow::Result<String> {
    let time = |text: &str| -> anyhow::Result<String> {
        let moment: Timestamp = text.parse()?;
        Ok(zone.to_datetime(moment).strftime("%H:%M:%S").to_string())
    };
    let left = match (&row.left, row.present) {
        (Some(left), _) => time(left)?,
        (None, true) => "here".to_owned(),
        (None, false) => "-".to_owned(),
    };
    let spent = format!("{}:{:02}:{:02}", row.present_s / 3_600, row.present_s / 60 % 60, row.present_s % 60);
    Ok(format!(
        "{:<width$}  {:<8}  {:<9}  {left:<8}  {spent:>9}  {:>6}",
        shown(&row.name),
        time(&row.first_in)?,
        time(&row.last_seen)?,
        row.visits,
    ))
}

/// The name without characters that control a terminal.
fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

//! Telemetry: sources, channels, their histories, and what could not be read.

use std::fmt::Write as _;

use super::super::answer::{self, Handled, WebFault, bytes, mime};
use super::super::routes::Call;
use super::super::server::Server;
use super::state::ask_within;
use crate::commands::Command;
use crate::commands::intake::{BadRequest, IntakeAnswer, IntakeCommand, SeriesRequest};
use crate::contract::{BadOut, IntakeList, SeriesOut};
use crate::types::rfc3339;

/// The answer to `command`, as the type that it has.
async fn ask_for<T: TryFrom<IntakeAnswer>>(server: &Server, command: IntakeCommand) -> Result<T, WebFault> {
    ask_within::<IntakeAnswer, T>(server, Command::Intake(command)).await
}

pub(in super::super) async fn list(call: Call) -> Handled {
    answer::json(&ask_for::<IntakeList>(&call.server, IntakeCommand::List).await?)
}

pub(in super::super) async fn bad(call: Call) -> Handled {
    let source = call.param("source").to_owned();
    answer::json(&ask_for::<BadOut>(&call.server, IntakeCommand::Bad(BadRequest { source })).await?)
}

pub(in super::super) async fn series(call: Call) -> Handled {
    let (request, is_csv) = series_request(&call)?;
    let series = ask_for::<Box<SeriesOut>>(&call.server, IntakeCommand::Series(request)).await?;
    if !is_csv {
        return answer::json(&series);
    }
    let name = format!("{}.csv", series.channel.channel);
    Ok(answer::attachment(bytes(mime::CSV, csv(&series).into()), &name))
}

/// What the query asks for, and whether as a table.
fn series_request(call: &Call) -> Result<(SeriesRequest, bool), WebFault> {
    let asked = |key| call.asked(key).filter(|asked| !asked.is_empty()).map(str::to_owned);
    let points = asked("points").map(|text| {
        let fault = |_| WebFault::bad(format!("points is {text:?}"), "write a whole number, 1 to 5000");
        text.parse::<u32>().map_err(fault)
    });
    let is_csv = match call.asked("format") {
        None | Some("" | "json") => false,
        Some("csv") => true,
        Some(word) => return Err(WebFault::bad(format!("format is {word:?}"), "write json or csv")),
    };
    let channel = call.param("channel").to_owned();
    let request =
        SeriesRequest { channel, since: asked("since"), until: asked("until"), points: points.transpose()? };
    Ok((request, is_csv))
}

/// The table of a history: one line for each stretch of time. Only numbers and times stand in it, and nothing that a
/// spreadsheet could take for a formula.
fn csv(series: &SeriesOut) -> String {
    let mut out = String::from("time,min,mean,max,count\r\n");
    let stretches = series.t_ms.iter().zip(&series.min).zip(&series.mean).zip(&series.max).zip(&series.count);
    for ((((t_ms, min), mean), max), count) in stretches {
        let time = rfc3339(u64::try_from(*t_ms).unwrap_or_default() * 1_000_000);
        let _ = write!(out, "{time},{min},{mean},{max},{count}\r\n");
    }
    out
}

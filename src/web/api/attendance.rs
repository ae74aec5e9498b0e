//! Attendance: the table of a day, also as CSV and XLSX.

use axum::http::{HeaderValue, StatusCode, header};
use bytes::Bytes;

use super::super::answer::{self, Handled, WebFault, bytes, mime};
use super::super::routes::Call;
use super::state::ask_for;
use crate::commands::Command;
use crate::commands::attendance::{self, DayRequest};
use crate::contract::Day;
use crate::contract::table::{self, TableError};

pub(in super::super) async fn day(call: Call) -> Handled {
    let format = call.asked("format").unwrap_or("json");
    if !matches!(format, "json" | "csv" | "xlsx") {
        return Err(WebFault::bad(format!("the format {format:?} is not known"), "write json, csv or xlsx"));
    }
    let request = attendance::AttendanceCommand::Day(day_request(&call));
    let day: Day = ask_for(&call.server, Command::Attendance(request)).await?;
    let (content_type, table) = match format {
        "csv" => (mime::CSV, table::csv(&day)),
        "xlsx" => (mime::XLSX, table::xlsx(&day)),
        _ => return answer::json(&day),
    };
    let mut response = bytes(content_type, Bytes::from(table.map_err(no_table)?));
    let name = format!("attachment; filename=\"attendance-{}.{format}\"", day.day);
    let name = HeaderValue::from_str(&name);
    if let Ok(name) = name {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn day_request(call: &Call) -> DayRequest {
    let asked = |key| call.asked(key).filter(|asked| !asked.is_empty()).map(str::to_owned);
    DayRequest { day: asked("day"), person: asked("person") }
}

fn no_table(error: TableError) -> WebFault {
    WebFault::new(StatusCode::INTERNAL_SERVER_ERROR, "no_table", error.to_string(), "ask for format=json")
}

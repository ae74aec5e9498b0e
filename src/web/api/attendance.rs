//! Attendance: the table of a day, also as CSV and XLSX.

use axum::http::{HeaderValue, StatusCode, header};
use bytes::Bytes;
use serde_json::json;

use super::super::answer::{self, Handled, WebFault, bytes, mime};
use super::super::routes::Call;
use super::state::ask;
use crate::contract::table::{self, TableError};
use crate::types::CommandKind;

pub(in super::super) async fn day(call: Call) -> Handled {
    let format = call.asked("format").unwrap_or("json");
    if !matches!(format, "json" | "csv" | "xlsx") {
        return Err(WebFault::bad(format!("the format {format:?} is not known"), "write json, csv or xlsx"));
    }
    let mut request = json!({ "action": "day" });
    for key in ["day", "person"] {
        if let Some(asked) = call.asked(key).filter(|asked| !asked.is_empty()) {
            request[key] = asked.into();
        }
    }
    let day = ask(&call.server, CommandKind::Attendance, request).await?;
    let (content_type, table) = match format {
        "csv" => (mime::CSV, table::csv(&day)),
        "xlsx" => (mime::XLSX, table::xlsx(&day)),
        _ => return answer::json(&day),
    };
    let mut response = bytes(content_type, Bytes::from(table.map_err(no_table)?));
    let day = day["day"].as_str().unwrap_or("day");
    let name = HeaderValue::from_str(&format!("attachment; filename=\"attendance-{day}.{format}\""));
    if let Ok(name) = name {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn no_table(error: TableError) -> WebFault {
    WebFault::new(StatusCode::INTERNAL_SERVER_ERROR, "no_table", error.to_string(), "ask for format=json")
}

//! Who was here.

use serde_json::json;

use super::super::answer::{self, Fault, Outcome};
use super::super::routes::Call;
use super::state::ask;
use crate::types::CommandKind;

pub(in super::super) async fn day(call: Call) -> Outcome {
    let format = call.asked("format").unwrap_or("json");
    if format != "json" {
        return Err(Fault::bad(format!("the format {format:?} is not known"), "write json, csv or xlsx"));
    }
    let mut wish = json!({ "action": "day" });
    if let Some(day) = call.asked("day") {
        wish["day"] = day.into();
    }
    if let Some(person) = call.asked("person") {
        let fault = |_| Fault::bad(format!("person is {person:?}"), "write the person's number");
        wish["person"] = person.parse::<u64>().map_err(fault)?.into();
    }
    let told = ask(&call.server, CommandKind::Attendance, wish).await?;
    answer::json(&told)
}

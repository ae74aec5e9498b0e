//! The gallery: every request is a `faces` command, answered by the app.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::answer::{self, Fault, Outcome, bytes, json_with, mime};
use super::super::routes::Call;
use super::super::server::Server;
use super::state::ask;
use crate::config::text;
use crate::contract::rest::{EnrolIn, MergeIn, PicturesIn, RenameIn};
use crate::types::CommandKind;

async fn faces(server: &Server, wish: Value) -> Result<Value, Fault> {
    ask(server, CommandKind::Faces, wish).await
}

pub(in super::super) async fn list(call: Call) -> Outcome {
    answer::json(&faces(&call.server, json!({ "action": "list" })).await?)
}

pub(in super::super) async fn enrol(mut call: Call) -> Outcome {
    let EnrolIn { name, pictures, camera, as_new } = call.json().await?;
    check_source(&pictures, &camera)?;
    let wish = json!({
        "action": "enrol", "name": name, "pictures": pictures, "camera": camera, "as_new": as_new,
    });
    json_with(StatusCode::CREATED, &faces(&call.server, wish).await?)
}

pub(in super::super) async fn add(mut call: Call) -> Outcome {
    let person = call.number("person")?;
    let PicturesIn { pictures, camera, as_new } = call.json().await?;
    check_source(&pictures, &camera)?;
    let wish = json!({
        "action": "add", "person": person, "pictures": pictures, "camera": camera, "as_new": as_new,
    });
    answer::json(&faces(&call.server, wish).await?)
}

/// Pictures or a camera, one of the two.
fn check_source(pictures: &Option<Vec<String>>, camera: &Option<String>) -> Result<(), Fault> {
    match (pictures, camera) {
        (Some(pictures), None) if !pictures.is_empty() => Ok(()),
        (None, Some(_)) => Ok(()),
        _ => Err(Fault::bad(
            "the request names neither pictures nor a camera, or both",
            "send pictures (JPEG or PNG in base64), or camera",
        )),
    }
}

pub(in super::super) async fn rename(mut call: Call) -> Outcome {
    let person = call.number("person")?;
    let RenameIn { name } = call.json().await?;
    let wish = json!({ "action": "rename", "person": person, "name": name });
    answer::json(&faces(&call.server, wish).await?)
}

pub(in super::super) async fn merge(mut call: Call) -> Outcome {
    let person = call.number("person")?;
    let MergeIn { into } = call.json().await?;
    answer::json(&faces(&call.server, json!({ "action": "merge", "person": person, "into": into })).await?)
}

pub(in super::super) async fn erase(call: Call) -> Outcome {
    let person = call.number("person")?;
    answer::json(&faces(&call.server, json!({ "action": "erase", "person": person })).await?)
}

pub(in super::super) async fn remove(call: Call) -> Outcome {
    let (person, sample) = (call.number("person")?, call.number("sample")?);
    answer::json(
        &faces(&call.server, json!({ "action": "remove", "person": person, "sample": sample })).await?,
    )
}

pub(in super::super) async fn picture(call: Call) -> Outcome {
    let (person, sample) = (call.number("person")?, call.number("sample")?);
    let told =
        faces(&call.server, json!({ "action": "picture", "person": person, "sample": sample })).await?;
    let picture = STANDARD.decode(told["png_base64"].as_str().unwrap_or_default());
    let picture = picture.map_err(|error| Fault::unknown("not_found", format!("no picture: {error}"), ""))?;
    Ok(bytes(mime::PNG, picture.into()))
}

pub(in super::super) async fn export(call: Call) -> Outcome {
    let told = faces(&call.server, json!({ "action": "export" })).await?;
    let lines = match &told["lines"] {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().map(line).collect(),
        _ => String::new(),
    };
    Ok(bytes(mime::JSON_LINES, lines.into()))
}

fn line(line: &Value) -> String {
    line.as_str().map_or_else(|| format!("{line}\n"), |text| format!("{}\n", text.trim_end()))
}

pub(in super::super) async fn import(mut call: Call) -> Outcome {
    let body = call.bytes().await?;
    let text = text::decode(&body)
        .map_err(|fault| Fault::bad(format!("the body {fault}"), "send an export as it was given"))?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    answer::json(&faces(&call.server, json!({ "action": "import", "lines": lines })).await?)
}

pub(in super::super) async fn reenrol(call: Call) -> Outcome {
    answer::json(&faces(&call.server, json!({ "action": "reenrol" })).await?)
}

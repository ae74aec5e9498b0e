//! The gallery: every request becomes a `faces` command, which the service answers.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::super::answer::{self, Handled, WebFault, bytes, json_with, mime};
use super::super::routes::Call;
use super::super::server::Server;
use super::state::ask;
use crate::config::text;
use crate::contract::rest::{EnrolIn, MergeIn, PicturesIn, RenameIn};
use crate::types::MAX_PICTURES;
use crate::types::{Bounded, CommandKind};

async fn faces(server: &Server, request: Value) -> Result<Value, WebFault> {
    ask(server, CommandKind::Faces, request).await
}

pub(in super::super) async fn list(call: Call) -> Handled {
    answer::json(&faces(&call.server, json!({ "action": "list" })).await?)
}

pub(in super::super) async fn enrol(mut call: Call) -> Handled {
    let EnrolIn { name, pictures, camera, as_new } = call.json().await?;
    let request = json!({ "action": "enrol", "name": name, "camera": camera, "as_new": as_new });
    let request = with_pictures(request, pictures)?;
    json_with(StatusCode::CREATED, &faces(&call.server, request).await?)
}

pub(in super::super) async fn add(mut call: Call) -> Handled {
    let person = call.number("person")?;
    let PicturesIn { pictures, camera, as_new } = call.json().await?;
    let request = json!({ "action": "add", "person": person, "camera": camera, "as_new": as_new });
    let request = with_pictures(request, pictures)?;
    answer::json(&faces(&call.server, request).await?)
}

/// Sets pictures or a camera, one of the two. Pictures are moved, not copied, because they may be as long as
/// a body can be.
fn with_pictures(
    mut request: Value,
    pictures: Option<Bounded<String, MAX_PICTURES>>,
) -> Result<Value, WebFault> {
    match (pictures, request["camera"].is_string()) {
        (Some(pictures), false) if pictures.sent > 0 => {
            let pictures = pictures.whole().map_err(too_many)?;
            request["pictures"] = pictures.into_iter().map(Value::String).collect();
            Ok(request)
        }
        (None, true) => Ok(request),
        _ => Err(WebFault::bad(
            "the request names neither pictures nor a camera, or both",
            "send pictures (JPEG or PNG in base64), or camera",
        )),
    }
}

fn too_many(sent: usize) -> WebFault {
    let message = format!("{sent} pictures were sent");
    let remedy = format!("send 1 to {MAX_PICTURES} in one request");
    WebFault::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_pictures", message, remedy)
}

pub(in super::super) async fn rename(mut call: Call) -> Handled {
    let person = call.number("person")?;
    let RenameIn { name } = call.short_json().await?;
    let request = json!({ "action": "rename", "person": person, "name": name });
    answer::json(&faces(&call.server, request).await?)
}

pub(in super::super) async fn merge(mut call: Call) -> Handled {
    let person = call.number("person")?;
    let MergeIn { into } = call.short_json().await?;
    answer::json(&faces(&call.server, json!({ "action": "merge", "person": person, "into": into })).await?)
}

pub(in super::super) async fn erase(call: Call) -> Handled {
    let person = call.number("person")?;
    answer::json(&faces(&call.server, json!({ "action": "erase", "person": person })).await?)
}

pub(in super::super) async fn remove(call: Call) -> Handled {
    let (person, sample) = (call.number("person")?, call.number("sample")?);
    answer::json(
        &faces(&call.server, json!({ "action": "remove", "person": person, "sample": sample })).await?,
    )
}

pub(in super::super) async fn picture(call: Call) -> Handled {
    let (person, sample) = (call.number("person")?, call.number("sample")?);
    let response =
        faces(&call.server, json!({ "action": "picture", "person": person, "sample": sample })).await?;
    let picture = STANDARD.decode(response["png_base64"].as_str().unwrap_or_default());
    let picture =
        picture.map_err(|error| WebFault::unknown("not_found", format!("no picture: {error}"), ""))?;
    Ok(bytes(mime::PNG, picture.into()))
}

/// Bytes of an export that are in memory at one time, roughly.
const PIECE_BYTES: usize = 1 << 20;
/// Pieces that wait for a slow reader.
const PIECES: usize = 1;

pub(in super::super) async fn export(call: Call) -> Handled {
    // The first piece is awaited here, so that a refusal becomes the response.
    let (first, mut after) = piece(&call.server, Value::Null).await?;
    let (pieces, body) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        let mut next = Ok(first);
        while pieces.send(next).await.is_ok() && !after.is_null() {
            next = match piece(&call.server, after.take()).await {
                Ok((lines, more)) => {
                    after = more;
                    Ok(lines)
                }
                // The head has been sent, so only an aborted connection shows that the export is incomplete.
                Err(fault) => Err(std::io::Error::other(fault.code)),
            };
        }
    });
    let mut response = Response::new(Body::from_stream(ReceiverStream::new(body)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(mime::JSON_LINES));
    Ok(response)
}

/// The lines of the people after `after`, and the id to continue from if there are more.
async fn piece(server: &Server, after: Value) -> Result<(Bytes, Value), WebFault> {
    let request = json!({ "action": "export", "after": after, "most_bytes": PIECE_BYTES });
    let mut answer = faces(server, request).await?;
    let Value::String(lines) = answer["lines"].take() else { return Ok((Bytes::new(), Value::Null)) };
    Ok((lines.into(), answer["next"].take()))
}

pub(in super::super) async fn import(mut call: Call) -> Handled {
    let body = call.bytes().await?;
    let text = text::decode(&body)
        .map_err(|fault| WebFault::bad(format!("the body {fault}"), "send an export as it was given"))?;
    let mut request = json!({ "action": "import" });
    // One string: a list of its lines could need many times the memory.
    request["lines"] = text.into();
    drop(body);
    answer::json(&faces(&call.server, request).await?)
}

pub(in super::super) async fn reenrol(call: Call) -> Handled {
    answer::json(&faces(&call.server, json!({ "action": "reenrol" })).await?)
}

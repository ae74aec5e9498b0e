//! The gallery: every request becomes a `faces` command, which the service answers.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::super::answer::{self, Handled, WebFault, bytes, json_with, mime};
use super::super::bodies::{EnrolIn, MergeIn, PicturesIn, RenameIn};
use super::super::routes::Call;
use super::super::server::Server;
use super::state::{another_answer, ask};
use crate::commands::faces::{
    self, ExportLines, ExportedOut, FaceSource, MAX_PICTURES, PictureOut, SentPicture,
};
use crate::commands::{Command, CommandAnswer};
use crate::config::text;
use crate::types::{Bounded, CommandKind};

async fn ask_faces(
    server: &Server,
    command: faces::GalleryCommand,
) -> Result<faces::GalleryAnswer, WebFault> {
    match ask(server, Command::Faces(command)).await? {
        CommandAnswer::Faces(answer) => Ok(answer),
        _ => Err(another_answer(CommandKind::Faces)),
    }
}

/// The same for an answer that is not handed on as it is.
async fn ask_for<T: TryFrom<faces::GalleryAnswer>>(
    server: &Server,
    command: faces::GalleryCommand,
) -> Result<T, WebFault> {
    T::try_from(ask_faces(server, command).await?).map_err(|_| another_answer(CommandKind::Faces))
}

pub(in super::super) async fn list(call: Call) -> Handled {
    answer::json(&ask_faces(&call.server, faces::GalleryCommand::List).await?)
}

pub(in super::super) async fn enrol(mut call: Call) -> Handled {
    let EnrolIn { name, pictures, camera, as_new } = call.json().await?;
    let from = source(pictures, camera, as_new)?;
    let command = faces::GalleryCommand::Enrol { name, from };
    json_with(StatusCode::CREATED, &ask_faces(&call.server, command).await?)
}

pub(in super::super) async fn add(mut call: Call) -> Handled {
    let person = call.number("person")?;
    let PicturesIn { pictures, camera, as_new } = call.json().await?;
    let from = source(pictures, camera, as_new)?;
    answer::json(&ask_faces(&call.server, faces::GalleryCommand::Add { person, from }).await?)
}

/// Sets pictures or a camera, one of the two. Pictures are moved, not copied, because they may be as long as
/// a body can be.
fn source(
    pictures: Option<Bounded<String, MAX_PICTURES>>,
    camera: Option<String>,
    as_new: bool,
) -> Result<FaceSource, WebFault> {
    let as_new = Some(as_new);
    match (pictures, camera) {
        (Some(pictures), None) if pictures.sent > 0 => {
            let pictures = pictures.whole().map_err(too_many)?;
            let pictures = Some(pictures.into_iter().map(SentPicture::Bare).collect());
            Ok(FaceSource { pictures, camera: None, as_new })
        }
        (None, camera @ Some(_)) => Ok(FaceSource { pictures: None, camera, as_new }),
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
    answer::json(&ask_faces(&call.server, faces::GalleryCommand::Rename { person, name }).await?)
}

pub(in super::super) async fn merge(mut call: Call) -> Handled {
    let person = call.number("person")?;
    let MergeIn { into } = call.short_json().await?;
    answer::json(&ask_faces(&call.server, faces::GalleryCommand::Merge { person, into }).await?)
}

pub(in super::super) async fn erase(call: Call) -> Handled {
    let person = call.number("person")?;
    answer::json(&ask_faces(&call.server, faces::GalleryCommand::Erase { person }).await?)
}

pub(in super::super) async fn remove(call: Call) -> Handled {
    let (person, sample) = (call.number("person")?, call.number("sample")?);
    answer::json(&ask_faces(&call.server, faces::GalleryCommand::Remove { person, sample }).await?)
}

pub(in super::super) async fn picture(call: Call) -> Handled {
    let (person, sample) = (call.number("person")?, call.number("sample")?);
    let command = faces::GalleryCommand::Picture { person, sample };
    let PictureOut { png } = ask_for(&call.server, command).await?;
    Ok(bytes(mime::PNG, png.into()))
}

/// Bytes of an export that are in memory at one time, roughly.
const PIECE_BYTES: u64 = 1 << 20;
/// Pieces that wait for a slow reader.
const PIECES: usize = 1;

pub(in super::super) async fn export(call: Call) -> Handled {
    // The first piece is awaited here, so that a refusal becomes the response.
    let (first, mut after) = piece(&call.server, None).await?;
    let (pieces, body) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        let mut next = Ok(first);
        while pieces.send(next).await.is_ok() && after.is_some() {
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
async fn piece(server: &Server, after: Option<u64>) -> Result<(Bytes, Option<u64>), WebFault> {
    let command = faces::GalleryCommand::Export { after, most_bytes: Some(PIECE_BYTES) };
    let ExportedOut { lines, next } = ask_for(server, command).await?;
    Ok((lines.into(), next))
}

pub(in super::super) async fn import(mut call: Call) -> Handled {
    let body = call.bytes().await?;
    let text = text::decode(&body)
        .map_err(|fault| WebFault::bad(format!("the body {fault}"), "send an export as it was given"))?;
    // One string: a list of its lines could need many times the memory.
    let lines = ExportLines::Text(text);
    drop(body);
    answer::json(&ask_faces(&call.server, faces::GalleryCommand::Import { lines }).await?)
}

pub(in super::super) async fn reenrol(call: Call) -> Handled {
    answer::json(&ask_faces(&call.server, faces::GalleryCommand::Reenrol).await?)
}

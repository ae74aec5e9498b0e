//! A picture in the body of a request, on its way to the disk while it comes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;

use super::super::answer::{WebFault, mime};
use super::super::routes::Call;
use super::disk::blocking;
use crate::types::{PictureInbox, Refusal};

/// How long a whole picture may take: each one that is on its way holds one of few places.
const WHOLE: Duration = Duration::from_secs(600);
/// How long a client may pause between two pieces of a picture.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the rest of a picture that is refused is taken, and how long its sender may pause meanwhile.
const DISCARD: Duration = Duration::from_secs(10);
const DISCARD_PAUSE: Duration = Duration::from_secs(1);
/// Pieces that wait for a slow disk.
const PIECES: usize = 4;
/// The name of a picture whose sender gives it none.
const UNNAMED: &str = "picture";

/// What the disk is sent.
enum Piece {
    Bytes(Bytes),
    /// The body is whole.
    End,
}

/// Whether the body of a request is a picture and no JSON.
pub(super) fn is_picture(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok());
    given.is_some_and(|given| given.starts_with("image/") || given == mime::BYTES)
}

/// What the sender calls the picture.
pub(super) fn name(call: &Call) -> &str {
    call.asked("name").filter(|name| !name.is_empty()).unwrap_or(UNNAMED)
}

/// Takes the picture in the body. Gives the name under which requests refer to it.
pub(super) async fn take(call: &mut Call) -> Result<String, WebFault> {
    let inbox = call.server.shared.inbox.get().cloned();
    let inbox = inbox.ok_or_else(|| {
        let remedy = "write enabled = true below [jobs] in the configuration, and restart the service";
        WebFault::new(StatusCode::NOT_IMPLEMENTED, "not_here", "the service has no queue of jobs", remedy)
    })?;
    let length = call.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let most = inbox.max_bytes();
    if length.is_some_and(|length: u64| length > most) {
        // A client that waits for "100 Continue" sends nothing before this answer.
        if !call.headers.contains_key(header::EXPECT) {
            discard(&mut call.take_body().into_data_stream(), most).await;
        }
        let message = format!("the picture has more than {} MiB", most >> 20);
        let remedy = "send a smaller one, or raise upload_mib in [jobs]";
        return Err(WebFault::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message, remedy));
    }
    let name = name(call).to_owned();
    let (pieces, taken) = mpsc::channel(PIECES);
    let whole = async {
        let sent = tokio::time::timeout(WHOLE, send(call.take_body(), pieces, most)).await;
        sent.unwrap_or_else(|_| {
            Err(too_slow(format!("the picture was not whole after {} s", WHOLE.as_secs())))
        })
    };
    let (sent, written) = tokio::join!(whole, blocking(move || write(inbox, &name, taken)));
    // What the disk says comes first: it is why nothing more was sent.
    match written? {
        Ok(Some(name)) => Ok(name),
        Ok(None) => Err(sent.err().unwrap_or_else(broken)),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn send(body: Body, pieces: mpsc::Sender<Piece>, most: u64) -> Result<(), WebFault> {
    let mut chunks = body.into_data_stream();
    loop {
        let piece = match tokio::time::timeout(PATIENCE, chunks.next()).await {
            Ok(Some(Ok(bytes))) => Piece::Bytes(bytes),
            Ok(None) => Piece::End,
            Ok(Some(Err(_))) => return Err(broken()),
            Err(_) => {
                return Err(too_slow(format!("nothing of the picture came for {} s", PATIENCE.as_secs())));
            }
        };
        let is_end = matches!(piece, Piece::End);
        let is_refused = pieces.send(piece).await.is_err();
        if is_refused && !is_end {
            discard(&mut chunks, most).await;
        }
        if is_refused || is_end {
            return Ok(());
        }
    }
}

/// Takes the rest of a picture that is refused, up to `most` bytes. A connection that is closed while bytes are unread is
/// reset, and many clients then report a broken connection instead of the reason.
async fn discard(chunks: &mut BodyDataStream, most: u64) {
    let mut left = most;
    let rest = async {
        while left > 0 {
            let Ok(Some(Ok(bytes))) = tokio::time::timeout(DISCARD_PAUSE, chunks.next()).await else {
                return;
            };
            left = left.saturating_sub(bytes.len() as u64);
        }
    };
    // What comes later is left unread.
    let _ = tokio::time::timeout(DISCARD, rest).await;
}

/// Writes the pieces; `None` where the body did not come to its end.
fn write(
    inbox: Arc<dyn PictureInbox>,
    name: &str,
    mut pieces: mpsc::Receiver<Piece>,
) -> Result<Option<String>, Refusal> {
    let mut picture = inbox.begin(name)?;
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Bytes(bytes)) => picture.write(&bytes)?,
            Some(Piece::End) => return picture.finish().map(Some),
            None => return Ok(None),
        }
    }
}

fn too_slow(message: String) -> WebFault {
    let remedy = "send it again over a better connection";
    WebFault::new(StatusCode::REQUEST_TIMEOUT, "too_slow", message, remedy)
}

/// The client is gone, so nobody reads this response.
fn broken() -> WebFault {
    WebFault::bad("the connection broke before the picture was whole", "send it again")
}

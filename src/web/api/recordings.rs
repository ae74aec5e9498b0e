//! Recordings: listed, sent in ranges, and deleted.

use std::fs::File;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;

use super::super::answer::{self, Handled, WebFault, json_with};
use super::super::routes::Call;
use super::disk::{asked_range, blocking, sent};
use crate::contract::rest::DeletedOut;
use crate::types::{NoRecording, RecordingArchive, RecordingFile, RecordingFilter};

/// Recordings of a page, usually and at most.
const USUAL: usize = 50;
pub(in super::super) const MOST: usize = 500;

pub(in super::super) async fn list(call: Call) -> Handled {
    let (archive, filter) = (archive(&call)?, filter(&call)?);
    let page = blocking(move || archive.list(&filter)).await?.map_err(fault)?;
    answer::json(&page)
}

fn filter(call: &Call) -> Result<RecordingFilter, WebFault> {
    let number = |name: &str| {
        let text = call.asked(name).filter(|text| !text.is_empty());
        let fault = |_| WebFault::bad(format!("{name} is not a number"), "write a recording's number");
        text.map(|text| text.parse().map_err(fault)).transpose()
    };
    Ok(RecordingFilter {
        camera: call.asked("camera").filter(|name| !name.is_empty()).map(str::to_owned),
        kind: kind(call)?,
        event: number("event")?,
        since_ns: time(call, "since")?,
        until_ns: time(call, "until")?,
        before: number("before")?,
        limit: call.limit(USUAL, MOST)?,
    })
}

pub(in super::super) async fn file(call: Call) -> Handled {
    let (archive, id) = (archive(&call)?, call.number("id")?);
    let part = call.asked("part").map(str::to_owned);
    let found = blocking(move || -> Result<(RecordingFile, File, u64), NoRecording> {
        let found = archive.file(id, part.as_deref())?;
        let file = File::open(&found.path).map_err(|_| NoRecording::Unknown)?;
        let bytes = file.metadata().map_err(|_| NoRecording::Unknown)?.len();
        Ok((found, file, bytes))
    });
    let (found, file, bytes) = match found.await? {
        Err(NoRecording::NotYet) => return not_yet(id),
        found => found.map_err(fault)?,
    };
    let range = asked_range(&call.headers, bytes)?;
    Ok(named(sent(file, bytes, range, found.content_type), &found.name))
}

pub(in super::super) async fn delete(call: Call) -> Handled {
    let (archive, id) = (archive(&call)?, call.number("id")?);
    match blocking(move || archive.delete(id)).await? {
        Err(NoRecording::NotYet) => Err(WebFault::new(
            StatusCode::CONFLICT,
            "writing",
            format!("recording {id} is being written"),
            "try again when it is complete",
        )),
        deleted => deleted.map_err(fault).and_then(|()| answer::json(&DeletedOut { deleted: id })),
    }
}

fn archive(call: &Call) -> Result<Arc<dyn RecordingArchive>, WebFault> {
    let archive = call.server.shared.recordings.get().cloned();
    archive.ok_or_else(|| WebFault::busy("the service is starting", "try again in a moment"))
}

fn kind(call: &Call) -> Result<Option<String>, WebFault> {
    match call.asked("kind") {
        None | Some("") => Ok(None),
        Some(kind @ ("picture" | "clip")) => Ok(Some(kind.to_owned())),
        Some(word) => Err(WebFault::bad(format!("kind is {word:?}"), "write picture or clip")),
    }
}

/// The time of the query parameter `name`, nanoseconds since 1970.
fn time(call: &Call, name: &str) -> Result<Option<u64>, WebFault> {
    let Some(text) = call.asked(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let fault = || {
        WebFault::bad(
            format!("{name} is {text:?}"),
            "write a time with its zone, such as 2026-11-21T07:00:00Z",
        )
    };
    let moment: Timestamp = text.parse().map_err(|_| fault())?;
    u64::try_from(moment.as_nanosecond()).map(Some).map_err(|_| fault())
}

/// The address is known before the recording is complete.
fn not_yet(id: u64) -> Handled {
    let error = crate::contract::rest::ErrorBody {
        code: "not_yet".into(),
        message: format!("recording {id} is not complete yet"),
        remedy: "ask again after the seconds of Retry-After".into(),
    };
    let mut response = json_with(StatusCode::ACCEPTED, &crate::contract::rest::NotYetOut { error })?;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    Ok(response)
}

fn fault(fault: NoRecording) -> WebFault {
    match fault {
        NoRecording::Unknown | NoRecording::NotYet => WebFault::unknown(
            "unknown_recording",
            "there is no such recording",
            "GET /api/v1/recordings lists them; older ones are deleted by the limits of [recorder]",
        ),
        NoRecording::Missed => WebFault::unknown(
            "missed",
            "this recording could not be made",
            "the alarm of the recorder and the messages of camera/NAME/recording say why",
        ),
        NoRecording::NoSuchFile => {
            WebFault::unknown("unknown_part", "the recording has no such file", "its entry lists its parts")
        }
        NoRecording::Unreadable(cause) => WebFault::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "store",
            format!("the index of recordings cannot be read: {cause}"),
            "see the log",
        ),
    }
}

fn named(mut response: Response, name: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("inline; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    // A recording never changes, but may be deleted.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=60"));
    response
}

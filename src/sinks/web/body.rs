//! Bodies of requests: bounded in length and in time, and JSON that says where it is wrong.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::answer::Fault;

/// Whoever takes longer to send a body is let go.
const PATIENCE: Duration = Duration::from_secs(30);

/// The whole body, of at most `limit` bytes.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Fault> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(too_long(limit));
    }
    match tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // The one other reason is a connection that broke, and nobody hears what is answered then.
        Ok(Err(_)) => Err(too_long(limit)),
        Err(_) => Err(Fault::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            format!("the body did not come within {} s", PATIENCE.as_secs()),
            "send it again over a better connection",
        )),
    }
}

fn too_long(limit: usize) -> Fault {
    Fault::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("the body is longer than {limit} bytes"),
        "send fewer or smaller pictures, or raise web.max_body_mib",
    )
}

/// What `bytes` say, `T` being an object; an empty body is an empty object.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    // Some clients put a byte order mark before JSON, which RFC 8259 lets a reader ignore.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    // serde would take a list for an object whose fields it holds in their order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Fault::bad("line 1, column 1: this is a list", "send an object: {…}"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        let message = match error.classify() {
            serde_json::error::Category::Data => format!("line {line}, column {column}: {reason}"),
            _ => format!("the body is not JSON: line {line}, column {column}: {reason}"),
        };
        Fault::bad(message, "/api/v1/openapi.json says what the body must be")
    })
}

//! Reads request bodies with limits on length, time and total memory; faults in JSON name their position.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::StreamExt as _;

use super::answer::WebFault;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a request waits for memory for its body.
const BUDGET_PATIENCE: Duration = Duration::from_secs(10);
/// The unit of the memory budget, bytes.
const UNIT: usize = 1 << 10;

/// Memory for the bodies of all requests at one time: twice the longest body. A body counts twice, because it
/// is held both as received and as parsed.
pub(super) struct BodyBudget {
    units: Arc<Semaphore>,
    most: u32,
}

impl BodyBudget {
    pub(super) fn new(max_body_bytes: usize) -> BodyBudget {
        let most = (2 * max_body_bytes).div_ceil(UNIT) as u32;
        BodyBudget { units: Arc::new(Semaphore::new(most as usize)), most }
    }

    /// Reserves memory for a body of `bytes`, until the permit is dropped.
    async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, WebFault> {
        let units = ((2 * bytes).div_ceil(UNIT) as u32).min(self.most);
        let waited =
            tokio::time::timeout(BUDGET_PATIENCE, self.units.clone().acquire_many_owned(units)).await;
        waited.ok().and_then(Result::ok).ok_or_else(|| {
            let mib = (self.most as usize * UNIT) >> 20;
            let message = format!("{mib} MiB of other requests are being read, which is the limit");
            let fault =
                WebFault::new(StatusCode::TOO_MANY_REQUESTS, "busy", message, "try again in a moment");
            fault.header(header::RETRY_AFTER, HeaderValue::from_static("5"))
        })
    }
}

/// A body, and the memory reserved for it.
pub(super) struct BudgetedBody {
    pub(super) bytes: Vec<u8>,
    pub(super) budget: OwnedSemaphorePermit,
}

/// The whole body, of at most `limit` bytes. A body of unknown length reserves memory for all of them.
pub(super) async fn read_in(
    budget: &BodyBudget,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<BudgetedBody, WebFault> {
    let announced = announced(headers, limit)?;
    let budget = budget.take(announced.unwrap_or(limit)).await?;
    let bytes = collect(body, announced, limit).await?;
    Ok(BudgetedBody { bytes, budget })
}

/// The whole body, of at most `limit` bytes; for small limits, without a reservation.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, WebFault> {
    let announced = announced(headers, limit)?;
    collect(body, announced, limit).await
}

fn announced(headers: &HeaderMap, limit: usize) -> Result<Option<usize>, WebFault> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match length {
        Some(length) if length > limit as u64 => Err(too_long(limit)),
        length => Ok(length.map(|length: u64| length as usize)),
    }
}

async fn collect(body: Body, announced: Option<usize>, limit: usize) -> Result<Vec<u8>, WebFault> {
    // Allocated at once, because growing would need half as much again.
    let mut bytes = Vec::with_capacity(announced.unwrap_or_default());
    let mut chunks = body.into_data_stream();
    let all = async {
        while let Some(chunk) = chunks.next().await {
            let Ok(chunk) = chunk else { return Err(broken()) };
            if bytes.len() + chunk.len() > limit {
                return Err(too_long(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    };
    match tokio::time::timeout(PATIENCE, all).await {
        Ok(Ok(())) => Ok(bytes),
        Ok(Err(fault)) => Err(fault),
        Err(_) => Err(WebFault::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            format!("the body did not come within {} s", PATIENCE.as_secs()),
            "send it again over a better connection",
        )),
    }
}

/// The client is gone, so nobody reads this response.
fn broken() -> WebFault {
    WebFault::bad("the connection broke before the body was whole", "send it again")
}

fn too_long(limit: usize) -> WebFault {
    let remedy = match limit {
        super::routes::SHORT_BODY => "send less",
        _ => "send fewer or smaller pictures, or raise web.max_body_mib",
    };
    let message = format!("the body is longer than {limit} bytes");
    WebFault::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message, remedy)
}

/// Parses `bytes` as the object `T`; an empty body is an empty object.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WebFault> {
    // Some clients put a byte order mark before JSON, which RFC 8259 lets a reader ignore.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    // serde would accept a list with the fields in order instead of an object.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(WebFault::bad("line 1, column 1: this is a list", "send an object: {…}"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        let message = match error.classify() {
            serde_json::error::Category::Data => format!("line {line}, column {column}: {reason}"),
            _ => format!("the body is not JSON: line {line}, column {column}: {reason}"),
        };
        WebFault::bad(message, "/api/v1/openapi.json describes the body")
    })
}

//! Responses: JSON, and faults that say what is wrong, why, and what to do next.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use crate::contract::rest::ErrorBody;
use crate::types::{Details, Refusal};

/// The result of a handler.
pub(super) type Handled = Result<Response, WebFault>;

/// A request that was refused.
#[derive(Debug)]
pub(super) struct WebFault {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    /// Boxed, because every handler's result has space for a fault and few have one.
    response: Box<FaultBody>,
}

/// The fields of a fault besides its code.
#[derive(Debug)]
struct FaultBody {
    message: String,
    remedy: String,
    details: Details,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl WebFault {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> WebFault {
        let (message, remedy) = (message.into(), remedy.into());
        let response = FaultBody { message, remedy, details: Details::None, headers: Vec::new() };
        WebFault { status, code, response: Box::new(response) }
    }

    pub(super) fn header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> WebFault {
        self.response.headers.push((name, value.into()));
        self
    }

    /// The request is malformed.
    pub(super) fn bad(message: impl Into<String>, remedy: impl Into<String>) -> WebFault {
        WebFault::new(StatusCode::BAD_REQUEST, "bad_request", message, remedy)
    }

    /// The requested thing does not exist.
    pub(super) fn unknown(
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> WebFault {
        WebFault::new(StatusCode::NOT_FOUND, code, message, remedy)
    }

    /// A limit on simultaneous use is reached.
    pub(super) fn busy(message: impl Into<String>, remedy: impl Into<String>) -> WebFault {
        let fault = WebFault::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message, remedy);
        fault.header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }
}

impl From<Refusal> for WebFault {
    fn from(refusal: Refusal) -> WebFault {
        let Refusal { code, message, remedy, details } = refusal;
        let headers = match details {
            Details::Full { retry_after_s, .. } => {
                vec![(header::RETRY_AFTER, HeaderValue::from(retry_after_s))]
            }
            _ => Vec::new(),
        };
        let response = FaultBody { message, remedy, details, headers };
        WebFault { status: status_of(code), code, response: Box::new(response) }
    }
}

/// The HTTP status for a refusal's code; unknown codes mean a conflict with the current state.
pub(super) fn status_of(code: &str) -> StatusCode {
    match code {
        "bad_request" | "bad_action" => StatusCode::BAD_REQUEST,
        "no_face" | "several_faces" | "face_too_small" | "face_blurred" | "face_turned"
        | "picture_unreadable" | "picture_too_large" | "bad_name" | "bad_import" | "bad_day"
        | "bad_recipe" | "bad_job" | "bad_kind" | "bad_url" => StatusCode::UNPROCESSABLE_ENTITY,
        "queue_full" => StatusCode::TOO_MANY_REQUESTS,
        "not_allowed" => StatusCode::FORBIDDEN,
        "out_of_limits" | "no_value" => StatusCode::UNPROCESSABLE_ENTITY,
        "not_sent" | "not_confirmed" | "still_on" => StatusCode::BAD_GATEWAY,
        "given_up" | "not_ready" | "not_stored" | "stopping" | "draining" => StatusCode::SERVICE_UNAVAILABLE,
        "not_here" | "no_model" => StatusCode::NOT_IMPLEMENTED,
        "store" | "model_failed" => StatusCode::INTERNAL_SERVER_ERROR,
        "no_person" | "no_sample" | "picture_missing" | "not_found" => StatusCode::NOT_FOUND,
        "busy" => StatusCode::SERVICE_UNAVAILABLE,
        code if code.starts_with("unknown_") => StatusCode::NOT_FOUND,
        _ => StatusCode::CONFLICT,
    }
}

impl IntoResponse for WebFault {
    fn into_response(self) -> Response {
        let FaultBody { message, remedy, details, headers } = *self.response;
        let error = ErrorBody { code: self.code.to_owned(), message, remedy };
        // Plain fields with text keys: nothing in them can fail.
        let body = serde_json::to_vec(&ErrorWithDetails { error, details }).unwrap_or_default();
        let mut response = json_text(self.status, body);
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(RefusalWord(self.code));
        response
    }
}

/// What is sent of a fault.
#[derive(Serialize)]
struct ErrorWithDetails {
    error: ErrorBody,
    #[serde(flatten)]
    details: Details,
}

/// Attached to a fault's response: its code, for the audit log.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefusalWord(pub(super) &'static str);

/// A 200 response with `body` as JSON.
pub(super) fn json(body: &impl Serialize) -> Handled {
    json_with(StatusCode::OK, body)
}

/// `body` as JSON with another status.
pub(super) fn json_with(status: StatusCode, body: &impl Serialize) -> Handled {
    match serde_json::to_string(body) {
        Ok(text) => Ok(json_text(status, text)),
        Err(error) => {
            let message = format!("the answer cannot be written: {error}");
            Err(WebFault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, "see the log"))
        }
    }
}

/// A response with text that is already JSON.
pub(super) fn json_text(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let mut response = bytes(mime::JSON, text.into());
    *response.status_mut() = status;
    response
}

/// A response with bytes of a content type.
pub(super) fn bytes(content_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Makes `response` a file that browsers save as `name`; letters that a header or a file system may not take become `_`.
pub(super) fn attachment(mut response: Response, name: &str) -> Response {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_. ".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// Joins JSON objects into a list without parsing them again.
pub(super) fn list(items: impl IntoIterator<Item = Bytes>) -> Vec<u8> {
    let mut out = vec![b'['];
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&item);
    }
    out.push(b']');
    out
}

/// The content types that are served.
pub(super) mod mime {
    pub(crate) const JSON: &str = "application/json";
    pub(crate) const JSON_LINES: &str = "application/x-ndjson";
    pub(crate) const HTML: &str = "text/html; charset=utf-8";
    pub(crate) const BYTES: &str = "application/octet-stream";
    pub(crate) const JPEG: &str = "image/jpeg";
    pub(crate) const PNG: &str = "image/png";
    pub(crate) const BMP: &str = "image/bmp";
    pub(crate) const MP4: &str = "video/mp4";
    pub(crate) const MKV: &str = "video/x-matroska";
    pub(crate) const EVENTS: &str = "text/event-stream";
    pub(crate) const MJPEG: &str = "multipart/x-mixed-replace; boundary=picture";
    pub(crate) const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
    pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    pub(crate) const GZIP: &str = "application/gzip";
    pub(crate) const ZIP: &str = "application/zip";
    pub(crate) const CSV: &str = "text/csv; charset=utf-8";
}

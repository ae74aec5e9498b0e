//! The handling that all requests and responses share.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::WebFault;
use super::guard;
use super::server::Server;

/// Headers of every response that does not set them. They prevent caching, framing, sniffing, and use by
/// other sites.
const USUAL: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

pub(super) async fn front(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let totals = &server.shared.totals;
    totals.requests.inc();
    let mut response = match guard::check_host(&server, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(fault) => fault.into_response(),
    };
    if response.status().is_client_error() {
        totals.requests_refused.inc();
    }
    for (name, value) in USUAL {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

pub(super) async fn unknown_path(uri: Uri) -> Response {
    let message = format!("there is nothing at {:?}", uri.path());
    WebFault::unknown("unknown_path", message, "/api/v1/openapi.json lists every path").into_response()
}

pub(super) async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{:?} does not take {method}", uri.path());
    let remedy = "the header Allow lists the methods";
    WebFault::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message, remedy).into_response()
}

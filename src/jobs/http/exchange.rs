//! One request: its turn at the host, its redirects, its limits, its answer.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};

use super::body::{Prepared, Receiving, Sending};
use super::client::{HttpClient, Pool};
use super::credentials::Credentials;
use super::error::HttpError;
use crate::config::SourceUrl;

/// How often a request looks whether it has to end.
const LOOK: Duration = Duration::from_millis(50);
const AGENT: &str = concat!("ocellus/", env!("CARGO_PKG_VERSION"));

/// The methods that jobs use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum Method {
    /// Fetch what is there.
    Get,
    /// Put a file there; the same as often as it is done.
    Put,
    /// Ask for something to be made.
    Post,
}

/// A request that is to be sent.
pub(in crate::jobs) struct Outgoing<'a> {
    pub(in crate::jobs) method: Method,
    pub(in crate::jobs) url: SourceUrl,
    pub(in crate::jobs) sending: Sending<'a>,
    /// Headers besides those of the credentials.
    pub(in crate::jobs) headers: HeaderMap,
    pub(in crate::jobs) credentials: &'a Credentials,
    /// The most bytes of the answer.
    pub(in crate::jobs) most_bytes: u64,
    /// The longest wait for a turn at the host; where it is longer the job is given back.
    pub(in crate::jobs) patience: Duration,
    /// Learns how much of the request is sent.
    pub(in crate::jobs) sent: &'a dyn Fn(u64),
}

/// The head of an answer that succeeded.
pub(in crate::jobs) struct Answered {
    /// Where it came from, after redirects.
    pub(in crate::jobs) url: SourceUrl,
    pub(in crate::jobs) redirects: u32,
    pub(in crate::jobs) status: u16,
}

impl HttpClient {
    /// Sends a request and receives its answer. Waits for it, and ends it when `is_stopped` says so.
    ///
    /// # Errors
    /// Anything but a whole answer with a status of success, within the limits.
    pub(in crate::jobs) fn exchange(
        &self,
        outgoing: &Outgoing<'_>,
        into: &mut dyn Receiving,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Answered, HttpError> {
        let (handle, pool) = self.engine()?;
        let watch = Watch::new(self, outgoing);
        handle.block_on(async {
            tokio::select! {
                biased;
                error = watch.over(is_stopped) => Err(error),
                answered = self.follow(&pool, outgoing, into, &watch) => answered,
            }
        })
    }

    async fn follow(
        &self,
        pool: &Pool,
        outgoing: &Outgoing<'_>,
        into: &mut dyn Receiving,
        watch: &Watch<'_>,
    ) -> Result<Answered, HttpError> {
        let (mut url, mut redirects) = (outgoing.url.clone(), 0);
        loop {
            let host = url.address();
            let turn = self.pace.turn(&host, Instant::now(), outgoing.patience);
            watch.pause(turn.map_err(|pause| HttpError::Later { after_ms: millis(pause) })?).await;
            let response = self.send(pool, &url, outgoing, watch).await?;
            let status = response.status();
            if status.is_redirection() {
                redirects += 1;
                if redirects > self.config.max_redirects {
                    return Err(HttpError::Redirects { host, most: self.config.max_redirects });
                }
                url = next(&url, outgoing.method, &response)?;
                continue;
            }
            if !status.is_success() {
                let retry_after = retry_after(response.headers());
                if let Some(pause) = retry_after {
                    self.pace.hold(&host, Instant::now(), pause);
                }
                return Err(HttpError::Status { host, status, retry_after_ms: retry_after.map(millis) });
            }
            receive(response, &host, outgoing.most_bytes, into, watch).await?;
            return Ok(Answered { url, redirects, status: status.as_u16() });
        }
    }

    /// Sends the request to `url`; returns the head of the answer.
    async fn send(
        &self,
        pool: &Pool,
        url: &SourceUrl,
        outgoing: &Outgoing<'_>,
        watch: &Watch<'_>,
    ) -> Result<Response<Incoming>, HttpError> {
        let host = url.address();
        let Prepared { body, pump } = outgoing.sending.prepare()?;
        let mut request = Request::new(body);
        *request.method_mut() = match outgoing.method {
            Method::Get => hyper::Method::GET,
            Method::Put => hyper::Method::PUT,
            Method::Post => hyper::Method::POST,
        };
        *request.uri_mut() = uri(url)?;
        let headers = request.headers_mut();
        headers.extend(outgoing.headers.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        headers.extend(outgoing.credentials.headers(url)?);
        if let Some(bytes) = outgoing.sending.length() {
            headers.insert(header::CONTENT_LENGTH, bytes.into());
        }
        let response = pool.request(request);
        let response = async { response.await.map_err(|source| HttpError::Send { host, source }) };
        let Some(pump) = pump else { return response.await };
        tokio::pin!(response);
        let sent = |bytes| {
            watch.touch();
            (outgoing.sent)(bytes);
        };
        let pumped = pump.run(sent);
        tokio::select! {
            biased;
            // A server may refuse before it has taken everything.
            early = &mut response => early,
            pumped = pumped => {
                pumped?;
                response.await
            }
        }
    }
}

async fn receive(
    response: Response<Incoming>,
    host: &str,
    most_bytes: u64,
    into: &mut dyn Receiving,
    watch: &Watch<'_>,
) -> Result<(), HttpError> {
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding.as_bytes() != b"identity") {
        return Err(HttpError::Encoding { host: host.to_owned() });
    }
    let too_large = |announced| HttpError::TooLarge { host: host.to_owned(), announced, limit: most_bytes };
    let mut body = response.into_body();
    let announced = body.size_hint().exact();
    if announced.is_some_and(|bytes| bytes > most_bytes) {
        return Err(too_large(announced));
    }
    watch.touch();
    into.begin(announced)?;
    let mut received = 0u64;
    while let Some(frame) = body.frame().await {
        watch.touch();
        let frame = frame.map_err(|source| HttpError::Lost { host: host.to_owned(), source })?;
        let Some(piece) = frame.data_ref() else { continue };
        received += piece.len() as u64;
        if received > most_bytes {
            return Err(too_large(None));
        }
        into.piece(piece)?;
    }
    Ok(())
}

/// When a request has to end: it is stopped, takes too long, or nothing moves.
struct Watch<'a> {
    client: &'a HttpClient,
    host: String,
    deadline: Cell<Instant>,
    touched: Cell<Instant>,
    /// Whether the server makes what was asked for: until its answer begins, nothing has to move.
    is_made: Cell<bool>,
}

impl Watch<'_> {
    fn new<'a>(client: &'a HttpClient, outgoing: &Outgoing<'_>) -> Watch<'a> {
        let now = Instant::now();
        Watch {
            client,
            host: outgoing.url.address(),
            deadline: Cell::new(now + client.config.timeout),
            touched: Cell::new(now),
            is_made: Cell::new(outgoing.method == Method::Post),
        }
    }

    /// Notes that something moved.
    fn touch(&self) {
        self.touched.set(Instant::now());
        self.is_made.set(false);
    }

    /// Waits, which counts neither as time of the request nor as standing still.
    async fn pause(&self, pause: Duration) {
        if !pause.is_zero() {
            self.deadline.set(self.deadline.get() + pause);
            self.touched.set(Instant::now() + pause);
            tokio::time::sleep(pause).await;
        }
    }

    /// Why the request has to end, when it has to.
    async fn over(&self, is_stopped: &dyn Fn() -> bool) -> HttpError {
        let (timeout, stall) = (self.client.config.timeout, self.client.config.stall);
        loop {
            let now = Instant::now();
            let host = || self.host.clone();
            if is_stopped() {
                return HttpError::Stopped;
            } else if now > self.deadline.get() {
                return HttpError::TimedOut { host: host(), seconds: timeout.as_secs() };
            } else if !self.is_made.get() && now.saturating_duration_since(self.touched.get()) > stall {
                return HttpError::Stalled { host: host(), seconds: stall.as_secs() };
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Where a redirect leads.
fn next(from: &SourceUrl, method: Method, response: &Response<Incoming>) -> Result<SourceUrl, HttpError> {
    let refused = |reason| HttpError::Redirect { host: from.address(), reason };
    let keeps_method =
        matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    if method != Method::Get && !keeps_method {
        return Err(refused("it would become another request"));
    }
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| refused("it does not say where to"))?;
    let next = parse(&resolved(from, location)).map_err(|_| refused("its target is no URL of a server"))?;
    match (from.scheme(), next.scheme()) {
        ("https", "http") => Err(refused("it leads from https to http")),
        _ => Ok(next),
    }
}

/// `location` as a whole URL (RFC 3986, 5.2), without what follows a `#`.
fn resolved(from: &SourceUrl, location: &str) -> String {
    let location = location.split('#').next().unwrap_or_default();
    let is_scheme = |scheme: &str| !scheme.is_empty() && scheme.chars().all(char::is_alphanumeric);
    if location.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme)) {
        return location.to_owned();
    } else if let Some(rest) = location.strip_prefix("//") {
        return format!("{}://{rest}", from.scheme());
    }
    let (path, query) = location.split_at(location.find('?').unwrap_or(location.len()));
    let whole = from.location();
    let base = whole.split('?').next().unwrap_or_default();
    let base =
        base.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or("/");
    let path = match path {
        "" => base.to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("{}{path}", &base[..=base.rfind('/').unwrap_or(0)]),
    };
    format!("{}://{}{}{query}", from.scheme(), from.address(), without_dots(&path))
}

/// A path without the segments `.` and `..` (RFC 3986, 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // The folder itself is meant.
                if segments.peek().is_none() {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

/// A URL that jobs may request.
///
/// # Errors
/// Why not; no part of the URL is repeated.
pub(in crate::jobs) fn parse(text: &str) -> Result<SourceUrl, HttpError> {
    let url: SourceUrl = text.parse().map_err(|error: crate::config::SourceError| HttpError::Url {
        reason: error.reason,
        remedy: error.remedy,
    })?;
    let fault = |reason: &str, remedy: &str| HttpError::Url { reason: reason.into(), remedy: remedy.into() };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(fault("the URL is neither http nor https", "write https://HOST/PATH"));
    }
    if url.user().is_some() {
        let remedy = "write them as a header into a file, and name it in jobs.http.credentials";
        return Err(fault("the URL holds a user or a password", remedy));
    }
    uri(&url).map(|_| url)
}

fn uri(url: &SourceUrl) -> Result<Uri, HttpError> {
    url.location().parse().map_err(|_| HttpError::Url {
        reason: "the URL holds a character that must be encoded".into(),
        remedy: "write it in ASCII, other characters as %XX, and a name with umlauts as xn--…".into(),
    })
}

/// The pause that a server asks for: seconds, or a moment (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let until = |at: SystemTime| at.duration_since(SystemTime::now()).unwrap_or_default();
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| httpdate::parse_http_date(text).ok().map(until))
}

fn millis(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_resolved_against_where_it_came_from() {
        let from: SourceUrl = "https://shop.example/a/b.jpg?key=1".parse().unwrap();
        for (location, whole) in [
            ("http://other/x", "http://other/x"),
            ("//other/x", "https://other/x"),
            ("/x?y=1#z", "https://shop.example:443/x?y=1"),
            ("c.jpg", "https://shop.example:443/a/c.jpg"),
            ("c?u=http://x/../y", "https://shop.example:443/a/c?u=http://x/../y"),
            ("?y=2", "https://shop.example:443/a/b.jpg?y=2"),
            ("../d/./e/..", "https://shop.example:443/d/"),
            ("../../../../x", "https://shop.example:443/x"),
        ] {
            assert_eq!(resolved(&from, location), whole, "{location}");
        }
        let root: SourceUrl = "http://shop.example".parse().unwrap();
        assert_eq!(resolved(&root, "c.jpg"), "http://shop.example:80/c.jpg");
    }

    #[test]
    fn only_plain_urls_of_servers_are_taken_and_no_refusal_repeats_one() {
        assert!(parse("https://shop.example/a%20b.jpg?X-Amz-Signature=1").is_ok());
        for text in [
            "ftp://shop.example/SECRET",
            "file:///SECRET",
            "https://SECRET:x@shop.example/",
            "https://shop.example/SECRET ä",
            "SECRET",
            "",
        ] {
            let error = parse(text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{text}: {error:?}");
        }
    }

    #[test]
    fn a_pause_is_given_in_seconds_or_as_a_moment() {
        let pause = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(pause("7"), Some(Duration::from_secs(7)));
        assert_eq!(pause("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!(pause(&soon).is_some_and(|pause| (90..=100).contains(&pause.as_secs())));
        assert_eq!(pause("soon"), None);
    }
}

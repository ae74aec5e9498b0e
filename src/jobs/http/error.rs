//! Why a request to another server failed, what to do next, and whether another attempt is worth it.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use hyper::StatusCode;

use super::connect::ConnectFault;
use crate::jobqueue::Retry;
use crate::jobs::kind::JobFailure;
use crate::studio::StudioError;
use crate::types::Explanation;

/// A request failed. Servers are named by host and port: the rest of a URL may hold a secret.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub(in crate::jobs) enum HttpError {
    /// The client could not be started.
    Start { cause: String },
    /// The certificate authorities of the configuration cannot be used.
    CaFile { file: PathBuf, cause: String },
    /// A file of headers cannot be read.
    Credentials { why: Explanation },
    /// A line of a file of headers is none, or sets what the client sets.
    CredentialsLine { file: PathBuf, line: usize },
    /// A URL that cannot be requested.
    Url { reason: String, remedy: String },
    /// The server was not reached, or the connection was lost before its answer.
    Send { host: String, source: hyper_util::client::legacy::Error },
    /// The connection was lost in the middle of the answer.
    Lost { host: String, source: hyper::Error },
    /// No byte came or went for too long.
    Stalled { host: String, seconds: u64 },
    /// All of it took too long.
    TimedOut { host: String, seconds: u64 },
    /// The answer is larger than allowed.
    TooLarge { host: String, announced: Option<u64>, limit: u64 },
    /// The server refused the request.
    Status { host: String, status: StatusCode, retry_after_ms: Option<u64> },
    /// One redirect too many.
    Redirects { host: String, most: u32 },
    /// A redirect that is not followed.
    Redirect { host: String, reason: &'static str },
    /// The answer is compressed, which was not asked for.
    Encoding { host: String },
    /// It is not the turn of this host yet.
    Later { after_ms: u64 },
    /// The file that is sent cannot be read.
    Read { path: PathBuf, source: io::Error },
    /// What came cannot be written.
    Write(StudioError),
    /// The job was cancelled, or the service stops.
    Stopped,
}

impl HttpError {
    /// What is wrong, and what to do next.
    pub(in crate::jobs) fn explanation(&self) -> Explanation {
        let retry = "it is tried again; if it stays, check the server and the network";
        match self {
            HttpError::Start { cause } => Explanation::new(
                format!("the HTTP client cannot be started ({cause})"),
                "try again; if it stays, restart the service",
            ),
            HttpError::CaFile { file, cause } => Explanation::new(
                format!("jobs.http.ca_file {} cannot be used ({cause})", file.display()),
                "give the path of a PEM file that the service may read",
            ),
            HttpError::Credentials { why } => why.clone(),
            HttpError::CredentialsLine { file, line } => Explanation::new(
                format!("line {line} of {} is no header that may be set", file.display()),
                "write NAME: VALUE in each line; the client sets Host, Content-Length and the like itself",
            ),
            HttpError::Url { reason, remedy } => Explanation::new(reason.clone(), remedy.clone()),
            HttpError::Send { host, source } => sending(host, source),
            HttpError::Lost { host, source } => Explanation::new(
                format!("{host} broke off in the middle of its answer ({})", deepest(source)),
                retry,
            ),
            HttpError::Stalled { host, seconds } => {
                let cause = format!("{host} sent and took nothing for {seconds} s (jobs.http.stall_s)");
                Explanation::new(cause, retry)
            }
            HttpError::TimedOut { host, seconds } => Explanation::new(
                format!("the request to {host} took longer than {seconds} s (jobs.http.timeout_s)"),
                "it is tried again; raise the limit if the server is slow",
            ),
            HttpError::TooLarge { host, announced, limit } => {
                let cause = match announced {
                    Some(bytes) => format!("{host} announces {bytes} bytes; at most {limit} are taken"),
                    None => format!("{host} sends more than {limit} bytes"),
                };
                Explanation::new(cause, "ask for something smaller, or raise jobs.http.max_mib")
            }
            HttpError::Status { host, status, .. } => {
                let remedy = match status.as_u16() {
                    401 | 403 => "check the credentials, and whether a presigned URL has expired",
                    404 | 410 => "check the URL",
                    429 | 503 => "it is tried again when the server allows it",
                    500..=599 => "it is tried again; the cause is at the server",
                    _ => "check the request against what the server expects",
                };
                Explanation::new(format!("{host} answers {status}"), remedy)
            }
            HttpError::Redirects { host, most } => Explanation::new(
                format!("{host} redirects once more after {most} redirects (jobs.http.max_redirects)"),
                "use the URL that the redirects lead to, if they end at all",
            ),
            HttpError::Redirect { host, reason } => {
                let cause = format!("a redirect of {host} is not followed: {reason}");
                Explanation::new(cause, "use the URL that it leads to, if that is what is wanted")
            }
            HttpError::Encoding { host } => Explanation::new(
                format!("{host} sends a compressed answer, which was not asked for"),
                "have the server send the file as it is",
            ),
            HttpError::Later { after_ms } => {
                Explanation::new(format!("the next request to this host may begin in {after_ms} ms"), "")
            }
            HttpError::Read { path, source } => Explanation::new(
                format!("{} cannot be read ({source})", path.display()),
                "check that the file is still there and may be read",
            ),
            HttpError::Write(error) => error.explanation(),
            HttpError::Stopped => Explanation::new("stopped", ""),
        }
    }

    /// The end of the attempt: whether another one is worth it, and when.
    pub(in crate::jobs) fn failure(self) -> JobFailure {
        let why = self.explanation();
        match self {
            HttpError::Stopped => JobFailure::Stopped,
            HttpError::Later { after_ms } => JobFailure::Later { after_ms },
            HttpError::Status { status, retry_after_ms, .. } => match (status.as_u16(), retry_after_ms) {
                (408 | 425 | 429 | 500..=599, Some(ms)) => {
                    JobFailure::Failed { why, retry: Retry::After(ms) }
                }
                (408 | 425 | 429 | 500 | 502..=504 | 506..=599, None) => JobFailure::passing(why),
                _ => JobFailure::lasting(why),
            },
            HttpError::Send { ref source, .. } if is_lasting(source) => JobFailure::lasting(why),
            HttpError::Send { .. }
            | HttpError::Lost { .. }
            | HttpError::Stalled { .. }
            | HttpError::TimedOut { .. }
            | HttpError::Start { .. }
            | HttpError::Write(_) => JobFailure::passing(why),
            _ => JobFailure::lasting(why),
        }
    }
}

/// Why a server was not reached.
fn sending(host: &str, source: &hyper_util::client::legacy::Error) -> Explanation {
    match connect_fault(source) {
        Some(fault @ ConnectFault::Refused { .. }) => Explanation::new(
            format!("{host} is not reached: {fault}"),
            "name the address or its network in jobs.http.allow if jobs may reach it, and restart the service",
        ),
        Some(fault @ ConnectFault::Tls(_)) if is_lasting(source) => Explanation::new(
            format!("{host} does not prove who it is: {fault}"),
            "check its name and the box's clock, or name its authority's certificate in jobs.http.ca_file",
        ),
        Some(fault) => Explanation::new(
            format!("{host} is not reached: {fault}"),
            "it is tried again; if it stays, check the name, the network and the server",
        ),
        None => Explanation::new(
            format!("the connection to {host} was lost before its answer ({})", deepest(source)),
            "it is tried again; if it stays, check the server and the network",
        ),
    }
}

/// An address that is refused, or a certificate: both stay as they are until somebody does something.
fn is_lasting(source: &hyper_util::client::legacy::Error) -> bool {
    match connect_fault(source) {
        Some(ConnectFault::Refused { .. }) => true,
        Some(ConnectFault::Tls(error)) => {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
                || error.kind() == io::ErrorKind::InvalidInput
        }
        _ => false,
    }
}

fn connect_fault(error: &hyper_util::client::legacy::Error) -> Option<&ConnectFault> {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(cause) = next {
        if let Some(fault) = cause.downcast_ref::<ConnectFault>() {
            return Some(fault);
        }
        next = cause.source();
    }
    None
}

/// The innermost cause in words: the outer ones only say that there is one.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}

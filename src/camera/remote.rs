//! Cameras behind a URL: connection settings, and explanations of each failure for the person who must fix
//! it.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::bus::{FaultKind, ServerAnswer};
use super::pipeline::{Build, CapturePipeline};
use super::{CaptureError, Wiring, chain};
use crate::config::{CameraConfig, SourceUrl, read_password, shown_url};
use crate::supervisor::spawn;
use crate::types::Explanation;

/// Jitter in ms that is tolerated before packets are dropped; TCP does not reorder, so little is enough.
const RTSP_LATENCY_MS: u32 = 100;
/// Timeout for one address when the cause of a failure is investigated.
const CONNECT: Duration = Duration::from_secs(2);
/// Timeout of the whole investigation: two addresses, or a name server that does not answer.
const SEARCH: Duration = Duration::from_millis(4_500);
/// Most investigations that may hang in the resolver at once; beyond that, a failure keeps GStreamer's cause.
const MOST_SEARCHES: usize = 8;
static SEARCHES: AtomicUsize = AtomicUsize::new(0);

/// A fault of a camera behind a URL, with its address and the next step.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub struct RemoteError {
    /// The address as `HOST:PORT`, without credentials.
    pub address: String,
    /// What happened, and the next step.
    pub what: Explanation,
}

impl RemoteError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        self.what.clone().within(&self.address)
    }
}

/// The facts about one failed connection that explain its cause.
#[derive(Debug, Default)]
pub struct Attempt {
    /// How long the connection lasted.
    pub lasted: Duration,
    /// Frames that came over this connection.
    pub frames: u64,
    /// Bytes that came over HTTP.
    pub bytes: u64,
    pub content_type: Option<String>,
    /// Why the HTTP response ended otherwise than a stream should.
    pub verdict: Option<Explanation>,
}

/// Builds `rtspsrc` and the decoder that its video stream turns out to need.
pub fn rtsp(
    url: &SourceUrl,
    camera: &CameraConfig,
    build: Build<'_>,
) -> Result<CapturePipeline, CaptureError> {
    let line = CapturePipeline::new(build)?;
    chain::set_decoder_threads(&line.pipeline, true);
    let source = chain::element("rtspsrc")?;
    set_address(&source, url, camera)?;
    source.set_property_from_str("protocols", "tcp");
    source.set_property("latency", RTSP_LATENCY_MS);
    source.set_property("drop-on-latency", true);
    source.set_property("tcp-timeout", patience(camera).as_micros() as u64);
    source.connect("select-stream", false, |values| {
        // Audio streams are not requested, because nothing uses them.
        let caps = values.get(2).and_then(|caps| caps.get::<gst::Caps>().ok());
        let media = caps.as_ref().and_then(|caps| caps.structure(0)?.get::<&str>("media").ok());
        Some((media != Some("audio")).to_value())
    });
    line.chain(&[&source], false)?;
    line.link_when_shown(&source, build.variant.convert);
    Ok(line)
}

/// Sets location, user and password. A password file is read again for every connection.
pub fn set_address(
    source: &gst::Element,
    url: &SourceUrl,
    camera: &CameraConfig,
) -> Result<(), CaptureError> {
    let password = camera.password_file.as_deref().map(read_password).transpose()?;
    source.set_property("location", url.location());
    source.set_property("user-id", url.user().or(camera.username.as_deref()));
    source.set_property("user-pw", url.password().or(password.as_deref()));
    Ok(())
}

/// Whether a user name is configured, in the URL or the camera's keys.
pub fn has_login(url: &SourceUrl, camera: &CameraConfig) -> bool {
    url.user().is_some() || camera.username.is_some()
}

/// How long a silent connection is kept: long enough for `frozen` to be reported first.
pub fn patience(camera: &CameraConfig) -> Duration {
    (camera.frozen_after * 3).max(Duration::from_secs(5))
}

/// Explains an error of the pipeline for the camera at `url`. Where the server refused, its answer is the
/// cause. Where it did not answer, a separate connection finds the system's error, which GStreamer does not
/// pass on.
pub fn explain(
    url: &SourceUrl,
    camera: &CameraConfig,
    error: CaptureError,
    attempt: &Attempt,
    wiring: &Wiring<'_>,
) -> CaptureError {
    let remote = |what: Explanation| CaptureError::Remote(RemoteError { address: url.address(), what });
    let fault = match error {
        CaptureError::Stream(fault) => fault,
        CaptureError::Silent { .. } => return remote(silence(attempt)),
        CaptureError::StreamEnded => {
            return attempt.verdict.clone().map_or(CaptureError::StreamEnded, remote);
        }
        other => return other,
    };
    if let Some(answer) = &fault.status {
        return remote(refusal(answer, has_login(url, camera)));
    }
    let from_source = ["souphttpsrc", "rtspsrc"].contains(&fault.element.as_str());
    let of_connection = from_source && matches!(fault.kind, FaultKind::Resource | FaultKind::Other);
    if !of_connection {
        return CaptureError::Stream(fault);
    }
    if attempt.frames > 0 || attempt.bytes > 0 {
        let what = "the connection broke while it sent";
        return remote(Explanation::new(what, "check cable, power and network"));
    }
    match search(url, wiring) {
        Some(ProbeResult::Cause(what)) => remote(what),
        Some(ProbeResult::Reached) => remote(silence(attempt)),
        None => CaptureError::Stream(fault),
    }
}

/// Explains a camera that is reachable but sends no picture.
fn silence(attempt: &Attempt) -> Explanation {
    let Attempt { lasted, bytes, content_type, .. } = attempt;
    let seconds = lasted.as_secs();
    match content_type {
        _ if *bytes == 0 && seconds < 2 => Explanation::new(
            "it accepts connections and closes them without an answer",
            "check the port, and that this is the protocol that it speaks there",
        ),
        Some(content_type) if *bytes > 0 => Explanation::new(
            format!(
                "connected, but among {bytes} bytes of {content_type} in {seconds} s there was no picture"
            ),
            "check that the path is that of an MJPEG stream",
        ),
        _ => Explanation::new(
            format!("connected, but it sent nothing for {seconds} s"),
            "check the port and the path, and that the camera does not serve another viewer already",
        ),
    }
}

/// Explains an HTTP or RTSP answer (RFC 9110, 15; RFC 7826, 17) other than success.
fn refusal(answer: &ServerAnswer, login: bool) -> Explanation {
    let code = answer.code;
    let (what, next) = match code {
        300..=399 => {
            let to = answer.redirect.as_deref().map_or_else(|| "another place".into(), shown_url);
            return Explanation::new(
                format!(
                    "it sends us on to {to} ({code}), and user and password are sent nowhere but where the configuration \
                     says"
                ),
                "`curl -sI URL` shows where it leads: write that as the source",
            );
        }
        401 | 407 if login => ("it refused the login", "check user name and password"),
        401 | 407 => ("it requires a login", "set user name and password: username and password_file"),
        403 => ("it forbids this", "check what this user may see, and whether the camera allows this access"),
        404 | 410 => ("there is nothing at this path", "check the path behind the address"),
        408 | 504 => ("it took too long", "try again later, or restart the camera"),
        429 | 453 | 503 => ("it is overloaded", "close other viewers, or restart the camera"),
        461 => ("it cannot send its stream over TCP", "allow RTP over RTSP in the camera's settings"),
        400..=499 => ("it refused the request", "check the path behind the address"),
        500..=599 => ("it reports an error of its server", "check the camera's own page, or restart it"),
        _ => ("it gave an unknown answer", "check the port and the path"),
    };
    Explanation::new(format!("{what} ({code})"), next)
}

/// What a separate connection to the camera found.
enum ProbeResult {
    Cause(Explanation),
    Reached,
}

/// Resolves the host and connects, on a separate thread because the resolver may hang; the capture thread
/// keeps beating.
fn search(url: &SourceUrl, wiring: &Wiring<'_>) -> Option<ProbeResult> {
    if SEARCHES.fetch_add(1, Ordering::Relaxed) >= MOST_SEARCHES {
        SEARCHES.fetch_sub(1, Ordering::Relaxed);
        return None;
    }
    let (host, port) = (url.host().to_owned(), url.port());
    let searching = spawn("connect-test", None, move || {
        let found = connect(&host, port);
        SEARCHES.fetch_sub(1, Ordering::Relaxed);
        found
    });
    let Ok(searching) = searching else {
        SEARCHES.fetch_sub(1, Ordering::Relaxed);
        return None;
    };
    let begun = wiring.clock.now();
    while !searching.is_finished() {
        wiring.beat.beat();
        let waited = wiring.clock.now().mono_ns.saturating_sub(begun.mono_ns);
        if wiring.stop.wait(Duration::from_millis(20)) || u128::from(waited) > SEARCH.as_nanos() {
            let what = Explanation::new(
                format!("nothing answered for {} s", SEARCH.as_secs()),
                "check that the camera is on, the network, and the box's name server",
            );
            return Some(ProbeResult::Cause(what));
        }
    }
    searching.join().ok()
}

fn connect(host: &str, port: u16) -> ProbeResult {
    let addresses: Vec<SocketAddr> = match (host, port).to_socket_addrs() {
        Ok(addresses) => addresses.take(2).collect(),
        Err(error) => return ProbeResult::Cause(unresolved(&error)),
    };
    let mut cause = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(_) => return ProbeResult::Reached,
            Err(error) => cause = Some((address, error)),
        }
    }
    ProbeResult::Cause(
        cause.map_or_else(
            || Explanation::new("its name has no address", ""),
            |(at, error)| unreached(at, &error),
        ),
    )
}

fn unresolved(error: &std::io::Error) -> Explanation {
    Explanation::new(
        format!("no host of this name is known ({error})"),
        "correct the name, or check the box's name server",
    )
}

fn unreached(address: SocketAddr, error: &std::io::Error) -> Explanation {
    use std::io::ErrorKind as Kind;
    let (what, next) = match error.kind() {
        Kind::ConnectionRefused => (
            "connection refused: nothing listens on this port",
            "check the port, and that the camera's stream is switched on",
        ),
        Kind::TimedOut | Kind::WouldBlock => {
            ("no answer", "check that the camera is on and that no firewall blocks it")
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
            ("no route to it", "check the cable, the address, the netmask and the gateway")
        }
        _ => ("the connection failed", "check the camera and the network"),
    };
    Explanation::new(format!("{what} ({address}: {error})"), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u32, login: bool) -> String {
        refusal(&ServerAnswer { code, redirect: Some("http://a:SECRET@b/c?SECRET".into()) }, login)
            .to_string()
    }

    #[test]
    fn each_answer_is_named_with_its_code_and_a_remedy() {
        assert_eq!(refused(401, true), "it refused the login (401); check user name and password");
        assert!(refused(401, false).contains("password_file"));
        for (code, word) in
            [(403, "forbids"), (404, "path"), (453, "viewers"), (500, "restart"), (503, "viewers")]
        {
            let message = refused(code, true);
            assert!(message.contains(word) && message.contains(&format!("({code})")), "{message}");
        }
        let moved = refused(302, true);
        assert!(moved.contains("http://b/c (302)") && !moved.contains("SECRET"), "{moved}");
    }

    #[test]
    fn each_failure_to_connect_is_named_with_the_systems_error() {
        let at = "10.0.0.7:554".parse().unwrap();
        for (errno, word) in [
            (libc::ECONNREFUSED, "connection refused"),
            (libc::EHOSTUNREACH, "no route"),
            (libc::ENETUNREACH, "no route"),
            (libc::ETIMEDOUT, "no answer"),
        ] {
            let message = unreached(at, &std::io::Error::from_raw_os_error(errno)).to_string();
            assert!(
                message.starts_with(word) && message.contains("10.0.0.7:554") && message.contains("check"),
                "{message}"
            );
        }
    }
}

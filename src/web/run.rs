//! The unit's thread: listens, serves, and ends in order when asked to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::conn::{self, ConnectionContext};
use super::handle::{PageAddress, Web, WebShared};
use super::limiter;
use super::places::{VisitorPlaces, Welcome};
use super::routes;
use super::server::Server;
use super::tls::{self, TlsError};
use crate::commands::CommandQueue;
use crate::config::{self, Network};
use crate::supervisor::{Beat, SpawnError, Stop};
use crate::telemetry::Repeated;
use crate::types::Explanation;

/// How often the loop beats and checks for its end while no connection comes.
const TICK: Duration = Duration::from_millis(100);
/// The longest pause between two attempts to accept a connection; shorter than the watchdog of the unit
/// allows.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Pause before a retry if the address is in use.
const AGAIN: Duration = Duration::from_secs(2);
/// How long the end waits for responses in progress; live views never end by themselves.
const DRAIN: Duration = Duration::from_millis(300);
/// Bytes that the kernel may hold for one connection (it allocates twice as much): one or two pictures, so
/// that a slow viewer sees new ones soon.
const SEND_BUFFER: u32 = 128 << 10;
/// How long threads that read files may go on when the server ends.
const LAST_READS: Duration = Duration::from_secs(1);
/// The nice value: capture and workers are more urgent.
const NICE: i32 = 5;

/// Why the unit cannot run.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum WebError {
    /// The async runtime could not be started.
    Start(#[source] std::io::Error),
    /// A thread could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The machine returns no random numbers.
    Chance(getrandom::Error),
    /// The files of TLS cannot be used.
    Tls(#[from] TlsError),
    /// Other machines can reach the address, but no user exists.
    NoUsers {
        /// The address that was to be served.
        bind: SocketAddr,
        /// The file that lists the users.
        users: String,
    },
}

impl WebError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            WebError::Start(error) => {
                Explanation::new(format!("the web's runtime cannot be started: {error}"), "")
            }
            WebError::Spawn(error) => Explanation::new(error.to_string(), ""),
            WebError::Chance(error) => {
                Explanation::new(format!("the machine gives no random numbers: {error}"), "try again")
            }
            WebError::Tls(error) => error.explanation().within("web"),
            WebError::NoUsers { bind, users } => Explanation::new(
                format!(
                    "others can reach {bind} (web.bind, web.trusted_proxies), and there are no users in {users}"
                ),
                format!("make one: `ocellus users add NAME --role admin --file {users}`"),
            ),
        }
    }
}

/// Serves until `stop`. An address in use is retried indefinitely, and `alarm` gets the reason why nothing is
/// served (`None` once it is). `commands` receives requests that change something.
pub fn run(
    cfg: &config::WebConfig,
    state_dir: &Path,
    handle: &Web,
    commands: CommandQueue,
    alarm: &dyn Fn(Option<&Explanation>),
    stop: &Stop,
    beat: &Beat,
) -> Result<(), WebError> {
    let outcome = serve(cfg, state_dir, handle, commands, alarm, stop, beat);
    *handle.shared.address.lock() = if outcome.is_ok() { PageAddress::Unknown } else { PageAddress::Refused };
    outcome
}

fn serve(
    cfg: &config::WebConfig,
    state_dir: &Path,
    handle: &Web,
    commands: CommandQueue,
    alarm: &dyn Fn(Option<&Explanation>),
    stop: &Stop,
    beat: &Beat,
) -> Result<(), WebError> {
    // A hardened unit may forbid it; then the page is as urgent as the rest.
    let _ = rustix::process::setpriority_process(None, NICE);
    let users = cfg.users_file(state_dir);
    let nobody = config::users::read(&users).is_ok_and(|users| users.is_empty());
    if nobody && !cfg.is_local() {
        return Err(WebError::NoUsers { bind: cfg.bind, users: users.display().to_string() });
    }
    let tls = TlsListener { files: cfg.tls.clone(), acceptor: None, seen: 0 };
    let server = Server::new(handle.shared.clone(), cfg, state_dir, commands)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(WebError::Start)?;
    let outcome = runtime
        .block_on(WebUnit { cfg, shared: handle.shared.clone(), alarm, stop, beat }.serve(server, tls));
    // This closes the connections that are still open. A thread that waits for a share that hangs is not waited for.
    runtime.shutdown_timeout(LAST_READS);
    outcome
}

/// The listener's TLS setup.
struct TlsListener {
    files: Option<config::WebTls>,
    acceptor: Option<TlsAcceptor>,
    seen: u64,
}

impl TlsListener {
    /// Reads the files again on request; if they cannot be used, those in force stay.
    fn refresh(&mut self, asked: u64, alarm: &dyn Fn(Option<&Explanation>)) {
        if asked == self.seen {
            return;
        }
        self.seen = asked;
        let Some(files) = &self.files else { return };
        match tls::acceptor(files) {
            Ok(acceptor) => {
                self.acceptor = Some(acceptor);
                alarm(None);
            }
            Err(error) => {
                alarm(Some(&error.explanation().within("the former certificate stays in force")));
            }
        }
    }
}

/// Failed attempts to accept. Without file handles `accept` fails at once for as long as the same connection
/// waits, so each pause is twice as long as the one before.
#[derive(Default)]
struct AcceptFailures {
    response: Repeated,
    pause: Duration,
}

impl AcceptFailures {
    fn pause(&mut self, shared: &WebShared, error: &std::io::Error) -> Duration {
        shared.totals.accepts_failed.inc();
        if let Some(count) = self.response.again(shared.clock.now().mono_ns) {
            tracing::warn!(
                "no connection to the page can be taken ({count} attempts): {error}; close what is not needed, or raise \
                 LimitNOFILE"
            );
        }
        self.pause = (self.pause * 2).clamp(TICK, LONGEST_PAUSE);
        self.pause
    }

    fn over(&mut self) {
        if let Some(count) = self.response.over() {
            tracing::info!("connections to the page are taken again, after {count} failed attempts");
        }
        self.pause = Duration::ZERO;
    }
}

struct WebUnit<'a> {
    cfg: &'a config::WebConfig,
    shared: Arc<WebShared>,
    alarm: &'a dyn Fn(Option<&Explanation>),
    stop: &'a Stop,
    beat: &'a Beat,
}

impl WebUnit<'_> {
    async fn serve(&self, server: Server, mut tls: TlsListener) -> Result<(), WebError> {
        tls.seen = self.shared.refreshed.load(Ordering::Acquire);
        tls.acceptor = tls.files.as_ref().map(tls::acceptor).transpose()?;
        let Some(listener) = self.listen().await else { return Ok(()) };
        self.tell(&listener);
        let router = routes::router(Arc::new(server));
        let places = Arc::new(VisitorPlaces::default());
        let proxies: Arc<[Network]> = self.cfg.trusted_proxies.as_slice().into();
        let (close, closing) = watch::channel(false);
        let mut refused = AcceptFailures::default();
        while !self.stop.is_stopped() {
            self.beat.beat();
            self.shared.tell_news();
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shared.wake.notified() => continue,
                () = tokio::time::sleep(TICK) => continue,
            };
            tls.refresh(self.shared.refreshed.load(Ordering::Acquire), self.alarm);
            match accepted {
                Ok((stream, from)) => {
                    refused.over();
                    let address = from.ip().to_canonical();
                    let is_proxy = proxies.iter().any(|network| network.holds(address));
                    match places.take((!is_proxy).then(|| limiter::network(address))) {
                        Some(welcome) => {
                            let visitor = welcome.place.visitor.clone();
                            let (proxies, router) = (proxies.clone(), router.clone());
                            let line = ConnectionContext {
                                address,
                                visitor,
                                proxies,
                                router,
                                closing: closing.clone(),
                            };
                            self.greet(stream, line, welcome, &tls);
                        }
                        None => self.turn_away(stream),
                    }
                }
                Err(error) => tokio::time::sleep(refused.pause(&self.shared, &error)).await,
            }
        }
        drop(listener);
        let _ = close.send(true);
        let deadline = Instant::now() + DRAIN;
        while !places.is_empty() && Instant::now() < deadline {
            self.beat.beat();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn greet(&self, stream: TcpStream, line: ConnectionContext, welcome: Welcome, tls: &TlsListener) {
        let Welcome { place, ended_another } = welcome;
        if ended_another {
            self.shared.totals.connections_refused.inc();
        }
        let (tls, shared) = (tls.acceptor.clone(), self.shared.clone());
        tokio::spawn(async move {
            conn::serve(stream, line, tls, shared).await;
            drop(place);
        });
    }

    fn turn_away(&self, stream: TcpStream) {
        self.shared.totals.connections_refused.inc();
        turn_away(stream);
    }

    /// Listens as soon as the address is free; `None` if stopped before.
    async fn listen(&self) -> Option<TcpListener> {
        loop {
            let error = match listener(self.cfg.bind) {
                Ok(listener) => {
                    (self.alarm)(None);
                    return Some(listener);
                }
                Err(error) => error,
            };
            (self.alarm)(Some(&unbound(self.cfg.bind, &error)));
            *self.shared.address.lock() = PageAddress::Refused;
            let until = Instant::now() + AGAIN;
            while Instant::now() < until {
                self.beat.beat();
                if self.stop.is_stopped() {
                    return None;
                }
                tokio::time::sleep(TICK).await;
            }
        }
    }

    fn tell(&self, listener: &TcpListener) {
        let address = listener.local_addr().unwrap_or(self.cfg.bind);
        let scheme = if self.cfg.tls.is_some() { "https" } else { "http" };
        tracing::info!("the page is at {scheme}://{address}");
        if self.cfg.tls.is_none() && !address.ip().is_loopback() {
            tracing::warn!("passwords cross the network in the clear: name web.cert_file and web.key_file");
        }
        // Last: READY waits for it, and comes after these lines in the log.
        *self.shared.address.lock() = PageAddress::At(address);
    }
}

/// Why nothing is served.
fn unbound(bind: SocketAddr, error: &std::io::Error) -> Explanation {
    Explanation::new(
        format!("the page cannot be served at {bind} (web.bind): {error}"),
        "end the program that uses the address, or write another one; it is retried until then",
    )
}

/// Checks that the page could be served: the files of TLS, and the address, which is listened on for a moment.
///
/// # Errors
/// The cause as the service reports it.
pub fn probe(cfg: &config::WebConfig) -> Result<(), Explanation> {
    let files = cfg.tls.as_ref().map(super::tls::acceptor).transpose();
    files.map_err(|error| WebError::from(error).explanation())?;
    // Without the runtime of the listener, but with the same option: connections of a former run do not count.
    std::net::TcpListener::bind(cfg.bind).map(drop).map_err(|error| unbound(cfg.bind, &error))
}

fn listener(bind: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if bind.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(bind)?;
    socket.listen(128)
}

/// Answers a connection beyond the limit with a refusal.
fn turn_away(mut stream: TcpStream) {
    tokio::spawn(async move {
        const BODY: &str =
            r#"{"error":{"code":"busy","message":"too many connections","remedy":"try again later"}}"#;
        let answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{BODY}",
            BODY.len()
        );
        let _ = tokio::time::timeout(TICK, stream.write_all(answer.as_bytes())).await;
    });
}

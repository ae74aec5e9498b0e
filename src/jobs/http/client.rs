//! The client: made by the first request, shared by all jobs, and ended with the service.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::address::AddressRule;
use super::connect::Connector;
use super::error::HttpError;
use super::pace::Pace;
use crate::config::{HttpConfig, text};
use crate::supervisor::{Spawned, spawn};

/// Connections to one host that stay open while nobody uses them, and for how long.
const IDLE_PER_HOST: usize = 4;
const IDLE: Duration = Duration::from_secs(30);
/// The most bytes of a head of an answer.
const MOST_HEAD: usize = 64 << 10;
/// Names that are looked up at once; each may hold up a thread of the system's resolver.
const MOST_LOOKUPS: usize = 8;
/// The longest wait for the thread of the client.
const END: Duration = Duration::from_secs(1);

/// The body of a request, whatever it comes from.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;
pub(super) type Pool = Client<Connector, Body>;

/// Requests to other servers, within the limits of `[jobs.http]`.
pub struct HttpClient {
    pub(super) config: HttpConfig,
    pub(super) pace: Pace,
    engine: Mutex<Option<Engine>>,
}

/// What the first request starts.
struct Engine {
    handle: Handle,
    pool: Pool,
    /// Ends the thread when it is dropped.
    end: Option<oneshot::Sender<()>>,
    thread: Option<Spawned<()>>,
}

impl HttpClient {
    /// A client of these settings; nothing is started before its first request.
    pub fn new(config: &HttpConfig) -> Arc<HttpClient> {
        let pace = Pace::new(config.requests_per_s);
        Arc::new(HttpClient { config: config.clone(), pace, engine: Mutex::default() })
    }

    /// The limits that hold for its requests.
    pub(in crate::jobs) fn config(&self) -> &HttpConfig {
        &self.config
    }

    /// The runtime that drives the connections, and the pool of them.
    pub(super) fn engine(&self) -> Result<(Handle, Pool), HttpError> {
        let mut engine = self.engine.lock();
        // A thread that a fault of the program ended is replaced.
        if engine.as_ref().is_some_and(|engine| engine.thread.as_ref().is_none_or(Spawned::is_finished)) {
            *engine = None;
        }
        let engine = match &mut *engine {
            Some(engine) => engine,
            none => none.insert(self.start()?),
        };
        Ok((engine.handle.clone(), engine.pool.clone()))
    }

    fn start(&self) -> Result<Engine, HttpError> {
        let connector = Connector::new(AddressRule::new(self.config.allow.clone()), self.tls()?);
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(MOST_LOOKUPS).build();
        let runtime = runtime.map_err(|source| HttpError::Start { cause: source.to_string() })?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = spawn("jobs-http", None, move || {
            // The sender is dropped in the place of a message.
            let _ = runtime.block_on(ended);
            // A name that is being looked up must not hold up the end of the service.
            runtime.shutdown_background();
        });
        let thread = thread.map_err(|error| HttpError::Start { cause: error.to_string() })?;
        let pool = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .http1_max_buf_size(MOST_HEAD)
            .build(connector);
        Ok(Engine { handle, pool, end: Some(end), thread: Some(thread) })
    }

    /// Trusts the certificate authorities of the system and those of the configuration.
    fn tls(&self) -> Result<rustls::ClientConfig, HttpError> {
        let mut roots = rustls::RootCertStore::empty();
        // Single certificates of the system that cannot be used are left out, as every program does it.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = &self.config.ca_file {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| bad_file(file, &error))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| HttpError::Start { cause: error.to_string() })?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take()
            && let Err(error) = thread.join_until(Instant::now() + END)
        {
            tracing::warn!("jobs: the thread of the HTTP client: {error}");
        }
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpClient(at most {} bytes)", self.config.max_bytes)
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let bytes = text::read_pem(file).map_err(|error| bad_file(file, &error.fault))?;
    let read = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let found = read.map_err(|error| bad_file(file, &error))?;
    if found.is_empty() {
        return Err(bad_file(file, &"it holds no certificate"));
    }
    Ok(found)
}

fn bad_file(file: &Path, cause: &dyn std::fmt::Display) -> HttpError {
    HttpError::CaFile { file: file.to_owned(), cause: cause.to_string() }
}

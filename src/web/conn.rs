//! One connection: TLS if configured, and timeouts for both sides.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;

use super::forwarded;
use super::handle::WebShared;
use super::places::Visitor;
use super::server::Peer;
use crate::config::Network;

/// How long the head of a request, and the TLS handshake, may take.
const HEAD: Duration = Duration::from_secs(8);
/// Clients that take no byte for this long are disconnected.
const STALLED: Duration = Duration::from_secs(10);
/// Bytes of responses that wait for one connection, besides the one being sent; also the longest head.
const WAITING: usize = 64 << 10;

/// What serving a connection needs.
pub(super) struct ConnectionContext {
    pub(super) address: IpAddr,
    pub(super) visitor: Arc<Visitor>,
    pub(super) proxies: Arc<[Network]>,
    pub(super) router: Router,
    pub(super) closing: watch::Receiver<bool>,
}

/// Serves `stream` until it ends, its place is given to another, or `closing` becomes true and requests in
/// progress have ended.
pub(super) async fn serve(
    stream: TcpStream,
    line: ConnectionContext,
    tls: Option<TlsAcceptor>,
    shared: Arc<WebShared>,
) {
    // Events and small responses are sent without delay.
    let _ = stream.set_nodelay(true);
    let (address, visitor) = (line.address, line.visitor.clone());
    let served = async move {
        let Some(tls) = tls else { return talk(Patient::new(stream, shared), false, line).await };
        match tokio::time::timeout(HEAD, tls.accept(Patient::new(stream, shared))).await {
            Ok(Ok(stream)) => talk(stream, true, line).await,
            Ok(Err(error)) => tracing::debug!(%address, "no TLS: {error}"),
            Err(_) => tracing::debug!(%address, "no TLS: too slow"),
        }
    };
    tokio::select! {
        () = served => {}
        () = visitor.ended() => tracing::debug!(%address, "a stranger's connection gave its place to another"),
    }
}

async fn talk<S>(stream: S, tls: bool, line: ConnectionContext)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let ConnectionContext { address, visitor, proxies, router, mut closing } = line;
    let inner = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let peer = forwarded::behind(Peer { address, tls }, request.headers(), &proxies);
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(visitor.clone());
        inner.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(WAITING);
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = asked(&mut closing) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%address, "a connection broke: {error}");
    }
}

async fn asked(closing: &mut watch::Receiver<bool>) {
    // An error means that the unit is gone, which also ends the connection.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// A stream that fails if the other side takes no bytes for too long.
struct Patient {
    stream: TcpStream,
    shared: Arc<WebShared>,
    until: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(stream: TcpStream, shared: Arc<WebShared>) -> Patient {
        Patient { stream, shared, until: None }
    }

    fn judge<T>(&mut self, context: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let until = self.until.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALLED)));
        if until.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.shared.totals.connections_stalled.inc();
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client takes no bytes")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    // All viewers share a picture, so it is written from where it is.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

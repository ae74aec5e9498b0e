//! Connects to a server: the address that is really connected to is checked, after DNS and after each redirect.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tower_service::Service;

use super::address::AddressRule;

/// The longest wait for one address of a server.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectFault {
    /// The name leads to no address that jobs may connect to.
    #[error("{address} is not an address of the public internet")]
    Refused { address: IpAddr },
    /// The name has no address.
    #[error("its name cannot be resolved ({0})")]
    Name(io::Error),
    /// No address takes a connection.
    #[error("it takes no connection ({0})")]
    Tcp(io::Error),
    /// The server does not prove who it is, or speaks no TLS.
    #[error("TLS failed ({0})")]
    Tls(io::Error),
}

/// Makes connections for the pool.
#[derive(Clone)]
pub(super) struct Connector {
    rule: Arc<AddressRule>,
    tls: tokio_rustls::TlsConnector,
}

impl Connector {
    pub(super) fn new(rule: AddressRule, tls: rustls::ClientConfig) -> Connector {
        Connector { rule: Arc::new(rule), tls: Arc::new(tls).into() }
    }

    async fn connect(self, url: Uri) -> Result<Link, ConnectFault> {
        let is_tls = url.scheme_str() == Some("https");
        let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let tcp = self.tcp(host, port).await?;
        // Requests are small or streams: none gains from waiting for more.
        tcp.set_nodelay(true).map_err(ConnectFault::Tcp)?;
        let socket: Box<dyn Socket> = match is_tls {
            false => Box::new(tcp),
            true => {
                let name = ServerName::try_from(host.to_owned())
                    .map_err(|error| ConnectFault::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
                Box::new(self.tls.connect(name, tcp).await.map_err(ConnectFault::Tls)?)
            }
        };
        Ok(Link(TokioIo::new(socket)))
    }

    /// Connects to the first address of `host` that is allowed and answers.
    async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream, ConnectFault> {
        let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(address) => vec![(address, port).into()],
            Err(_) => lookup_host((host, port)).await.map_err(ConnectFault::Name)?.collect(),
        };
        let mut fault = ConnectFault::Name(io::Error::other("the name has no address"));
        for address in found {
            if !self.rule.allows(address.ip()) {
                fault = ConnectFault::Refused { address: address.ip() };
                continue;
            }
            match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => fault = ConnectFault::Tcp(error),
                Err(_) => fault = ConnectFault::Tcp(io::ErrorKind::TimedOut.into()),
            }
        }
        Err(fault)
    }
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = ConnectFault;
    type Future = Pin<Box<dyn Future<Output = Result<Link, ConnectFault>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        Box::pin(self.clone().connect(url))
    }
}

/// A connection with TLS or without.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A connection as the pool holds it.
pub(super) struct Link(TokioIo<Box<dyn Socket>>);

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl Write for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

//! Connects as configured: TCP, TLS, credentials, last will. Files are read again at every connect, so that a
//! renewed certificate or password needs no restart.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;

use super::link::{Cause, cause};
use super::network::{ConnectionLoss, Socket, Transport};
use super::packet::{self, Accepted, Greeting, ReceivedPacket, Version};
use crate::config::{self, text};
use crate::contract::topic::{self, Topics};
use crate::contract::{self, Service, Status};

/// How long the broker may take to accept the connection, measured from the first TCP packet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The configuration names a file that cannot be used.
    #[error(transparent)]
    Config(#[from] Cause),
    /// TCP could not connect.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("{0}")]
    Tls(#[source] io::Error),
    /// The connection was lost before the broker accepted it.
    #[error("{0}")]
    Lost(#[from] ConnectionLoss),
    /// The broker refused the connection, with a code of this version.
    #[error("refused with {code}")]
    Refused { version: Version, code: u8 },
    /// The first packet of the broker was not a CONNACK.
    #[error("it answered with another packet than CONNACK")]
    NotConnAck,
    /// The broker did not answer in time.
    #[error("it did not answer in time")]
    Timeout,
}

impl ConnectError {
    /// Whether a broker that does not know MQTT 5 may answer like this.
    pub(super) fn may_be_the_version(&self) -> bool {
        match self {
            ConnectError::Refused { version, code } => {
                *version == Version::V5 && matches!(code, 1 | 0x80..=0x84)
            }
            ConnectError::Lost(loss) => loss.is_by_broker() || matches!(loss, ConnectionLoss::Garbled(_)),
            ConnectError::NotConnAck => true,
            _ => false,
        }
    }
}

/// A connection that the broker has accepted.
pub(super) struct Connected {
    pub(super) network: Transport,
    pub(super) accepted: Accepted,
    /// The interval of pings.
    pub(super) keep_alive: Duration,
}

/// The status that the broker publishes when it loses us; an orderly end publishes it with the reason
/// `stopped`.
pub(super) fn offline(reason: &str) -> Status {
    Status {
        state: Service::Offline,
        reasons: vec![reason.into()],
        version: env!("CARGO_PKG_VERSION").into(),
        config_hash: String::new(),
        uptime_s: 0,
    }
}

/// Opens the connection and sends CONNECT.
pub(super) async fn connect(
    cfg: &config::MqttConfig,
    topics: &Topics,
    wall_ns: u64,
    version: Version,
) -> Result<Connected, ConnectError> {
    let mut will = Vec::new();
    contract::write(0, wall_ns, &offline("connection lost"), &mut will);
    greeted(cfg, greeting(cfg, Some((topics.full(topic::STATUS), will)))?, version).await
}

/// Opens a connection with this greeting, and sends CONNECT.
pub(super) async fn greeted(
    cfg: &config::MqttConfig,
    greeting: Greeting,
    version: Version,
) -> Result<Connected, ConnectError> {
    let tls = cfg.tls.as_ref().map(|tls| client_config(cfg, tls)).transpose()?;
    tokio::time::timeout(PATIENCE, introduce(cfg, &greeting, tls, version))
        .await
        .unwrap_or(Err(ConnectError::Timeout))
}

/// The greeting for a clean session, with this last will.
pub(super) fn greeting(cfg: &config::MqttConfig, will: Option<(String, Vec<u8>)>) -> Result<Greeting, Cause> {
    let password = cfg.password_file.as_deref().filter(|_| cfg.username.is_some());
    let password = password.map(|file| password_of(cfg, file)).transpose()?.unwrap_or_default();
    Ok(Greeting {
        client_id: cfg.client_id.clone(),
        keep_alive_s: keep_alive(cfg).as_secs().min(u64::from(u16::MAX)) as u16,
        login: cfg.username.clone().map(|name| (name, password)),
        will,
        kept: None,
    })
}

fn keep_alive(cfg: &config::MqttConfig) -> Duration {
    cfg.keep_alive.max(Duration::from_secs(1))
}

async fn introduce(
    cfg: &config::MqttConfig,
    greeting: &Greeting,
    tls: Option<rustls::ClientConfig>,
    version: Version,
) -> Result<Connected, ConnectError> {
    let tcp = TcpStream::connect((&*cfg.host, cfg.port)).await.map_err(ConnectError::Io)?;
    tcp.set_nodelay(true).map_err(ConnectError::Io)?;
    let socket: Box<dyn Socket> = match tls {
        None => Box::new(tcp),
        Some(tls) => {
            let name = ServerName::try_from(cfg.host.clone())
                .map_err(|error| ConnectError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
            let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
            Box::new(connector.connect(name, tcp).await.map_err(ConnectError::Tls)?)
        }
    };
    let mut network = Transport::new(socket, version);
    packet::write_connect(version, greeting, network.out()).map_err(ConnectionLoss::Garbled)?;
    let accepted = match network.read().await? {
        ReceivedPacket::ConnAck(accepted) if accepted.code == 0 => accepted,
        ReceivedPacket::ConnAck(Accepted { code, .. }) => {
            return Err(ConnectError::Refused { version, code });
        }
        _ => return Err(ConnectError::NotConnAck),
    };
    let asked = accepted.keep_alive.map(|seconds| Duration::from_secs(u64::from(seconds.max(1))));
    let keep_alive = asked.map_or(keep_alive(cfg), |asked| asked.min(keep_alive(cfg)));
    Ok(Connected { network, accepted, keep_alive })
}

/// The content of the password file.
fn password_of(cfg: &config::MqttConfig, file: &Path) -> Result<String, Cause> {
    config::read_password(file).map_err(|error| cause(cfg, error.what, error.next))
}

/// Checks the files of a TLS connection without connecting: the certificates, and that the key is that of the
/// certificate.
///
/// # Errors
/// The file that cannot be used, and why.
pub fn check_tls_files(cfg: &config::MqttConfig) -> Result<(), Cause> {
    cfg.tls.as_ref().map_or(Ok(()), |tls| client_config(cfg, tls).map(drop))
}

fn client_config(cfg: &config::MqttConfig, tls: &config::Tls) -> Result<rustls::ClientConfig, Cause> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(cfg, "ca_file", &tls.ca_file)? {
        roots.add(certificate).map_err(|error| bad_file(cfg, "ca_file", &tls.ca_file, &error))?;
    }
    // Named here and not installed for the process, so that other users of rustls keep the choice.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| cause(cfg, error.to_string(), "please report this"))?
        .with_root_certificates(roots);
    match (&tls.cert_file, &tls.key_file) {
        (Some(cert), Some(key)) => {
            let chain = certificates(cfg, "cert_file", cert)?;
            let private = PrivateKeyDer::from_pem_slice(&pem(cfg, "key_file", key)?)
                .map_err(|error| bad_file(cfg, "key_file", key, &error))?;
            builder
                .with_client_auth_cert(chain, private)
                .map_err(|error| bad_file(cfg, "cert_file and key_file", cert, &error))
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

fn certificates(
    cfg: &config::MqttConfig,
    key: &str,
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let bytes = pem(cfg, key, file)?;
    let read = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let found = read.map_err(|error| bad_file(cfg, key, file, &error))?;
    if found.is_empty() {
        return Err(bad_file(cfg, key, file, &"it holds no certificate"));
    }
    Ok(found)
}

fn pem(cfg: &config::MqttConfig, key: &str, file: &Path) -> Result<Vec<u8>, Cause> {
    text::read_pem(file).map_err(|error| bad_file(cfg, key, file, &error.fault))
}

fn bad_file(cfg: &config::MqttConfig, key: &str, file: &Path, error: &dyn std::fmt::Display) -> Cause {
    let what = format!("{key} {} cannot be used ({error})", file.display());
    cause(cfg, what, "give the path of a PEM file that the service may read")
}

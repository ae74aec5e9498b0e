//! Settings of the web page and the REST interface.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Network;

/// `[web]`: address, access and limits of the web page and of REST.
#[derive(Clone, Debug, PartialEq)]
pub struct WebConfig {
    /// Whether the page and REST are served.
    pub enabled: bool,
    /// Address to listen on; one that others can reach requires users.
    pub bind: SocketAddr,
    /// File of the users who may log in; [`WebConfig::users_file`] has the default.
    pub users_file: Option<PathBuf>,
    /// Files for TLS; plain HTTP where absent.
    pub tls: Option<WebTls>,
    /// Proxies whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<Network>,
    /// Time without use after which a session ends.
    pub session: Duration,
    /// Longest body of a request in bytes.
    pub max_body_bytes: usize,
    /// Most live views at one time; the same limit holds for subscribers to events.
    pub max_viewers: usize,
}

impl WebConfig {
    /// Whether only this machine can connect, neither directly from outside nor through a proxy.
    pub fn is_local(&self) -> bool {
        self.bind.ip().is_loopback() && self.trusted_proxies.is_empty()
    }

    /// The file of the users: the configured one, otherwise `users` in `state_dir`.
    pub fn users_file(&self, state_dir: &Path) -> PathBuf {
        self.users_file.clone().unwrap_or_else(|| state_dir.join("users"))
    }
}

/// The certificate with which the web server identifies itself.
#[derive(Clone, Debug, PartialEq)]
pub struct WebTls {
    /// The certificate with its intermediate certificates (PEM).
    pub cert_file: PathBuf,
    /// Private key of the certificate (PEM).
    pub key_file: PathBuf,
}

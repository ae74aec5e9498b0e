//! The page and its REST face.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Network;

/// `[web]`
#[derive(Clone, Debug, PartialEq)]
pub struct WebConfig {
    /// Whether anything is served.
    pub enabled: bool,
    /// Where; an address that others can reach needs users.
    pub bind: SocketAddr,
    /// Who may log in; [`Web::users_file`] knows the usual place.
    pub users_file: Option<PathBuf>,
    /// Served by TLS with these files.
    pub tls: Option<WebTls>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// A session that nobody uses for so long is over.
    pub session: Duration,
    /// The longest body of a request, bytes.
    pub max_body_bytes: usize,
    /// Most live views at one time, and most listeners to events.
    pub max_viewers: usize,
}

impl WebConfig {
    /// Whether only this machine can ask: nobody from outside, and no proxy on behalf of somebody.
    pub fn is_local(&self) -> bool {
        self.bind.ip().is_loopback() && self.trusted_proxies.is_empty()
    }

    /// The file of the users: the one that is named, else `users` below `state_dir`.
    pub fn users_file(&self, state_dir: &Path) -> PathBuf {
        self.users_file.clone().unwrap_or_else(|| state_dir.join("users"))
    }
}

/// What the page shows to prove who it is.
#[derive(Clone, Debug, PartialEq)]
pub struct WebTls {
    /// The certificate, and those between it and its authority (PEM).
    pub cert_file: PathBuf,
    /// Its private key (PEM).
    pub key_file: PathBuf,
}

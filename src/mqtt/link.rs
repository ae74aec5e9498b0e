//! The state of the connection, and what each failure means to the person who has to fix it.

use super::connect::ConnectError;
use super::network::ConnectionLoss;
use super::packet::Version;
use crate::config;
use crate::supervisor::{JoinError, SpawnError};
use crate::types::{Explanation, Stamp};

/// Whether a broker has accepted the connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// Set after a successful CONNACK, and not before.
    Up,
    /// There is no connection to the broker.
    Down {
        /// Why the last attempt or connection ended.
        cause: Cause,
        /// When the connection ended.
        since: Stamp,
    },
}

/// The cause before the first attempt.
pub(super) const UNTRIED: &str = "not yet connected";

impl Link {
    /// Whether no attempt to connect has ended yet.
    pub fn is_untried(&self) -> bool {
        matches!(self, Link::Down { cause, .. } if cause.what == UNTRIED)
    }
}

/// Why there is no connection: what, where, why, and the next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("broker {place}: {what}; {next}")]
pub struct Cause {
    /// The broker as `mqtt://host:port` or `mqtts://host:port`.
    pub place: String,
    /// What went wrong, for people.
    pub what: String,
    /// What to do about it.
    pub next: String,
}

/// Why `run` ended with an error. Faults of the broker are retried indefinitely and are not among them.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum MqttError {
    /// The async runtime could not be created.
    Start(#[source] std::io::Error),
    /// The outbox thread could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The outbox thread failed.
    OutboxWriter(#[from] JoinError),
}

impl MqttError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            MqttError::Start(error) => Explanation::new(
                format!("the MQTT thread cannot start ({error})"),
                "check the limit on open files of the service",
            ),
            MqttError::Spawn(error) => Explanation::new(error.to_string(), ""),
            MqttError::OutboxWriter(error) => {
                Explanation::new(format!("the outbox thread {error}"), "please report this with the log")
            }
        }
    }
}

/// `mqtt://host:port` of the configured broker.
pub(super) fn place(cfg: &config::MqttConfig) -> String {
    let scheme = if cfg.tls.is_some() { "mqtts" } else { "mqtt" };
    format!("{scheme}://{}:{}", cfg.host, cfg.port)
}

pub(super) fn cause(cfg: &config::MqttConfig, what: impl Into<String>, next: impl Into<String>) -> Cause {
    Cause { place: place(cfg), what: what.into(), next: next.into() }
}

/// What a failed attempt to connect means.
pub(super) fn explain_connect(cfg: &config::MqttConfig, error: &ConnectError) -> Cause {
    match error {
        ConnectError::Config(cause) => cause.clone(),
        ConnectError::Refused { version, code } => refused(cfg, *version, *code),
        ConnectError::Timeout | ConnectError::Lost(ConnectionLoss::Stalled) => cause(
            cfg,
            "it did not answer in time",
            "check that the host is up and that no firewall is between",
        ),
        ConnectError::Io(error) => explain_io(cfg, error),
        ConnectError::Tls(error) => explain_tls(cfg, error),
        ConnectError::Lost(_) | ConnectError::NotConnAck if cfg.tls.is_none() => cause(
            cfg,
            format!("it did not answer in MQTT ({error})"),
            "if this port speaks TLS, write mqtts:// in mqtt.url and set ca_file; else check the port",
        ),
        other => explain_text(cfg, &other.to_string()),
    }
}

fn refused(cfg: &config::MqttConfig, version: Version, code: u8) -> Cause {
    let (what, next) = match (version, code) {
        (Version::V4, 4) | (Version::V5, 0x86) => {
            ("it refused the user name or password", "check mqtt.username and the file mqtt.password_file")
        }
        // mosquitto sends this code for a wrong password, too.
        (Version::V4, 5) | (Version::V5, 0x87) if cfg.username.is_some() => (
            "it does not authorise this user, or the password is wrong",
            "check mqtt.username, the file mqtt.password_file, and what the broker allows this user",
        ),
        (Version::V4, 5) | (Version::V5, 0x87) => (
            "it does not authorise this client",
            "set mqtt.username and mqtt.password_file, or allow this client in the broker's configuration",
        ),
        (Version::V4, 2) | (Version::V5, 0x85) => ("it refused the client id", "set another mqtt.client_id"),
        (Version::V4, 3) | (Version::V5, 0x88 | 0x89) => {
            ("it is not available now", "look at the broker's log")
        }
        (Version::V5, 0x95) => (
            "it refused our CONNECT as too large",
            "raise the broker's limit on packets, or shorten mqtt.prefix and device.name",
        ),
        (Version::V5, 0x8a | 0x9f) => ("it has shut this client out", "look at the broker's log"),
        (Version::V5, 0x9c | 0x9d) => ("it refers to another broker", "correct mqtt.url"),
        (Version::V5, 0x9a | 0x9b) => (
            "it keeps no retained messages, or takes no QoS 1",
            "use a broker that does both; retained states and the last will need them",
        ),
        (Version::V5, 1 | 0x84) => ("it refused MQTT 5", "set mqtt.protocol to \"auto\" or \"3.1.1\""),
        (Version::V4, 1) => ("it refused MQTT 3.1.1", "use a broker that speaks MQTT 3.1.1 or 5"),
        _ => {
            let what = format!("it refused the connection (MQTT reason {code:#04x})");
            return cause(cfg, what, "look at the broker's log");
        }
    };
    cause(cfg, what, next)
}

fn explain_io(cfg: &config::MqttConfig, error: &std::io::Error) -> Cause {
    use std::io::ErrorKind as Kind;
    let (what, next) = match error.kind() {
        Kind::ConnectionRefused => {
            ("connection refused".to_string(), "nothing listens there: start the broker, or correct mqtt.url")
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable => {
            (error.to_string(), "check the network, the address and the route")
        }
        _ if error.to_string().contains("lookup") => {
            (format!("its name cannot be resolved ({error})"), "correct mqtt.url, or the DNS settings")
        }
        _ => (error.to_string(), "check the network and the broker's log"),
    };
    cause(cfg, what, next)
}

fn explain_tls(cfg: &config::MqttConfig, error: &std::io::Error) -> Cause {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
    let Some(inner) = inner else { return explain_text(cfg, &error.to_string()) };
    use rustls::{CertificateError as Cert, Error};
    let (what, next) = match &inner {
        Error::InvalidMessage(_) => (
            format!("it did not answer in TLS ({inner})"),
            "if this port speaks plain MQTT, write mqtt:// in mqtt.url; else check the port",
        ),
        Error::InvalidCertificate(Cert::UnknownIssuer | Cert::BadSignature) => (
            format!("its certificate does not descend from ca_file ({inner})"),
            "set ca_file to the certificate of the authority that signed the broker's",
        ),
        Error::InvalidCertificate(Cert::NotValidForName | Cert::NotValidForNameContext { .. }) => (
            format!("its certificate is for another name ({inner})"),
            "use the certificate's host name in mqtt.url",
        ),
        Error::InvalidCertificate(
            Cert::Expired | Cert::ExpiredContext { .. } | Cert::NotValidYet | Cert::NotValidYetContext { .. },
        ) => (
            format!("its certificate is not valid now ({inner})"),
            "renew it, or set the clock of this device",
        ),
        other => return explain_text(cfg, &other.to_string()),
    };
    cause(cfg, what, next)
}

/// With TLS 1.3 a missing client certificate is reported only after the handshake, as an alert in the stream.
fn explain_text(cfg: &config::MqttConfig, text: &str) -> Cause {
    let next = match text {
        t if t.contains("CertificateRequired")
            || t.contains("HandshakeFailure")
            || t.contains("UnknownCA") =>
        {
            "the broker wants a client certificate it trusts: set cert_file and key_file"
        }
        t if t.contains("eof") || t.contains("closed") || t.contains("abruptly") || t.contains("reset") => {
            "it closed the connection at once: if this port speaks plain MQTT, write mqtt:// in mqtt.url; else look at \
             the broker's log"
        }
        _ => "look at the broker's log",
    };
    cause(cfg, text, next)
}

/// What the loss of an established connection means.
pub(super) fn explain_loss(cfg: &config::MqttConfig, loss: &ConnectionLoss) -> Cause {
    let next = match loss {
        ConnectionLoss::Silent | ConnectionLoss::Stalled => "check the network",
        ConnectionLoss::Closed | ConnectionLoss::Dismissed(0x8e) => {
            "another client with the same mqtt.client_id does this too; else look at the broker's log"
        }
        ConnectionLoss::Dismissed(_) | ConnectionLoss::Io(_) | ConnectionLoss::Garbled(_) => {
            "look at the broker's log"
        }
    };
    cause(cfg, loss.to_string(), next)
}

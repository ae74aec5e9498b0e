//! The state of the connection, and what each failure means to the person who has to mend it.

use rumqttc::{ConnectReturnCode, ConnectionError, StateError};

use crate::config;
use crate::supervisor::{JoinError, SpawnError};
use crate::types::Stamp;

/// Whether a broker has accepted us.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// After a successful CONNACK, and only then.
    Up,
    /// Not connected.
    Down {
        /// Why.
        cause: Cause,
        /// Since when.
        since: Stamp,
    },
}

/// The cause before anything was tried.
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
    /// `mqtt://host:port` or `mqtts://host:port`.
    pub place: String,
    /// What happened.
    pub what: String,
    /// What to do about it.
    pub next: String,
}

/// `run` could not go on. Everything about the broker is retried for ever and is no error.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// The runtime could not be made.
    #[error("the MQTT thread cannot start ({0}); check the limit on open files of the service")]
    Start(#[source] std::io::Error),
    /// The outbox thread could not be made.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The outbox thread failed.
    #[error("the outbox thread {0}; please report this with the log")]
    Keeper(#[from] JoinError),
}

/// `mqtt://host:port` of the configured broker.
pub(super) fn place(cfg: &config::Mqtt) -> String {
    let scheme = if cfg.tls.is_some() { "mqtts" } else { "mqtt" };
    format!("{scheme}://{}:{}", cfg.host, cfg.port)
}

pub(super) fn cause(cfg: &config::Mqtt, what: impl Into<String>, next: impl Into<String>) -> Cause {
    Cause { place: place(cfg), what: what.into(), next: next.into() }
}

/// What a failed attempt to connect means.
pub(super) fn explain_connect(cfg: &config::Mqtt, error: &ConnectionError) -> Cause {
    let (what, next): (String, &str) = match error {
        ConnectionError::ConnectionRefused(code) => return refused(cfg, *code),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => {
            ("it did not answer in time".into(), "check that the host is up and that no firewall is between")
        }
        ConnectionError::Io(error) => return explain_io(cfg, error),
        ConnectionError::Tls(error) => return explain_tls(cfg, error),
        ConnectionError::MqttState(_) | ConnectionError::NotConnAck(_) if cfg.tls.is_none() => (
            format!("it did not answer in MQTT ({error})"),
            "if this port speaks TLS, write mqtts:// in mqtt.url and set ca_file; else check the port",
        ),
        ConnectionError::MqttState(StateError::Deserialization(inner)) => {
            return explain_text(cfg, &inner.to_string());
        }
        other => return explain_text(cfg, &other.to_string()),
    };
    cause(cfg, what, next)
}

fn refused(cfg: &config::Mqtt, code: ConnectReturnCode) -> Cause {
    let (what, next) = match code {
        ConnectReturnCode::BadUserNamePassword => {
            ("it refused the user name or password", "check mqtt.username and the file mqtt.password_file")
        }
        // mosquitto says this for a wrong password, too.
        ConnectReturnCode::NotAuthorized if cfg.username.is_some() => (
            "it does not authorise this user, or the password is wrong",
            "check mqtt.username, the file mqtt.password_file, and what the broker allows this user",
        ),
        ConnectReturnCode::NotAuthorized => (
            "it does not authorise this client",
            "set mqtt.username and mqtt.password_file, or allow this client in the broker's configuration",
        ),
        ConnectReturnCode::BadClientId => ("it refused the client id", "set another mqtt.client_id"),
        ConnectReturnCode::ServiceUnavailable => ("it is not available now", "look at the broker's log"),
        _ => ("it refused MQTT 3.1.1", "use a broker that speaks MQTT 3.1.1"),
    };
    cause(cfg, what, next)
}

fn explain_io(cfg: &config::Mqtt, error: &std::io::Error) -> Cause {
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

fn explain_tls(cfg: &config::Mqtt, error: &rumqttc::TlsError) -> Cause {
    let inner = match error {
        rumqttc::TlsError::Io(io) => {
            io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned()
        }
        rumqttc::TlsError::TLS(inner) => Some(inner.clone()),
        _ => None,
    };
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
        ) => {
            (format!("its certificate is not valid now ({inner})"), "renew it, or set the clock of this box")
        }
        other => return explain_text(cfg, &other.to_string()),
    };
    cause(cfg, what, next)
}

/// With TLS 1.3 a missing client certificate is only told after the handshake, as an alert in the stream.
fn explain_text(cfg: &config::Mqtt, text: &str) -> Cause {
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
pub(super) fn explain_loss(cfg: &config::Mqtt, error: &StateError) -> Cause {
    let (what, next) = match error {
        StateError::AwaitPingResp => ("it stopped answering pings".to_string(), "check the network"),
        StateError::Deserialization(rumqttc::Error::PayloadSizeLimitExceeded(bytes)) => (
            format!("it sent a message of {bytes} bytes, more than is accepted"),
            "remove that message from the command topic, if it is retained there",
        ),
        StateError::ConnectionAborted => (
            "it closed the connection".to_string(),
            "another client with the same mqtt.client_id does this too; else look at the broker's log",
        ),
        other => (other.to_string(), "look at the broker's log"),
    };
    cause(cfg, what, next)
}

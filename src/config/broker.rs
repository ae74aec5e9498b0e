//! `[mqtt]` and `[outbox]`: the connection to the broker, and what is stored until the broker has it.

use std::path::PathBuf;
use std::time::Duration;

/// `[mqtt]`: the broker, the topics and the limits of commands.
#[derive(Clone, Debug, PartialEq)]
pub struct MqttConfig {
    /// Host of `mqtt://host:port` or `mqtts://host:port`.
    pub host: String,
    /// Port; 1883 or 8883 by default.
    pub port: u16,
    /// Files for TLS; set for `mqtts://` only.
    pub tls: Option<Tls>,
    /// First level of every topic.
    pub prefix: String,
    /// Client id; `ocellus-<device>` by default.
    pub client_id: String,
    /// User name, if the broker requires one.
    pub username: Option<String>,
    /// File whose first line is the password; or a systemd credential's name as `credential:NAME`.
    pub password_file: Option<PathBuf>,
    /// Interval of MQTT pings.
    pub keep_alive: Duration,
    /// Interval of the `telemetry` topic.
    pub telemetry_every: Duration,
    /// Version of MQTT to use.
    pub protocol: MqttProtocol,
    /// Most bytes of an answer to a command, and of a picture.
    pub max_answer_bytes: usize,
    /// Words of the commands that are allowed over MQTT.
    pub commands: Vec<String>,
}

/// The version of MQTT to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MqttProtocol {
    /// Version 5 where the broker supports it, otherwise 3.1.1.
    #[default]
    Auto,
    /// Version 3.1.1 and no other.
    V311,
    /// Version 5 and no other.
    V5,
}

/// The files of a TLS connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// Certificate authorities that may have signed the broker's certificate (PEM).
    pub ca_file: PathBuf,
    /// Client certificate (PEM), where the broker requires one.
    pub cert_file: Option<PathBuf>,
    /// Private key of the client certificate (PEM).
    pub key_file: Option<PathBuf>,
}

/// `[outbox]`: limits of the messages that wait for the broker.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxConfig {
    /// Most bytes of payload on disk; beyond it messages of the lowest class are dropped first, counted and
    /// announced.
    pub max_bytes: u64,
    /// Most messages that may be sent and not yet acknowledged.
    pub inflight: u16,
}

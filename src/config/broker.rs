//! `[mqtt]` and `[outbox]`: where everything goes, and what is kept until it is there.

use std::path::PathBuf;
use std::time::Duration;

/// `[mqtt]`
#[derive(Clone, Debug, PartialEq)]
pub struct MqttConfig {
    /// Host of `mqtt://host:port` or `mqtts://host:port`.
    pub host: String,
    /// Port; 1883 or 8883 by default.
    pub port: u16,
    /// Set for `mqtts://`.
    pub tls: Option<Tls>,
    /// First level of every topic.
    pub prefix: String,
    /// Client id; `ocellus-<device>` by default.
    pub client_id: String,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// File whose first line is the password; or a systemd credential's name as `credential:NAME`.
    pub password_file: Option<PathBuf>,
    /// Interval of MQTT pings.
    pub keep_alive: Duration,
    /// Interval of the `telemetry` topic.
    pub telemetry_every: Duration,
    /// Which MQTT is spoken.
    pub protocol: MqttProtocol,
    /// Most bytes of an answer to a command, and of a picture.
    pub max_answer_bytes: usize,
    /// The commands that may be asked over MQTT, by their words.
    pub commands: Vec<String>,
}

/// The versions of MQTT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MqttProtocol {
    /// 5 where the broker speaks it, else 3.1.1.
    #[default]
    Auto,
    /// 3.1.1 only.
    V311,
    /// 5 only.
    V5,
}

/// The files of a TLS connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// Certificates that the broker's must descend from (PEM).
    pub ca_file: PathBuf,
    /// Our certificate (PEM), where the broker wants one.
    pub cert_file: Option<PathBuf>,
    /// Its private key (PEM).
    pub key_file: Option<PathBuf>,
}

/// `[outbox]`
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxConfig {
    /// Most bytes of payload kept on disk; beyond it the lowest class goes first, counted and announced.
    pub max_bytes: u64,
    /// Most messages sent and not yet acknowledged.
    pub inflight: u16,
}

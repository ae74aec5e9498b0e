//! Tries the connection to the broker once, for `ocellus doctor`: under another client id, because a broker ends the
//! connection of a client whose id comes again, and without a last will, which would report the device as offline.

use std::time::Duration;

use bytes::BufMut;

use super::connect::{ConnectError, Connected, greeted, greeting};
use super::link::{Cause, cause, explain_connect};
use super::packet::{self, Version};
use crate::config::{MqttConfig, MqttProtocol};

/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Connects to the broker as the service does, and leaves again. Returns the version of MQTT that it accepted.
///
/// # Errors
/// The cause as the service reports it: not reached, refused, or a file that cannot be used.
pub fn probe(cfg: &MqttConfig) -> Result<&'static str, Cause> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| cause(cfg, error.to_string(), "check the limit on open files"))?;
    let client_id = format!("{}-doctor-{}", cfg.client_id, std::process::id());
    let own = MqttConfig { client_id, ..cfg.clone() };
    let outcome = runtime.block_on(attempts(&own)).map_err(|error| explain_connect(&own, &error));
    // A name server that does not answer keeps a thread, which must not keep the caller.
    runtime.shutdown_background();
    outcome
}

async fn attempts(cfg: &MqttConfig) -> Result<&'static str, ConnectError> {
    let (first, other) = match cfg.protocol {
        MqttProtocol::V311 => (Version::V4, None),
        MqttProtocol::V5 => (Version::V5, None),
        MqttProtocol::Auto => (Version::V5, Some(Version::V4)),
    };
    match (greeted(cfg, greeting(cfg, None)?, first).await, other) {
        (Err(error), Some(other)) if error.may_be_the_version() => {
            // An older broker may end the connection for the version alone; what it says to its own version counts.
            leave(greeted(cfg, greeting(cfg, None)?, other).await?).await
        }
        (outcome, _) => leave(outcome?).await,
    }
}

async fn leave(mut connected: Connected) -> Result<&'static str, ConnectError> {
    let spoken = if connected.network.version == Version::V5 { "5" } else { "3.1.1" };
    connected.network.out().put_slice(&packet::DISCONNECT);
    // The broker has accepted us, which is what was asked; it may be gone already.
    let _ = tokio::time::timeout(FAREWELL, connected.network.turn()).await;
    Ok(spoken)
}

//! The connection to the broker, tried as the service makes it.

use std::path::Path;

use super::Note;
use crate::config::MqttConfig;
use crate::mqtt;
use crate::types::Explanation;

/// Whether the broker accepts a connection with these settings, under another client id.
pub(super) fn broker(cfg: &MqttConfig) -> Vec<Note> {
    let place = format!("{}:{} (mqtt.url)", cfg.host, cfg.port);
    if let Some(name) = cfg.password_file.as_deref().and_then(unseen_credential) {
        return vec![Note::warning(place, not_tried(&name))];
    }
    match mqtt::probe(cfg) {
        Ok(version) => vec![Note::ok(place, format!("it accepts the connection, MQTT {version}"))],
        Err(mqtt::Cause { what, next, .. }) => vec![Note::fault(place, Explanation::new(what, next))],
    }
}

/// The name of a systemd credential that this process was not given: only the service is.
pub(super) fn unseen_credential(file: &Path) -> Option<String> {
    let name = file.to_str()?.strip_prefix("credential:")?;
    std::env::var_os("CREDENTIALS_DIRECTORY").is_none().then(|| name.to_owned())
}

/// Why a login with a credential of systemd is not tried here.
pub(super) fn not_tried(credential: &str) -> Explanation {
    Explanation::new(
        format!("not tried: systemd gives the credential {credential} to the service alone"),
        "start the service; `ocellus doctor` then asks it",
    )
}

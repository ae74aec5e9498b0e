//! Checks `[mqtt]` and `[outbox]`: the broker, the allowed commands and the limits of the outbox.

use std::path::PathBuf;

use super::SectionScope;
use crate::config::raw::{TomlTable, nearest};
use crate::config::value::PlacedValue;
use crate::config::{MqttConfig, MqttProtocol, OutboxConfig, Tls};

const PROTOCOLS: &[(&str, MqttProtocol)] =
    &[("auto", MqttProtocol::Auto), ("3.1.1", MqttProtocol::V311), ("5", MqttProtocol::V5)];
use crate::types::CommandKind;

/// Commands allowed by default: none whose effect outlasts the next change of product.
const COMMANDS: [&str; 6] = ["ping", "snapshot", "trigger", "product", "status", "alarm"];

/// The parts of an MQTT URL.
struct Broker {
    host: String,
    port: u16,
    tls: bool,
}

pub(super) fn mqtt(table: TomlTable<'_, '_>, scope: &SectionScope, device: &str) -> MqttConfig {
    let broker = table.get("url").and_then(|field| broker(&field));
    let broker = broker.unwrap_or(Broker { host: "127.0.0.1".into(), port: 1883, tls: false });
    let username = table.text("username");
    let password_file = table.get("password_file").and_then(|field| password_file(&field, scope));
    if password_file.is_some() && username.is_none() {
        table.fault("username", "there is a password_file but no username", "add username = \"…\"");
    }
    if table.get("password").is_some() {
        let remedy =
            "write it into a separate file that only the service can read, and name that in password_file";
        table.fault("password", "a password must not be in the configuration", remedy);
    }
    let mqtt = MqttConfig {
        host: broker.host,
        port: broker.port,
        tls: tls(&table, scope, broker.tls),
        prefix: table.get("prefix").and_then(|field| prefix(&field)).unwrap_or_else(|| "ocellus".into()),
        client_id: table.text("client_id").unwrap_or_else(|| format!("ocellus-{device}")),
        username,
        password_file,
        keep_alive: table.millis("keep_alive_ms", 15_000, 1_000..=3_600_000),
        telemetry_every: table.millis("telemetry_every_ms", 5_000, 100..=3_600_000),
        protocol: table.word("protocol", PROTOCOLS).unwrap_or_default(),
        max_answer_bytes: table.whole::<u32>("max_answer_kib", 8_192, 4..=262_144) as usize * 1_024,
        commands: table
            .get("commands")
            .map_or_else(|| COMMANDS.map(str::to_owned).to_vec(), |field| commands(&field)),
    };
    if mqtt.client_id.is_empty() || mqtt.client_id.len() > 128 {
        table.fault(
            "client_id",
            "the client id must have 1 to 128 bytes",
            "shorten it, or leave the key out",
        );
    }
    table.finish();
    mqtt
}

fn broker(field: &PlacedValue<'_, '_>) -> Option<Broker> {
    let text = field.text()?;
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let tls = match scheme {
        "mqtt" => false,
        "mqtts" => true,
        _ => {
            let remedy = match nearest(scheme, &["mqtt", "mqtts"]) {
                near if near.starts_with("did") => near,
                _ => "write mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS".to_owned(),
            };
            field.fault("this is not a broker's URL", remedy);
            return None;
        }
    };
    if rest.contains('@') {
        let remedy = "write mqtt://HOST:PORT here, and the keys username and password_file beside it";
        field.fault("user and password must not be in the URL", remedy);
        return None;
    }
    let authority = rest.trim_end_matches('/');
    let (host, port) = match authority.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((host, after)) => (host, after.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:%".contains(c);
    if host.is_empty() || !host.chars().all(plain) {
        field.fault("its host is neither a name nor an address", "write mqtt://HOST:PORT");
        return None;
    }
    let port = match port.map(str::parse::<u16>) {
        None if tls => 8883,
        None => 1883,
        Some(Ok(port)) if port > 0 => port,
        Some(_) => {
            field.fault(
                "the port is not a number from 1 to 65535",
                "write mqtt://HOST:PORT, e.g. mqtt://127.0.0.1:1883",
            );
            return None;
        }
    };
    Some(Broker { host: host.to_owned(), port, tls })
}

fn tls(table: &TomlTable<'_, '_>, scope: &SectionScope, wanted: bool) -> Option<Tls> {
    let named = ["ca_file", "cert_file", "key_file"].map(|key| table.get(key));
    if !wanted {
        for field in named.into_iter().flatten() {
            field.fault(
                "this belongs to TLS, and the URL is a plain mqtt://",
                "write mqtts:// in url, or remove the key",
            );
        }
        return None;
    }
    let given = named.each_ref().map(Option::is_some);
    let [ca, cert, key] = named.map(|field| field.and_then(|field| scope.files.existing(&field)));
    match given {
        [false, ..] => table.fault(
            "ca_file",
            "mqtts:// needs the authority that signed the broker's certificate",
            "name a PEM file; for a public broker /etc/ssl/certs/ca-certificates.crt",
        ),
        [_, true, false] => {
            table.fault("key_file", "cert_file is given without key_file", "name the private key (PEM)")
        }
        [_, false, true] => {
            table.fault("cert_file", "key_file is given without cert_file", "name the certificate (PEM)")
        }
        _ => {}
    }
    Some(Tls { ca_file: ca.unwrap_or_default(), cert_file: cert, key_file: key })
}

/// Reads the name of a file, or of a systemd credential as `credential:NAME`.
pub(super) fn password_file(field: &PlacedValue<'_, '_>, scope: &SectionScope) -> Option<PathBuf> {
    let text = field.text()?;
    match text.strip_prefix("credential:") {
        // The folder of credentials exists only inside the systemd unit, so `ocellus check` cannot look for
        // it.
        Some(name) if !name.is_empty() && !name.contains('/') => Some(text.into()),
        Some(_) => {
            field.fault(
                "a credential is a plain name",
                "write credential:NAME as in LoadCredential=NAME:PATH",
            );
            None
        }
        None => scope.files.existing(field),
    }
}

pub(super) fn prefix(field: &PlacedValue<'_, '_>) -> Option<String> {
    let text = field.text()?;
    let level = |level: &str| !level.is_empty() && !level.contains(['+', '#', '\0']);
    if text.len() <= 256 && !text.starts_with('$') && text.split('/').all(level) {
        return Some(text.to_owned());
    }
    let remedy = "write levels joined by \"/\", none empty, without \"+\", \"#\" and a leading \"$\", e.g. plant/line1";
    field.fault(format!("\"{text}\" cannot begin a topic"), remedy);
    None
}

/// Reads the words of commands, without duplicates.
fn commands(field: &PlacedValue<'_, '_>) -> Vec<String> {
    let known = CommandKind::ALL.map(CommandKind::as_str).map(|word| (word, word));
    let mut words: Vec<String> = Vec::new();
    for word in field.items("commands").unwrap_or_default().iter().filter_map(|item| item.word(&known)) {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

pub(super) fn outbox(table: TomlTable<'_, '_>) -> OutboxConfig {
    let max_mib: u32 = table.whole("max_mib", 256, 1..=1 << 20);
    let inflight = table.whole("inflight", 64, 1..=1000);
    table.finish();
    OutboxConfig { max_bytes: u64::from(max_mib) << 20, inflight }
}

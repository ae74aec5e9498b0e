//! From the configuration to rumqttc's options: TLS, credentials, last will. Files are read again at
//! every connect, so that a renewed certificate or password needs no restart.

use std::path::Path;
use std::sync::Arc;

use rumqttc::{LastWill, MqttOptions, QoS, TlsConfiguration, Transport};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::link::{Cause, cause};
use crate::config::{self, text};
use crate::contract::topic::{self, Topics};
use crate::contract::{self, Service, Status};

/// A larger incoming packet ends the connection before it fills the memory.
const MAX_INCOMING_BYTES: usize = 1 << 20;
/// Packet ids come round after this many messages; far above what is in flight, so that an id is never
/// needed while it is still out.
const PACKET_IDS: u16 = 8_192;

/// The status that the broker publishes for us when we are lost, and that an orderly end publishes with
/// the reason `stopped`.
pub(super) fn offline(reason: &str) -> Status {
    Status {
        state: Service::Offline,
        reasons: vec![reason.into()],
        version: env!("CARGO_PKG_VERSION").into(),
        config_hash: String::new(),
        uptime_s: 0,
    }
}

/// Everything that rumqttc has to know for one connection.
pub(super) fn options(cfg: &config::Mqtt, topics: &Topics, wall_ns: u64) -> Result<MqttOptions, Cause> {
    let mut options = MqttOptions::new(&cfg.client_id, &cfg.host, cfg.port);
    // A session of the broker would be of no use: the outbox knows what is missing, and commands that
    // arrived while we were away are answered by nobody anyway.
    options.set_clean_session(true);
    options.set_keep_alive(cfg.keep_alive.max(std::time::Duration::from_secs(1)));
    options.set_max_packet_size(MAX_INCOMING_BYTES, usize::MAX);
    options.set_inflight(PACKET_IDS);
    let mut will = Vec::new();
    contract::write(0, wall_ns, &offline("connection lost"), &mut will);
    options.set_last_will(LastWill::new(topics.full(topic::STATUS), will, QoS::AtLeastOnce, true));
    if let Some(username) = &cfg.username {
        let password = cfg.password_file.as_deref().map(|file| password(cfg, file)).transpose()?;
        options.set_credentials(username, password.unwrap_or_default());
    }
    if let Some(tls) = &cfg.tls {
        let config = Arc::new(client_config(cfg, tls)?);
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    }
    Ok(options)
}

fn password(cfg: &config::Mqtt, file: &Path) -> Result<String, Cause> {
    config::read_password(file).map_err(|error| cause(cfg, error.what, error.next))
}

fn client_config(cfg: &config::Mqtt, tls: &config::Tls) -> Result<rustls::ClientConfig, Cause> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(cfg, "ca_file", &tls.ca_file)? {
        roots.add(certificate).map_err(|error| bad_file(cfg, "ca_file", &tls.ca_file, &error))?;
    }
    // Named here and not installed for the process: whoever else uses rustls keeps the choice.
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

fn certificates(cfg: &config::Mqtt, key: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let bytes = pem(cfg, key, file)?;
    let read = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let found = read.map_err(|error| bad_file(cfg, key, file, &error))?;
    if found.is_empty() {
        return Err(bad_file(cfg, key, file, &"it holds no certificate"));
    }
    Ok(found)
}

fn pem(cfg: &config::Mqtt, key: &str, file: &Path) -> Result<Vec<u8>, Cause> {
    text::read_pem(file).map_err(|error| bad_file(cfg, key, file, &error.fault))
}

fn bad_file(cfg: &config::Mqtt, key: &str, file: &Path, error: &dyn std::fmt::Display) -> Cause {
    let what = format!("{key} {} cannot be used ({error})", file.display());
    cause(cfg, what, "give the path of a PEM file that the service may read")
}

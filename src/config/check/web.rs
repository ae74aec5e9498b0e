//! Checks `[web]`: an address that others can reach requires users.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SectionScope;
use crate::config::network::NetworkError;
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;
use crate::config::{Network, WebConfig, WebTls, users};

const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

pub(super) fn web(table: TomlTable<'_, '_>, scope: &SectionScope, state_dir: &Path) -> WebConfig {
    let bind = table.get("bind");
    let proxies = table.get("trusted_proxies");
    let minutes: u32 = table.whole("session_minutes", 480, 1..=43_200);
    let max_body_mib: u32 = table.whole("max_body_mib", 24, 1..=1_024);
    let web = WebConfig {
        enabled: table.boolean("enabled", true),
        bind: bind.as_ref().and_then(address).unwrap_or(USUAL),
        users_file: table.get("users_file").and_then(|field| path(&field)),
        tls: tls(&table, scope),
        trusted_proxies: proxies.as_ref().map(networks).unwrap_or_default(),
        session: Duration::from_secs(u64::from(minutes) * 60),
        max_body_bytes: (max_body_mib as usize) << 20,
        max_viewers: table.whole("max_viewers", 64, 1..=1_024u32) as usize,
    };
    let opens = if web.bind.ip().is_loopback() { proxies } else { bind };
    if let Some(field) = opens.filter(|_| web.enabled && !scope.users_come) {
        check_users(&web, &field, state_dir);
    }
    table.finish();
    web
}

fn address(field: &PlacedValue<'_, '_>) -> Option<SocketAddr> {
    let text = field.text()?;
    let address = text.replace("localhost:", "127.0.0.1:").parse();
    if address.is_err() {
        let remedy = "write ADDRESS:PORT, e.g. 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080";
        field.fault("this is not an address to listen on", remedy);
    }
    address.ok()
}

pub(super) fn networks(field: &PlacedValue<'_, '_>) -> Vec<Network> {
    let items = field.items("addresses").unwrap_or_default();
    let network = |item: &PlacedValue<'_, '_>| {
        let network = item.text()?.parse();
        network
            .map_err(|reason: NetworkError| {
                item.fault(
                    reason.to_string(),
                    "write an address or a network, e.g. \"127.0.0.1\" or \"10.0.0.0/8\"",
                )
            })
            .ok()
    };
    items.iter().filter_map(network).collect()
}

fn path(field: &PlacedValue<'_, '_>) -> Option<PathBuf> {
    match field.text()? {
        "" => {
            field.fault("the path is empty", "name a file, or leave the key out");
            None
        }
        path => Some(path.into()),
    }
}

/// Notes an address that others can reach without users who must log in.
fn check_users(web: &WebConfig, field: &PlacedValue<'_, '_>, state_dir: &Path) {
    if web.is_local() {
        return;
    }
    let by = if web.trusted_proxies.is_empty() { "" } else { " through a proxy" };
    let file = web.users_file(state_dir);
    let reason = match users::read(&file) {
        Ok(users) if !users.is_empty() => return,
        Ok(_) => format!("others can reach {}{by}, and there are no users in {}", web.bind, file.display()),
        Err(error) => format!("others can reach {}{by}, and its users cannot be read: {error}", web.bind),
    };
    let remedy = format!(
        "make one: `ocellus users add NAME --role admin --file {}`; or write bind = \"127.0.0.1:{}\" without \
         trusted_proxies",
        file.display(),
        web.bind.port()
    );
    field.fault(reason, remedy);
}

fn tls(table: &TomlTable<'_, '_>, scope: &SectionScope) -> Option<WebTls> {
    let named = ["cert_file", "key_file"].map(|key| table.get(key));
    let given = named.each_ref().map(Option::is_some);
    let [cert, key] = named.map(|field| field.and_then(|field| scope.files.existing(&field)));
    match given {
        [true, false] => {
            table.fault("key_file", "cert_file is given without key_file", "name the private key (PEM)")
        }
        [false, true] => {
            table.fault("cert_file", "key_file is given without cert_file", "name the certificate (PEM)")
        }
        _ => {}
    }
    Some(WebTls { cert_file: cert?, key_file: key? })
}

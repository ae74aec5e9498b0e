//! Checks the keys of a camera that receives frames over TCP: framing, bounds, and who may connect.

use std::net::SocketAddr;

use super::{SectionScope, mqtt};
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;
use crate::config::{CameraConfig, Framing, Network, Source, TcpConfig};

/// Keys that only a camera with a `tcp://` source has.
const OWN_KEYS: [&str; 4] = ["allow", "peers", "secret_file", "command_address"];

/// Reads the camera server's keys; where `source` is another one, notes each of them as out of place.
pub(super) fn tcp(table: &TomlTable<'_, '_>, scope: &SectionScope, source: &Source) -> TcpConfig {
    let mut tcp = TcpConfig {
        max_bytes: table.whole("tcp_max_bytes", TcpConfig::MAX_BYTES as u32, 1_024..=1 << 30) as usize,
        frame: table.millis("tcp_frame_ms", 10_000, 100..=600_000),
        queue: table.whole("tcp_queue", TcpConfig::QUEUE as u32, 1..=1_000) as usize,
        framing: table
            .word("framing", &[("ocf1", Framing::Ocf1), ("length32", Framing::Length32)])
            .unwrap_or_default(),
        ..TcpConfig::default()
    };
    let Source::Tcp(address) = source else {
        for field in OWN_KEYS.into_iter().filter_map(|key| table.get(key)) {
            field.fault("this belongs to a tcp:// source", "remove this key");
        }
        return tcp;
    };
    tcp.command_address = table.get("command_address").and_then(|field| command_address(&field, *address));
    let allow = allowed(table);
    let secret = table.get("secret_file");
    if allow.is_none() && secret.is_none() {
        must_not_be_open(table, *address, tcp.command_address);
    }
    tcp.secret_file = secret.and_then(|field| mqtt::password_file(&field, scope));
    tcp.allow = allow.and_then(|field| networks(&field)).unwrap_or_default();
    tcp
}

/// Notes an address on which an earlier camera, or the same one, listens too.
pub(super) fn own_addresses(table: &TomlTable<'_, '_>, camera: &CameraConfig, before: &[CameraConfig]) {
    let addresses = |camera: &CameraConfig| {
        let frames = match camera.source {
            Source::Tcp(address) => Some(address),
            _ => None,
        };
        [frames, camera.tcp.command_address]
    };
    let [frames, commands] = addresses(camera);
    for (key, address) in [("source", frames), ("command_address", commands)] {
        let Some(address) = address else { continue };
        let taken = before.iter().find(|known| addresses(known).contains(&Some(address)));
        let (Some(known), Some(field)) = (taken, table.get(key)) else { continue };
        field.fault(format!("camera {} listens on {address} too", known.name), "choose another port");
    }
}

/// The list of networks; `peers` is its former name.
fn allowed<'d, 'a>(table: &TomlTable<'d, 'a>) -> Option<PlacedValue<'d, 'a>> {
    let [allow, former] = ["allow", "peers"].map(|key| table.get(key));
    if let (Some(_), Some(former)) = (&allow, &former) {
        former.fault("this is the former name of allow, which is there too", "remove peers");
    }
    allow.or(former)
}

fn command_address(field: &PlacedValue<'_, '_>, frames: SocketAddr) -> Option<SocketAddr> {
    let address = address_with_port(field, field.text()?, "\"0.0.0.0:5559\" or \"127.0.0.1:5559\"")?;
    if address == frames {
        field.fault("frames arrive at this address", "choose another port for commands");
    }
    Some(address)
}

/// The `ADDRESS:PORT` that `text` of `field` is, with a fixed port; `examples` show how one is written.
pub(super) fn address_with_port(
    field: &PlacedValue<'_, '_>,
    text: &str,
    examples: &str,
) -> Option<SocketAddr> {
    let address = text.trim().parse().ok().filter(|address: &SocketAddr| address.port() != 0);
    if address.is_none() {
        let remedy = format!("write ADDRESS:PORT, e.g. {examples}");
        field.fault("this is not an address with a port", remedy);
    }
    address
}

/// Notes each address that others can reach, since any of them could be the camera or command it.
fn must_not_be_open(table: &TomlTable<'_, '_>, frames: SocketAddr, commands: Option<SocketAddr>) {
    let places = [
        ("source", Some(frames), "any of them could be the camera", "tcp://127.0.0.1:"),
        ("command_address", commands, "any of them could stop the camera", "127.0.0.1:"),
    ];
    for (key, address, risk, own) in places {
        let Some(address) = address.filter(|address| !address.ip().is_loopback()) else { continue };
        let Some(field) = table.get(key) else { continue };
        let remedy =
            format!("add allow = [\"10.0.0.5\"] or secret_file = \"…\"; or write {own}{}", address.port());
        field.fault(format!("others can reach {address}, and {risk}"), remedy);
    }
}

pub(super) fn networks(field: &PlacedValue<'_, '_>) -> Option<Vec<Network>> {
    let items = field.items("addresses")?;
    if items.is_empty() {
        field.fault("nobody may connect", "name at least one address, e.g. \"10.0.0.5\" or \"10.0.0.0/24\"");
    }
    let network = |item: &PlacedValue<'_, '_>| {
        let network = item.text()?.trim().parse().ok();
        if network.is_none() {
            item.fault(
                "this is neither an address nor a network",
                "write e.g. \"10.0.0.5\" or \"10.0.0.0/24\"",
            );
        }
        network
    };
    Some(items.iter().filter_map(network).collect())
}

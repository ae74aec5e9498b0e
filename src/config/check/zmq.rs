//! Checks `[zmq]`.

use std::net::SocketAddr;

use super::tcp::{address_with_port, networks};
use crate::config::ZmqConfig;
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;

pub(super) fn zmq(table: TomlTable<'_, '_>) -> ZmqConfig {
    let usual = ZmqConfig::default();
    let allow = table.get("allow");
    let mut taken: Vec<SocketAddr> = Vec::new();
    let [status, commands, data] = ["status", "commands", "data"].map(|key| {
        let field = table.get(key)?;
        let address = address(&field)?;
        if taken.contains(&address) {
            field.fault(format!("{address} is used twice"), "choose another port");
        }
        if !address.ip().is_loopback() && allow.is_none() {
            let remedy = format!("add allow = [\"10.0.0.0/24\"]; or write 127.0.0.1:{}", address.port());
            field.fault(format!("others can reach {address}, and ZeroMQ has no login"), remedy);
        }
        taken.push(address);
        Some(address)
    });
    let topic = table.get("topic").and_then(|field| {
        let text = field.text()?;
        if text.is_empty() || text.len() > 64 || text.chars().any(char::is_control) {
            field.fault("this is no topic", "write 1 to 64 characters, e.g. \"ALL\"");
        }
        Some(text.to_owned())
    });
    let zmq = ZmqConfig {
        status,
        commands,
        data,
        allow: allow.and_then(|field| networks(&field)).unwrap_or_default(),
        topic: topic.unwrap_or(usual.topic),
        max_message_bytes: (table.whole("max_message_kib", 64u32, 1..=16_384) as usize) << 10,
        queue: table.whole("queue", usual.queue as u32, 1..=65_536) as usize,
        max_peers: table.whole("max_peers", usual.max_peers as u32, 1..=1_024) as usize,
    };
    table.finish();
    zmq
}

/// `ADDRESS:PORT`, with or without the `tcp://` that ZeroMQ writes before it.
fn address(field: &PlacedValue<'_, '_>) -> Option<SocketAddr> {
    let text = field.text()?.trim();
    address_with_port(field, text.strip_prefix("tcp://").unwrap_or(text), "\"127.0.0.1:5557\"")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    fn faults(zmq: &str) -> String {
        let text = format!("[[camera]]\nname = \"a\"\nsource = \"scene:\"\n[zmq]\n{zmq}");
        Config::parse(&text, Path::new("box.toml"), Path::new("/"))
            .map_or_else(|faults| faults.to_string(), |_| String::new())
    }

    #[test]
    fn an_address_that_others_can_reach_needs_the_names_of_those_who_may() {
        assert_eq!(faults("status = \"tcp://127.0.0.1:5557\"\ncommands = \"[::1]:5555\""), "");
        assert_eq!(faults("data = \"0.0.0.0:5556\"\nallow = [\"10.0.0.0/24\"]"), "");
        for (text, expected) in [
            ("data = \"0.0.0.0:5556\"", "ZeroMQ has no login"),
            ("data = \"*:5556\"", "not an address with a port"),
            ("data = \"127.0.0.1:5556\"\nstatus = \"127.0.0.1:5556\"", "used twice"),
            ("topic = \"\"", "no topic"),
            ("max_message_kib = 0", "out of range"),
        ] {
            assert!(faults(text).contains(expected), "{text}: {}", faults(text));
        }
    }
}

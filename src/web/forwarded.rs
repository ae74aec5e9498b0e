//! The client behind a proxy: `X-Forwarded-For` is used only if it comes from a configured proxy, because any
//! client can send it.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};

use super::server::Peer;
use crate::config::Network;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client's address, if `peer` is the other end of the connection.
pub(super) fn behind(peer: Peer, headers: &HeaderMap, proxies: &[Network]) -> Peer {
    let is_proxy = |address: &IpAddr| proxies.iter().any(|network| network.holds(*address));
    if !is_proxy(&peer.address) {
        return peer;
    }
    let mut address = peer.address;
    let lines = headers.get_all(FOR).into_iter().rev().filter_map(|value| value.to_str().ok());
    // Each proxy appends the address that it sees, so the last one that is not a configured proxy is used.
    for word in lines.flat_map(|line| line.rsplit(',')) {
        let Some(response) = parse(word.trim()) else { break };
        address = response;
        if !is_proxy(&response) {
            break;
        }
    }
    let tls = peer.tls || headers.get(PROTO).is_some_and(|proto| proto.as_bytes() == b"https");
    Peer { address, tls }
}

/// Parses an address, with or without a port.
fn parse(word: &str) -> Option<IpAddr> {
    let address = word.parse().ok().or_else(|| word.parse().ok().map(|at: std::net::SocketAddr| at.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(from: &str, forwarded: &[&str]) -> String {
        let proxies: Vec<Network> =
            ["127.0.0.1", "10.0.0.0/8", "fd00::/8"].iter().map(|text| text.parse().unwrap()).collect();
        let headers = forwarded.iter().map(|value| (FOR, value.parse().unwrap())).collect();
        let peer = Peer { address: from.parse().unwrap(), tls: false };
        behind(peer, &headers, &proxies).address.to_string()
    }

    #[test]
    fn the_last_address_that_is_no_proxy_of_ours_is_believed_and_nobody_elses_word() {
        assert_eq!(asks("127.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(asks("127.0.0.1", &["9.9.9.9, 1.2.3.4, 10.1.1.1"]), "1.2.3.4");
        assert_eq!(asks("127.0.0.1", &["9.9.9.9", "1.2.3.4"]), "1.2.3.4");
        assert_eq!(asks("fd00::1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(asks("10.0.0.3", &["1.2.3.4:5678"]), "1.2.3.4");
        // Not sent by a proxy, so the header is ignored.
        assert_eq!(asks("192.168.0.9", &["1.2.3.4"]), "192.168.0.9");
        // Unreadable entries: the proxy itself counts as the client.
        for rubbish in ["", "unknown", "x, ", "1.2.3.4, _hidden"] {
            assert_eq!(asks("127.0.0.1", &[rubbish]), "127.0.0.1", "{rubbish:?}");
        }
        assert_eq!(asks("127.0.0.1", &[]), "127.0.0.1");
    }
}

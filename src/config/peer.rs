//! Addresses from which a sender may connect.

use std::net::IpAddr;

/// An address, or a network in CIDR form (RFC 4632).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    address: IpAddr,
    /// Leading bits that must agree.
    bits: u32,
}

impl Peer {
    /// Reads `10.0.0.5`, `10.0.0.0/24`, `fd00::/8`.
    pub(super) fn parse(text: &str) -> Option<Peer> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, bits)| (a, Some(bits)));
        let address: IpAddr = address.trim().parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.trim().parse().ok().filter(|bits| *bits <= most))?;
        Some(Peer { address, bits })
    }

    /// Whether `address` is it, or of it. An IPv4 address that came in over IPv6 is an IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let different = u32::from(own) ^ u32::from(other);
                different.checked_shr(32 - self.bits.min(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let different = u128::from(own) ^ u128::from(other);
                different.checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_a_network_know_their_own() {
        for (peer, address, own) in [
            ("10.0.0.5", "10.0.0.5", true),
            ("10.0.0.5", "10.0.0.6", false),
            ("10.0.0.0/24", "10.0.0.255", true),
            ("10.0.0.0/24", "10.0.1.0", false),
            ("10.0.0.7/24", "10.0.0.1", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("10.0.0.5", "::ffff:10.0.0.5", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::1", "::1", true),
        ] {
            let peer_of = Peer::parse(peer).unwrap();
            assert_eq!(peer_of.contains(address.parse().unwrap()), own, "{address} of {peer}");
        }
        for text in ["", "camera", "10.0.0.5/33", "10.0.0.5/", "10.0.0", "::1/129", "10.0.0.5:80"] {
            assert_eq!(Peer::parse(text), None, "{text}");
        }
    }
}

//! Which addresses jobs may connect to: public ones, and those that the configuration names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Network;

/// Decides by the address that is connected to, not by the name: a name may lead anywhere.
#[derive(Clone, Debug)]
pub(super) struct AddressRule {
    allowed: Vec<Network>,
}

impl AddressRule {
    /// The rule that also allows the networks `allowed`.
    pub(super) fn new(allowed: Vec<Network>) -> AddressRule {
        AddressRule { allowed }
    }

    /// Whether a job may connect to `address`.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.allowed.iter().any(|network| network.holds(address))
    }
}

/// Whether an address is one of the public internet: nothing of this machine, its networks or special use (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = a == 0
        || a >= 240
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        // Shared by carriers (RFC 6598), for protocols (RFC 6890), for 6to4 (RFC 7526), for benchmarks (RFC 2544).
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    // All global addresses lie in 2000::/3; those that carry an IPv4 address are as that one is.
    let is_global = parts[0] & 0xE000 == 0x2000;
    let is_documentation = (parts[0] == 0x2001 && parts[1] == 0x0DB8) || parts[0] == 0x3FFF;
    // Teredo and other protocols (2001::/23).
    let is_protocol = parts[0] == 0x2001 && parts[1] < 0x0200;
    let is_6to4 = parts[0] == 0x2002;
    // NAT64 (RFC 6052) leads to the IPv4 address in its last 32 bits.
    if parts[..6] == [0x64, 0xFF9B, 0, 0, 0, 0] {
        let [a, b] = [parts[6].to_be_bytes(), parts[7].to_be_bytes()];
        return is_public_v4(Ipv4Addr::new(a[0], a[1], b[0], b[1]));
    }
    is_global && !is_documentation && !is_protocol && !is_6to4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_allowed_unless_the_configuration_names_them() {
        let rule = AddressRule::new(vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        let allows = |address: &str| rule.allows(address.parse().unwrap());
        for public in ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(allows(public), "{public}");
        }
        assert!(allows("10.1.2.3") && allows("::1") && allows("::ffff:10.1.2.3"));
        for refused in [
            "127.0.0.1",
            "127.1.2.3",
            "0.0.0.0",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!allows(refused), "{refused}");
        }
    }
}

//! Networks in CIDR form (RFC 4632), such as `10.0.0.0/8`, or single addresses: allowed TCP senders and
//! trusted proxies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Why a text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The text is neither an address nor an address with a number of bits.
    #[error("\"{0}\" is neither an address nor a network")]
    NoNetwork(String),
    /// The number of bits is larger than an address has.
    #[error("\"{text}\" has more than {most} bits")]
    Bits {
        /// The text as it was given.
        text: String,
        /// Bits of an address of this kind.
        most: u8,
    },
}

/// A set of addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether `address` belongs to the network.
    pub fn holds(&self, address: IpAddr) -> bool {
        let (first, address) = (self.first, address.to_canonical());
        match (first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let beyond = 32 - u32::from(self.bits);
                (u64::from(u32::from(first)) >> beyond) == (u64::from(u32::from(address)) >> beyond)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let beyond = 128 - u32::from(self.bits);
                let top = |address: u128| address.checked_shr(beyond).unwrap_or(0);
                top(first.into()) == top(address.into())
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let (first, bits) = text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let no = || NetworkError::NoNetwork(text.to_owned());
        let first = first.parse::<IpAddr>().map_err(|_| no())?.to_canonical();
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse::<u8>().map_err(|_| no()))?;
        if bits > most {
            return Err(NetworkError::Bits { text: text.to_owned(), most });
        }
        Ok(Network { first, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let holds = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().holds(address.parse().unwrap())
        };
        assert!(holds("10.0.0.7", "10.0.0.7") && !holds("10.0.0.7", "10.0.0.8"));
        assert!(holds("10.0.0.0/8", "10.9.9.9") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1") && holds("::/0", "::1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.1.1"), "IPv4 in IPv6's clothes");
        for (network, address, own) in [
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
            assert_eq!(holds(network, address), own, "{address} of {network}");
        }
        let bad = ["", "proxy", "10.0.0.0/33", "::1/129", "10.0.0.0/x", "10.0.0/8"];
        for bad in bad.into_iter().chain(["10.0.0.5/33", "10.0.0.5/", "10.0.0", "10.0.0.5:80"]) {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}

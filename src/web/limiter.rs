//! Limits how often a login may be tried. Pure: the caller passes the time.
//!
//! An attempt is counted in one of three ways, and the first that applies and is free is taken:
//!
//! ```text
//!  device    the browser carries a device cookie of this account   counted for the cookie
//!  address   this account has logged in from this address          counted for account and address together
//!  stranger  all others                                            also counted for the address and for the account
//! ```
//!
//! Attempts of strangers, from elsewhere or from the same address behind a proxy or NAT, are counted
//! separately from those of the owner's browser and of addresses from which the owner has logged in. This is
//! the scheme of OWASP's "device cookies", with the address as a second, weaker sign.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use crate::backoff::exponential;

const SECOND_NS: u64 = 1_000_000_000;
/// Attempts are forgotten after this time without any.
const MEMORY_NS: u64 = 3_600 * SECOND_NS;
/// Entries of each table, at most.
const MOST: usize = 4_096;

/// Number of free attempts, and the longest pause after them. The first pause is a second, and each further
/// one doubles.
struct TryRule {
    free: u32,
    longest: Duration,
}

/// For a cookie that only a successful login gives: a thief of it gets one attempt a minute.
const DEVICE: TryRule = TryRule { free: 10, longest: Duration::from_secs(60) };
/// For one account from one address: stops guessing from there without affecting others.
const PAIR: TryRule = TryRule { free: 5, longest: Duration::from_secs(900) };
/// For an address that tries many names. Many people may share it, so the rule is generous and its pauses are
/// short.
const ADDRESS: TryRule = TryRule { free: 50, longest: Duration::from_secs(60) };
/// For an account that many addresses try to guess.
const ACCOUNT: TryRule = TryRule { free: 20, longest: Duration::from_secs(30) };

#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    count: u32,
    last_ns: u64,
    /// No attempt is allowed before this moment, ns.
    until_ns: u64,
}

/// One attempt to log in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try<'a> {
    pub(super) address: IpAddr,
    /// The name that is tried, whether or not the account exists: both are counted alike.
    pub(super) account: &'a str,
    /// The number in a valid device cookie of the account.
    pub(super) device: Option<[u8; 16]>,
}

impl Try<'_> {
    fn pair(&self) -> (IpAddr, String) {
        (network(self.address), self.account.to_owned())
    }
}

/// The way in which an attempt was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Device,
    Address,
    Stranger,
}

/// Recent attempts, and recent successes.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    devices: TryTable<[u8; 16]>,
    pairs: TryTable<(IpAddr, String)>,
    addresses: TryTable<IpAddr>,
    accounts: TryTable<String>,
    /// When an account last logged in from an address. Only successes are stored.
    good: HashMap<(IpAddr, String), u64>,
}

impl Limiter {
    /// Allows an attempt and counts it as failed, until [`Limiter::succeeded`] takes that back.
    ///
    /// # Errors
    /// Seconds to wait, if no attempt is allowed now; such an attempt is not counted.
    pub(super) fn attempt(&mut self, tried: &Try<'_>, now_ns: u64) -> Result<Way, u64> {
        let (pair, address) = (tried.pair(), network(tried.address));
        let mut least = u64::MAX;
        if let Some(device) = tried.device {
            least = self.devices.wait(&device, now_ns);
            if least == 0 {
                self.devices.count(device, &DEVICE, now_ns);
                return Ok(Way::Device);
            }
        }
        let here = self.pairs.wait(&pair, now_ns);
        if here == 0 && self.good.contains_key(&pair) {
            self.pairs.count(pair, &PAIR, now_ns);
            return Ok(Way::Address);
        }
        let others = self.addresses.wait(&address, now_ns).max(self.accounts.wait(&pair.1, now_ns));
        let wait = here.max(others).min(least);
        if wait > 0 {
            return Err(wait.div_ceil(SECOND_NS));
        }
        self.accounts.count(pair.1.clone(), &ACCOUNT, now_ns);
        self.addresses.count(address, &ADDRESS, now_ns);
        self.pairs.count(pair, &PAIR, now_ns);
        Ok(Way::Stranger)
    }

    /// The password was right: the address is trusted for this account from now on. Attempts of others
    /// elsewhere stay counted.
    pub(super) fn succeeded(&mut self, tried: &Try<'_>, way: Way, now_ns: u64) {
        self.take_back(tried, way);
        let pair = tried.pair();
        self.pairs.known.remove(&pair);
        tried.device.and_then(|device| self.devices.known.remove(&device));
        if self.good.len() >= MOST && !self.good.contains_key(&pair) {
            let oldest = self.good.iter().min_by_key(|(_, last)| **last).map(|(pair, _)| pair.clone());
            oldest.and_then(|oldest| self.good.remove(&oldest));
        }
        self.good.insert(pair, now_ns);
    }

    /// The attempt was not evaluated, so it is not counted.
    pub(super) fn take_back(&mut self, tried: &Try<'_>, way: Way) {
        match (way, tried.device) {
            (Way::Device, Some(device)) => self.devices.take_back(&device),
            (Way::Device, None) => {}
            (Way::Address, _) => self.pairs.take_back(&tried.pair()),
            (Way::Stranger, _) => {
                let pair = tried.pair();
                self.addresses.take_back(&pair.0);
                self.accounts.take_back(&pair.1);
                self.pairs.take_back(&pair);
            }
        }
    }
}

/// Attempts, by the key that they are counted for.
#[derive(Debug)]
struct TryTable<K> {
    known: HashMap<K, Tries>,
}

impl<K> Default for TryTable<K> {
    fn default() -> TryTable<K> {
        TryTable { known: HashMap::new() }
    }
}

impl<K: Eq + Hash + Clone> TryTable<K> {
    fn wait(&self, key: &K, now_ns: u64) -> u64 {
        self.known.get(key).map_or(0, |tries| tries.until_ns.saturating_sub(now_ns))
    }

    fn count(&mut self, key: K, rule: &TryRule, now_ns: u64) {
        let known = &mut self.known;
        if known.len() >= MOST && !known.contains_key(&key) {
            known.retain(|_, tries| now_ns.saturating_sub(tries.last_ns) < MEMORY_NS);
            if known.len() >= MOST {
                evict(known);
            }
        }
        let tries = known.entry(key).or_default();
        if now_ns.saturating_sub(tries.last_ns) >= MEMORY_NS {
            *tries = Tries::default();
        }
        tries.count += 1;
        tries.last_ns = now_ns;
        if let Some(beyond) = tries.count.checked_sub(rule.free) {
            let pause = exponential(Duration::from_secs(1), rule.longest, beyond);
            tries.until_ns = now_ns + pause.as_nanos() as u64;
        }
    }

    fn take_back(&mut self, key: &K) {
        if let Some(tries) = self.known.get_mut(key) {
            tries.count = tries.count.saturating_sub(1);
            tries.until_ns = 0;
        }
    }
}

/// Removes an eighth of the entries: first those with few attempts, then those unused for longest. A flood of
/// names that are tried once does not remove a name that is under attack.
fn evict<K: Eq + Hash>(known: &mut HashMap<K, Tries>) {
    let rank = |tries: &Tries| (tries.count, tries.last_ns);
    let mut ranks: Vec<_> = known.values().map(rank).collect();
    let (_, last, _) = ranks.select_nth_unstable(MOST / 8);
    let last = *last;
    known.retain(|_, tries| rank(tries) > last);
}

/// A household has one IPv4 address, but 2⁶⁴ of IPv6, so IPv6 counts by network.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;

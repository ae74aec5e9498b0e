//! How often a login may be tried: pure, times come in. Counted for each address and for each account.
//!
//! An address that guesses is soon shut out for long; an account that many addresses guess at only for short, so that
//! nobody can keep its owner out.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

const SECOND_NS: u64 = 1_000_000_000;
/// Tries are forgotten after this quiet time.
const MEMORY_NS: u64 = 3_600 * SECOND_NS;
/// Most addresses and accounts remembered; the quietest goes first.
const MOST: usize = 4_096;

/// Tries that are free, and the longest pause after them; the first pause is a second, and each doubles.
struct Rule {
    free: u32,
    longest_ns: u64,
}

const ADDRESS: Rule = Rule { free: 5, longest_ns: 900 * SECOND_NS };
const ACCOUNT: Rule = Rule { free: 20, longest_ns: 30 * SECOND_NS };

#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    count: u32,
    last_ns: u64,
    /// No try before this moment.
    until_ns: u64,
}

/// What was tried lately.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    addresses: HashMap<IpAddr, Tries>,
    accounts: HashMap<String, Tries>,
}

impl Limiter {
    /// A try from `address` at `account`: counted as failed until [`Limiter::succeeded`] takes it back.
    ///
    /// # Errors
    /// Seconds to wait, where it may not be tried now; such a try is not counted.
    pub(super) fn attempt(&mut self, address: IpAddr, account: &str, now_ns: u64) -> Result<(), u64> {
        let address = network(address);
        let wait = |tries: Option<&Tries>| tries.map_or(0, |tries| tries.until_ns.saturating_sub(now_ns));
        let wait = wait(self.addresses.get(&address)).max(wait(self.accounts.get(account)));
        if wait > 0 {
            return Err(wait.div_ceil(SECOND_NS));
        }
        count(&mut self.addresses, address, &ADDRESS, now_ns);
        count(&mut self.accounts, account.to_owned(), &ACCOUNT, now_ns);
        Ok(())
    }

    /// The password was right: its owner's tries are forgotten.
    pub(super) fn succeeded(&mut self, address: IpAddr, account: &str) {
        self.addresses.remove(&network(address));
        self.accounts.remove(account);
    }

    /// The try was not looked at after all.
    pub(super) fn take_back(&mut self, address: IpAddr, account: &str) {
        let tries = [self.addresses.get_mut(&network(address)), self.accounts.get_mut(account)];
        for tries in tries.into_iter().flatten() {
            tries.count = tries.count.saturating_sub(1);
            tries.until_ns = 0;
        }
    }
}

fn count<K: Eq + Hash + Clone>(known: &mut HashMap<K, Tries>, key: K, rule: &Rule, now_ns: u64) {
    if known.len() >= MOST && !known.contains_key(&key) {
        known.retain(|_, tries| now_ns.saturating_sub(tries.last_ns) < MEMORY_NS);
        let quietest = known.iter().min_by_key(|(_, tries)| tries.last_ns).map(|(key, _)| key.clone());
        if let Some(quietest) = quietest.filter(|_| known.len() >= MOST) {
            known.remove(&quietest);
        }
    }
    let tries = known.entry(key).or_default();
    if now_ns.saturating_sub(tries.last_ns) >= MEMORY_NS {
        *tries = Tries::default();
    }
    tries.count += 1;
    tries.last_ns = now_ns;
    if let Some(beyond) = tries.count.checked_sub(rule.free) {
        let pause = SECOND_NS.saturating_mul(1u64.checked_shl(beyond).unwrap_or(u64::MAX));
        tries.until_ns = now_ns + pause.min(rule.longest_ns);
    }
}

/// A home has one IPv4 address, but 2⁶⁴ of IPv6.
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
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn pauses_double_for_an_address_and_others_are_not_shut_out() {
        let mut limiter = Limiter::default();
        let mut now = SECOND_NS;
        let mut pauses = Vec::new();
        for _ in 0..20 {
            assert_eq!(limiter.attempt(address(1), "ann", now), Ok(()));
            let wait = limiter.attempt(address(1), "ann", now).err().unwrap_or(0);
            pauses.push(wait);
            now += wait * SECOND_NS;
        }
        // The fourth look above is the fifth try: only those that were let through count.
        assert_eq!(pauses.iter().filter(|wait| **wait == 0).count(), 2, "{pauses:?}");
        assert_eq!(pauses[2..6], [1, 2, 4, 8], "{pauses:?}");
        assert_eq!(pauses.last(), Some(&900));
        assert_eq!(limiter.attempt(address(2), "joe", now), Ok(()));
    }

    #[test]
    fn a_thousand_wrong_passwords_from_one_address_leave_the_account_to_its_owner() {
        let mut limiter = Limiter::default();
        let refused = (0..1_000).filter(|_| limiter.attempt(address(1), "ann", 1).is_err()).count();
        assert_eq!(refused, 995);
        assert_eq!(limiter.attempt(address(2), "ann", 2), Ok(()));
        limiter.succeeded(address(2), "ann");
        assert!(limiter.attempt(address(1), "ann", 3).is_err(), "the guesser stays out");
    }

    #[test]
    fn an_account_that_many_guess_at_is_slow_but_never_closed_for_long() {
        let mut limiter = Limiter::default();
        let mut now = 1;
        for n in 0..200u8 {
            let wait = limiter.attempt(address(n), "ann", now).err().unwrap_or(0);
            assert!(wait <= 30);
            now += wait * SECOND_NS;
        }
        assert!(limiter.attempt(address(201), "ann", now).is_err());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut limiter = Limiter::default();
        for n in 0..3 * MOST as u32 {
            let _ = limiter.attempt(IpAddr::from(n.to_be_bytes()), &n.to_string(), u64::from(n));
        }
        assert!(limiter.addresses.len() <= MOST && limiter.accounts.len() <= MOST);
    }
}

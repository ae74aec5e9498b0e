//! The limiter under attack.

use super::*;

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn tried(last: u8, account: &str) -> Try<'_> {
    Try { address: address(last), account, device: None }
}

/// How long a stranger with this attempt has to wait, s.
fn wait(limiter: &mut Limiter, tried: &Try<'_>, now_ns: u64) -> u64 {
    limiter.attempt(tried, now_ns).err().unwrap_or(0)
}

#[test]
fn pauses_double_for_an_address_and_others_are_not_shut_out() {
    let mut limiter = Limiter::default();
    let mut now = SECOND_NS;
    let mut pauses = Vec::new();
    for _ in 0..20 {
        assert_eq!(limiter.attempt(&tried(1, "ann"), now), Ok(Way::Stranger));
        let wait = wait(&mut limiter, &tried(1, "ann"), now);
        pauses.push(wait);
        now += wait * SECOND_NS;
    }
    // The fourth check above is the fifth attempt, because only allowed ones count.
    assert_eq!(pauses.iter().filter(|wait| **wait == 0).count(), 2, "{pauses:?}");
    assert_eq!(pauses[2..6], [1, 2, 4, 8], "{pauses:?}");
    assert_eq!(pauses.last(), Some(&900));
    assert_eq!(limiter.attempt(&tried(2, "joe"), now), Ok(Way::Stranger));
    // Another account at the same address is not affected either: behind a proxy or NAT all people share one.
    assert_eq!(limiter.attempt(&tried(1, "joe"), now), Ok(Way::Stranger));
}

#[test]
fn a_thousand_wrong_passwords_from_one_address_leave_the_account_to_its_owner() {
    let mut limiter = Limiter::default();
    let refused = (0..1_000).filter(|_| limiter.attempt(&tried(1, "ann"), 1).is_err()).count();
    assert_eq!(refused, 995);
    assert_eq!(limiter.attempt(&tried(2, "ann"), 2), Ok(Way::Stranger));
    limiter.succeeded(&tried(2, "ann"), Way::Stranger, 2);
    assert!(limiter.attempt(&tried(1, "ann"), 3).is_err(), "the guesser stays out");
}

#[test]
fn an_account_that_many_guess_at_is_slow_but_never_closed_for_long() {
    let mut limiter = Limiter::default();
    let mut now = 1;
    for n in 0..200u8 {
        let wait = wait(&mut limiter, &tried(n, "ann"), now);
        assert!(wait <= 30);
        now += wait * SECOND_NS;
    }
    assert!(limiter.attempt(&tried(201, "ann"), now).is_err());
}

#[test]
fn whatever_strangers_do_a_known_address_and_a_known_device_are_let_through() {
    let mut limiter = Limiter::default();
    let at_home = tried(9, "ann");
    assert_eq!(limiter.attempt(&at_home, 1), Ok(Way::Stranger));
    limiter.succeeded(&at_home, Way::Stranger, 1);
    // From many addresses, at Ann's account and at a thousand others.
    for n in 0..10_000u32 {
        let everywhere = Try { address: IpAddr::from(n.to_be_bytes()), account: "ann", device: None };
        let _ = limiter.attempt(&everywhere, 2);
        let name = n.to_string();
        let _ = limiter.attempt(&Try { account: &name, ..everywhere }, 2);
    }
    assert!(limiter.attempt(&tried(8, "ann"), 3).is_err(), "the account is under attack");
    assert_eq!(limiter.attempt(&at_home, 3), Ok(Way::Address));
    limiter.take_back(&at_home, Way::Address);
    // From the same address, too: the proxy's.
    for n in 0..1_000u32 {
        let name = n.to_string();
        let _ = limiter.attempt(&tried(9, "ann"), 4);
        let _ = limiter.attempt(&tried(9, &name), 4);
    }
    assert!(limiter.attempt(&at_home, 5).is_err(), "without the cookie nobody knows who it is");
    let with_cookie = Try { device: Some([7; 16]), ..at_home };
    assert_eq!(limiter.attempt(&with_cookie, 5), Ok(Way::Device));
    limiter.succeeded(&with_cookie, Way::Device, 5);
    assert_eq!(limiter.attempt(&at_home, 6), Ok(Way::Address), "known again");
}

#[test]
fn a_stolen_device_cookie_gets_few_tries() {
    let mut limiter = Limiter::default();
    let thief = Try { device: Some([7; 16]), ..tried(1, "ann") };
    let let_through = (0..1_000).filter(|_| limiter.attempt(&thief, 1).is_ok()).count();
    assert_eq!(let_through, 15, "ten of the device, five of a stranger");
}

#[test]
fn an_address_that_tries_many_names_has_to_wait_and_cannot_free_itself_by_an_account_of_its_user() {
    let mut limiter = Limiter::default();
    let names: Vec<String> = (0..1_000).map(|n| format!("user{n}")).collect();
    let let_through = names.iter().filter(|name| limiter.attempt(&tried(1, name), 1).is_ok()).count();
    assert_eq!(let_through, 50);
    let mut limiter = Limiter::default();
    let (mut through, mut now) = (0, 1);
    for _ in 0..100 {
        through += usize::from(limiter.attempt(&tried(1, "ann"), now).is_ok());
        if let Ok(way) = limiter.attempt(&tried(1, "joe"), now) {
            limiter.succeeded(&tried(1, "joe"), way, now);
        }
        now += 1;
    }
    assert_eq!(through, 5, "what was right for joe does not count for ann");
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut limiter = Limiter::default();
    for n in 0..3 * MOST as u32 {
        let (address, account) = (IpAddr::from(n.to_be_bytes()), n.to_string());
        let device = Some(u128::from(n).to_be_bytes());
        let tried = Try { address, account: &account, device };
        let _ = limiter.attempt(&tried, u64::from(n));
        let _ = limiter.attempt(&Try { device: None, ..tried }, u64::from(n));
        limiter.good.len();
        limiter.succeeded(&Try { device: None, ..tried }, Way::Address, u64::from(n));
    }
    let sizes = [limiter.devices.known.len(), limiter.pairs.known.len(), limiter.addresses.known.len()];
    assert!(sizes.iter().all(|size| *size <= MOST), "{sizes:?}");
    assert!(limiter.accounts.known.len() <= MOST && limiter.good.len() <= MOST);
}

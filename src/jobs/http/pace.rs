//! How often one host is asked: a rate for each, and the pause that a host asks for with `Retry-After`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Hosts that are remembered; those whose time has passed go first.
const MOST_HOSTS: usize = 256;
/// The longest pause of a host that other jobs obey too; the job itself waits as long as it was asked to.
const LONGEST: Duration = Duration::from_secs(3_600);

/// When each host may be asked again.
#[derive(Debug)]
pub(super) struct Pace {
    every: Duration,
    next: Mutex<BTreeMap<String, Instant>>,
}

impl Pace {
    /// A rate of `per_s` requests a second to each host.
    pub(super) fn new(per_s: f64) -> Pace {
        Pace { every: Duration::from_secs_f64(1.0 / per_s), next: Mutex::default() }
    }

    /// Takes the next turn at `host` if it comes within `patience`: returns the pause until then. Otherwise takes none, and
    /// returns the pause as an error.
    pub(super) fn turn(&self, host: &str, now: Instant, patience: Duration) -> Result<Duration, Duration> {
        let mut next = self.next.lock();
        let at = next.get(host).copied().unwrap_or(now).max(now);
        let pause = at - now;
        if pause > patience {
            return Err(pause);
        }
        if next.len() >= MOST_HOSTS {
            next.retain(|_, at| *at > now);
        }
        // A full list of hosts that all wait is one that nobody has: this host then has no rate of its own.
        if next.len() < MOST_HOSTS || next.contains_key(host) {
            next.insert(host.to_owned(), at + self.every);
        }
        Ok(pause)
    }

    /// Nobody asks `host` before `pause` is over.
    pub(super) fn hold(&self, host: &str, now: Instant, pause: Duration) {
        let until = now + pause.min(LONGEST);
        if let Some(at) = self.next.lock().get_mut(host) {
            *at = (*at).max(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_to_one_host_keep_their_distance_and_others_do_not_wait() {
        let (pace, now) = (Pace::new(2.0), Instant::now());
        let patience = Duration::from_millis(1_000);
        let turn = |host: &str| pace.turn(host, now, patience).map_err(|pause| pause.as_millis());
        assert_eq!(turn("a"), Ok(Duration::ZERO));
        assert_eq!(turn("a"), Ok(Duration::from_millis(500)));
        assert_eq!(turn("a"), Ok(Duration::from_millis(1_000)));
        assert_eq!(turn("a"), Err(1_500));
        assert_eq!(turn("a"), Err(1_500), "a turn that was not taken moves nobody");
        assert_eq!(turn("b"), Ok(Duration::ZERO));
        pace.hold("b", now, Duration::from_secs(90));
        assert_eq!(turn("b"), Err(90_000));
    }

    #[test]
    fn the_list_of_hosts_is_bounded() {
        let (pace, now) = (Pace::new(1.0), Instant::now());
        for host in 0..2 * MOST_HOSTS {
            pace.turn(&host.to_string(), now, Duration::ZERO).unwrap();
        }
        assert_eq!(pace.next.lock().len(), MOST_HOSTS);
        pace.turn("late", now + Duration::from_secs(5), Duration::ZERO).unwrap();
        assert_eq!(pace.next.lock().len(), 1);
    }
}

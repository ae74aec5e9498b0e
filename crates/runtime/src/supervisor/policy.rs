//! When a unit that failed is built again, and when it is given up. Pure: times come in, decisions go out.

use std::collections::VecDeque;
use std::time::Duration;

use super::settings::Settings;
use crate::backoff::exponential;

/// Restarts are counted over this time.
const WINDOW: Duration = Duration::from_secs(60);

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Build the unit again after this pause.
    Restart {
        /// The pause before the restart.
        after: Duration,
    },
    /// Do not restart it: it failed too often within a minute.
    GiveUp,
}

/// The restart policy of one unit: a pause that doubles, and at most so many restarts within a minute.
#[derive(Clone, Debug)]
pub struct RestartPolicy {
    max_restarts: u32,
    backoff: Duration,
    backoff_max: Duration,
    restarts: VecDeque<Duration>,
}

impl RestartPolicy {
    /// The policy of `settings`, without a restart so far.
    pub fn new(settings: &Settings) -> RestartPolicy {
        RestartPolicy {
            max_restarts: settings.max_restarts,
            backoff: settings.backoff,
            backoff_max: settings.backoff_max,
            restarts: VecDeque::new(),
        }
    }

    /// The unit failed at `now` (any monotonic time). The pause doubles with each restart of the last minute.
    pub fn failed(&mut self, now: Duration) -> Decision {
        while self.restarts.front().is_some_and(|then| now.saturating_sub(*then) >= WINDOW) {
            self.restarts.pop_front();
        }
        let recent = self.restarts.len() as u32;
        if recent >= self.max_restarts {
            return Decision::GiveUp;
        }
        self.restarts.push_back(now);
        Decision::Restart { after: exponential(self.backoff, self.backoff_max, recent) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn policy(max_restarts: u32) -> RestartPolicy {
        RestartPolicy { max_restarts, backoff: ms(100), backoff_max: ms(350), restarts: VecDeque::new() }
    }

    #[test]
    fn the_pause_doubles_up_to_its_ceiling_and_then_the_unit_is_given_up() {
        let mut policy = policy(4);
        let pauses: Vec<_> = (1..=5).map(|second| policy.failed(ms(second * 1_000))).collect();
        let restart = |after| Decision::Restart { after };
        assert_eq!(pauses[..4], [restart(ms(100)), restart(ms(200)), restart(ms(350)), restart(ms(350))]);
        assert_eq!(pauses[4], Decision::GiveUp);
    }

    #[test]
    fn a_unit_that_fails_rarely_is_restarted_indefinitely_with_the_first_pause() {
        let mut policy = policy(1);
        for minute in 1..1_000 {
            assert_eq!(policy.failed(ms(minute * 60_000)), Decision::Restart { after: ms(100) });
        }
        assert_eq!(policy.failed(ms(999 * 60_000 + 59_999)), Decision::GiveUp);
    }

    #[test]
    fn no_restarts_allowed_means_given_up_at_once_and_no_count_overflows() {
        assert_eq!(policy(0).failed(ms(1)), Decision::GiveUp);
        let mut many = policy(1_000);
        assert!((0..1_000).all(|_| many.failed(ms(1)) != Decision::GiveUp));
    }
}

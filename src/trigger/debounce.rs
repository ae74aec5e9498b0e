//! Ignores contact bounce: an edge too soon after a trigger is not another trigger. Pure: time is an
//! argument.

use std::time::Duration;

use crate::types::Stamp;

/// Distinguishes triggers from the bounces that follow them.
#[derive(Debug)]
pub struct Debounce {
    window_ns: u64,
    accepted_ns: Option<u64>,
}

impl Debounce {
    /// Ignores whatever comes within `window` of the last accepted trigger; zero accepts everything.
    pub fn new(window: Duration) -> Debounce {
        Debounce { window_ns: window.as_nanos() as u64, accepted_ns: None }
    }

    /// Whether the edge at `at` is a trigger. A bounce does not extend the window, because a contact that
    /// never settles would otherwise block the line permanently.
    pub fn accepts(&mut self, at: Stamp) -> bool {
        let debounced = self.accepted_ns.is_some_and(|last| at.mono_ns.saturating_sub(last) < self.window_ns);
        if !debounced {
            self.accepted_ns = Some(at.mono_ns);
        }
        !debounced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(window_ms: u64, at_ms: &[u64]) -> Vec<u64> {
        let mut debounce = Debounce::new(Duration::from_millis(window_ms));
        let at = |ms: u64| Stamp { mono_ns: ms * 1_000_000, wall_ns: 0 };
        at_ms.iter().copied().filter(|ms| debounce.accepts(at(*ms))).collect()
    }

    #[test]
    fn what_comes_within_the_window_of_the_last_trigger_has_bounced() {
        assert_eq!(accepted(10, &[0, 1, 9, 10, 11, 19, 25, 34, 35]), [0, 10, 25, 35]);
    }

    #[test]
    fn a_contact_that_never_rests_still_triggers_once_a_window() {
        assert_eq!(accepted(10, &(0..40).collect::<Vec<_>>()), [0, 10, 20, 30]);
    }

    #[test]
    fn without_a_window_everything_is_a_trigger() {
        assert_eq!(accepted(0, &[5, 5, 5]), [5, 5, 5]);
    }
}

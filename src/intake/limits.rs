//! The alarm limits of a channel.

use std::time::Duration;

use crate::config::ChannelConfig;
use crate::contract::Beyond;
use crate::types::Explanation;

/// A channel's alarm ends when its values have been within the limits for this long, so that one noisy value a second
/// is one alarm.
const CALM: Duration = Duration::from_secs(1);

/// The limits of a channel, and whether its values keep them.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    /// Which limit was passed, the value that passed it first, and when a value was beyond last (monotonic).
    passed: Option<(Beyond, f64, Duration)>,
    /// Why the alarm is raised, if it is.
    pub(super) raised: Option<Explanation>,
}

impl Limits {
    pub(super) fn new(settings: Option<&ChannelConfig>) -> Limits {
        let (low, high) = settings.map_or((None, None), |settings| (settings.low, settings.high));
        Limits { low, high, ..Limits::default() }
    }

    /// Other limits: values so far count no more, and a raised alarm is cleared or confirmed by the next look.
    pub(super) fn change(&mut self, settings: Option<&ChannelConfig>) {
        *self = Limits { raised: self.raised.take(), ..Limits::new(settings) };
    }

    /// On which side of the limits `value` lies.
    pub(super) fn side(&self, value: f64) -> Option<Beyond> {
        match (self.low, self.high) {
            (Some(low), _) if value < low => Some(Beyond::Low),
            (_, Some(high)) if value > high => Some(Beyond::High),
            _ => None,
        }
    }

    /// Takes a value that arrived at `now`.
    pub(super) fn take(&mut self, value: f64, now: Duration) {
        let Some(side) = self.side(value) else { return };
        match &mut self.passed {
            Some((known, _, last)) if *known == side => *last = now,
            passed => *passed = Some((side, value, now)),
        }
    }

    /// Why the alarm is raised at `now`, if it is; `newest` is the newest value.
    pub(super) fn why(
        &mut self,
        channel: &str,
        unit: Option<&str>,
        newest: Option<f64>,
        now: Duration,
    ) -> Option<Explanation> {
        let (side, first, last) = self.passed?;
        let is_beyond = newest.is_some_and(|value| self.side(value).is_some());
        if !is_beyond && now.saturating_sub(last) > CALM {
            self.passed = None;
            return None;
        }
        let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
        let (word, limit) = match side {
            Beyond::Low => ("below", self.low),
            Beyond::High => ("above", self.high),
        };
        let limit = limit.unwrap_or_default();
        Some(Explanation::new(
            format!("{channel} is {word} its limit of {limit}{unit} (it began with {first}{unit})"),
            "look at what it measures; the limits are in [[intake.channel]]",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_was_passed_between_two_looks_is_an_alarm_that_ends_a_second_after_the_last_such_value() {
        let settings = ChannelConfig { low: Some(1.0), high: Some(5.0), ..ChannelConfig::default() };
        let mut limits = Limits::new(Some(&settings));
        let at = Duration::from_millis;
        limits.take(3.0, at(0));
        assert!(limits.why("p", None, Some(3.0), at(0)).is_none());
        limits.take(6.0, at(100));
        limits.take(3.0, at(110));
        let why = limits.why("p", Some("mbar"), Some(3.0), at(200)).unwrap();
        assert_eq!(why.cause, "p is above its limit of 5 mbar (it began with 6 mbar)");
        assert!(limits.why("p", None, Some(3.0), at(1_200)).is_none());
        // A value that stays beyond keeps the alarm, however old it is.
        limits.take(0.5, at(2_000));
        assert!(limits.why("p", None, Some(0.5), at(60_000)).unwrap().cause.contains("below its limit of 1"));
    }
}

//! Interlocks: conditions on telemetry. A reading that is missing, stale or too old never fulfils one.

use super::command::ConditionOut;
use crate::config::output::{Condition, Interlock, shown};
use crate::types::Readings;

/// Every condition with the reading that decides it.
pub(super) fn evaluate(interlock: &Interlock, readings: &dyn Readings) -> Vec<ConditionOut> {
    let conditions = interlock.conditions.iter();
    conditions.map(|condition| evaluate_one(condition, interlock, readings)).collect()
}

/// The reasons of the conditions that do not hold; empty where all hold.
pub(super) fn open(interlock: &Interlock, readings: &dyn Readings) -> Vec<String> {
    evaluate(interlock, readings).into_iter().filter_map(|condition| condition.reason).collect()
}

fn evaluate_one(condition: &Condition, interlock: &Interlock, readings: &dyn Readings) -> ConditionOut {
    let Condition { channel, comparison, limit } = condition;
    let newest = readings.newest(channel);
    let reason = match newest {
        None => Some(format!("{channel} has no reading")),
        Some(reading) => {
            let value = shown(reading.value);
            let age = age(reading.age_ms);
            let most_ms = interlock.max_age.map(|most| most.as_millis() as u64);
            match most_ms.filter(|most| reading.age_ms > *most) {
                _ if reading.stale => {
                    Some(format!("{channel} is stale: its last reading, {value}, is {age} old"))
                }
                Some(most) => Some(format!(
                    "{channel} is too old: its last reading, {value}, is {age} old (limit {most} ms)"
                )),
                None if !comparison.holds(reading.value, *limit) => {
                    Some(format!("{channel} is {value} ({age} old)"))
                }
                None => None,
            }
        }
    };
    let reason = reason.map(|found| format!("{found}, and {condition} must hold"));
    ConditionOut {
        condition: condition.to_string(),
        holds: reason.is_none(),
        reason,
        value: newest.map(|reading| reading.value),
        age_ms: newest.map(|reading| reading.age_ms),
    }
}

fn age(ms: u64) -> String {
    if ms < 10_000 { format!("{ms} ms") } else { format!("{} s", ms / 1_000) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::config::output::Comparison;
    use crate::types::Reading;

    struct Map(BTreeMap<&'static str, Reading>);

    impl Readings for Map {
        fn newest(&self, channel: &str) -> Option<Reading> {
            self.0.get(channel).copied()
        }
    }

    fn pressure_below(limit: f64, max_age: Option<u64>) -> Interlock {
        let condition = Condition { channel: "pressure".into(), comparison: Comparison::Below, limit };
        Interlock { conditions: vec![condition], max_age: max_age.map(Duration::from_millis), while_on: true }
    }

    fn opened(interlock: &Interlock, reading: Option<Reading>) -> String {
        let map = Map(reading.map(|reading| ("pressure", reading)).into_iter().collect());
        open(interlock, &map).concat()
    }

    #[test]
    fn only_a_fresh_reading_within_its_limit_closes_an_interlock() {
        let interlock = pressure_below(1e-6, Some(2_000));
        let reading = |value, age_ms, stale| Some(Reading { value, age_ms, stale });
        assert_eq!(opened(&interlock, reading(4e-7, 120, false)), "");
        let wanted = ", and pressure < 1e-6 must hold";
        assert_eq!(
            opened(&interlock, reading(3e-6, 120, false)),
            format!("pressure is 3e-6 (120 ms old){wanted}")
        );
        assert_eq!(opened(&interlock, None), format!("pressure has no reading{wanted}"));
        let stale = opened(&interlock, reading(4e-7, 61_000, true));
        assert_eq!(stale, format!("pressure is stale: its last reading, 4e-7, is 61 s old{wanted}"));
        let old = opened(&interlock, reading(4e-7, 2_001, false));
        assert!(old.starts_with("pressure is too old") && old.contains("limit 2000 ms"), "{old}");
        assert!(!opened(&interlock, reading(f64::NAN, 1, false)).is_empty());
    }
}

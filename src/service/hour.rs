//! Telemetry of the last hour, for those who help from afar: one line a minute, in memory.

use std::collections::VecDeque;
use std::time::Duration;

use super::Service;
use super::log_commands::only_here;
use crate::commands::top::HourOut;
use crate::contract::Telemetry;
use crate::types::{Origin, Refusal, Stamp, rfc3339};

/// Time between two lines, and how many there are at most.
const EVERY: Duration = Duration::from_secs(60);
const LINES: usize = 60;
/// Bytes of all lines together; beyond it the oldest are dropped.
const MOST_BYTES: usize = 512 << 10;

/// The lines, the oldest first.
#[derive(Debug, Default)]
pub(super) struct TelemetryHour {
    lines: VecDeque<String>,
    bytes: usize,
    /// When the next line is due, monotonic nanoseconds.
    next_ns: u64,
}

/// A line of JSON.
#[derive(serde::Serialize)]
struct MinuteLine<'a> {
    time: String,
    #[serde(flatten)]
    telemetry: &'a Telemetry,
}

impl TelemetryHour {
    /// Keeps `telemetry`, if the last line is a minute old.
    pub(super) fn note(&mut self, telemetry: &Telemetry, now: Stamp) {
        if now.mono_ns < self.next_ns {
            return;
        }
        self.next_ns = now.mono_ns + EVERY.as_nanos() as u64;
        let line = MinuteLine { time: rfc3339(now.wall_ns), telemetry };
        // Serialising cannot fail: the types have string keys only.
        let Ok(line) = serde_json::to_string(&line) else { return };
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > LINES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.len();
        }
    }

    /// The lines, the oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}

/// `telemetry`: the figures of the last hour.
pub(super) fn hour_command(service: &Service, origin: Origin) -> Result<HourOut, Refusal> {
    only_here(origin, "telemetry of the last hour")?;
    Ok(HourOut { lines: service.reporter.hour() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_is_kept_and_no_more_than_an_hour_and_half_a_mebibyte() {
        let (mut hour, telemetry) = (TelemetryHour::default(), Telemetry::default());
        let at = |s: u64| Stamp { mono_ns: s * 1_000_000_000, wall_ns: s * 1_000_000_000 };
        (0..7_200).step_by(5).for_each(|s| hour.note(&telemetry, at(s)));
        let lines = hour.lines();
        assert_eq!(lines.len(), LINES);
        assert!(lines[0].contains("\"time\":\"1970-01-01T01:00:00"), "{}", lines[0]);
        let mut large = Telemetry::default();
        large.counters.extend((0..10_000).map(|n| (format!("counter {n}"), n)));
        (0..20).for_each(|minute| hour.note(&large, at(7_200 + 60 * minute)));
        assert!(hour.bytes <= MOST_BYTES && !hour.lines().is_empty(), "{} bytes", hour.bytes);
        assert_eq!(hour.bytes, hour.lines().iter().map(String::len).sum::<usize>());
    }
}

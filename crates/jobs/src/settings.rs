//! What can be set of a queue, with its defaults.

use std::collections::BTreeSet;

/// Milliseconds of a day.
pub(crate) const DAY_MS: u64 = 86_400_000;
/// The longest time limit and the longest pause that work may ask for: a day.
pub(crate) const LONGEST_MS: u64 = DAY_MS;
/// The most attempts that a job may have.
pub(crate) const MOST_ATTEMPTS: u32 = 100;

/// The settings of a queue; the defaults are those of a box.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Jobs that may wait. A full queue refuses at once. Retries and what ran when the process died are never refused, so
    /// at most this many and those that ran wait.
    pub max_queue_size: usize,
    /// The kinds that exist; `None` takes every well-formed kind.
    pub kinds: Option<BTreeSet<Box<str>>>,
    /// Priority of jobs that ask for none; lower goes first.
    pub default_priority: u8,
    /// Milliseconds of waiting that make up for one step of priority. Bound: a job of priority `p` is overtaken only by
    /// jobs that became due less than `p · age_ms` after it.
    pub age_ms: u64,
    /// Attempts of jobs that ask for no number, the first included.
    pub max_attempts: u32,
    /// Longest pause after the first failure, milliseconds; doubled for each further one.
    pub backoff_first_ms: u64,
    /// Ceiling of that, milliseconds.
    pub backoff_longest_ms: u64,
    /// A job that ran so many times when the process died is set aside.
    pub max_crashes: u32,
    /// Time limit of an attempt of jobs that ask for none, milliseconds.
    pub time_limit_ms: u64,
    /// How long work may go on after it was asked to stop, milliseconds. Then its token is taken back.
    pub stop_grace_ms: u64,
    /// Progress of a job is stored at most once in so many milliseconds.
    pub progress_ms: u64,
    /// Ended jobs that are kept, with their results.
    pub history_count: usize,
    /// Days after which ended jobs are removed.
    pub history_days: u32,
    /// Limits of what a job may bring along.
    pub bounds: Bounds,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_queue_size: 100,
            kinds: None,
            default_priority: 100,
            age_ms: 10_000,
            max_attempts: 4,
            backoff_first_ms: 1_000,
            backoff_longest_ms: 300_000,
            max_crashes: 2,
            time_limit_ms: 600_000,
            stop_grace_ms: 10_000,
            progress_ms: 5_000,
            history_count: 1_000,
            history_days: 30,
            bounds: Bounds::default(),
        }
    }
}

/// Limits of what a job may bring along; checked before any work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a payload.
    pub payload_bytes: usize,
    /// Bytes of a result.
    pub result_bytes: usize,
    /// Parents of a job.
    pub parents: usize,
    /// Characters of a kind.
    pub kind_chars: usize,
    /// Characters of a name, a label and the name of a step.
    pub name_chars: usize,
    /// Characters of a unique key.
    pub key_chars: usize,
    /// Characters that are kept of a reason; the rest is cut.
    pub reason_chars: usize,
    /// Different steps of a job whose times are kept.
    pub steps: usize,
    /// Days that `run_at` may lie ahead.
    pub run_ahead_days: u32,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            payload_bytes: 65_536,
            result_bytes: 262_144,
            parents: 64,
            kind_chars: 32,
            name_chars: 128,
            key_chars: 256,
            reason_chars: 1_000,
            steps: 32,
            run_ahead_days: 366,
        }
    }
}

/// A setting that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}: use {least} to {most}")]
pub struct SettingsError {
    /// The name of the setting.
    pub field: &'static str,
    /// The value that it has.
    pub value: u64,
    /// The least that is allowed.
    pub least: u64,
    /// The most that is allowed.
    pub most: u64,
}

impl Settings {
    /// Checks that every setting is in its range.
    pub fn check(&self) -> Result<(), SettingsError> {
        let ranges = [
            ("max_queue_size", self.max_queue_size as u64, 1, 1_000_000),
            ("age_ms", self.age_ms, 1, DAY_MS),
            ("max_attempts", self.max_attempts.into(), 1, MOST_ATTEMPTS.into()),
            ("backoff_first_ms", self.backoff_first_ms, 0, LONGEST_MS),
            ("backoff_longest_ms", self.backoff_longest_ms, self.backoff_first_ms, LONGEST_MS),
            ("max_crashes", self.max_crashes.into(), 1, 100),
            ("time_limit_ms", self.time_limit_ms, 1, LONGEST_MS),
            ("stop_grace_ms", self.stop_grace_ms, 1, LONGEST_MS),
            ("progress_ms", self.progress_ms, 1, LONGEST_MS),
            ("history_count", self.history_count as u64, 1, 1_000_000),
            ("history_days", self.history_days.into(), 0, 36_500),
            ("bounds.payload_bytes", self.bounds.payload_bytes as u64, 0, 16 << 20),
            ("bounds.result_bytes", self.bounds.result_bytes as u64, 0, 16 << 20),
            ("bounds.parents", self.bounds.parents as u64, 0, 10_000),
            ("bounds.kind_chars", self.bounds.kind_chars as u64, 1, 1_000),
            ("bounds.name_chars", self.bounds.name_chars as u64, 1, 10_000),
            ("bounds.key_chars", self.bounds.key_chars as u64, 1, 10_000),
            ("bounds.reason_chars", self.bounds.reason_chars as u64, 1, 100_000),
            ("bounds.steps", self.bounds.steps as u64, 1, 1_000),
            ("bounds.run_ahead_days", self.bounds.run_ahead_days.into(), 0, 36_500),
        ];
        for (field, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(SettingsError { field, value, least, most });
            }
        }
        Ok(())
    }

    /// The longest that waiting can make up for: older jobs are alike.
    pub(crate) fn oldest_ms(&self) -> i64 {
        crate::time::signed(self.age_ms.saturating_mul(u8::MAX.into()))
    }
}

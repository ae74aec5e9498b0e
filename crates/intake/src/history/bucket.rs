//! Buckets of 10 s, 1 min and 10 min: minimum, maximum, mean and count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The length of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Buckets of 10 s.
    #[serde(rename = "10s")]
    TenSeconds,
    /// Buckets of 1 min.
    #[serde(rename = "1min")]
    Minute,
    /// Buckets of 10 min.
    #[serde(rename = "10min")]
    TenMinutes,
}

impl Level {
    /// All levels, the finest first.
    pub const ALL: [Level; 3] = [Level::TenSeconds, Level::Minute, Level::TenMinutes];

    /// The length in nanoseconds.
    pub fn length_ns(self) -> i64 {
        match self {
            Level::TenSeconds => 10_000_000_000,
            Level::Minute => 60_000_000_000,
            Level::TenMinutes => 600_000_000_000,
        }
    }

    /// The coarsest level that still has `samples` buckets in a time of `span_ns`, else the finest.
    pub fn fitting(span_ns: i64, samples: usize) -> Level {
        let enough =
            |level: &Level| span_ns / level.length_ns() >= i64::try_from(samples).unwrap_or(i64::MAX);
        Level::ALL.into_iter().rev().find(enough).unwrap_or(Level::TenSeconds)
    }

    /// The beginning of the bucket that `time_ns` falls into.
    pub fn start_ns(self, time_ns: i64) -> i64 {
        time_ns.saturating_sub(time_ns.rem_euclid(self.length_ns()))
    }
}

/// Which bucket of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BucketKey {
    /// How long the bucket is.
    pub level: Level,
    /// Its beginning in nanoseconds since 1970, a multiple of the length.
    pub start_ns: i64,
}

/// What the values of a bucket were.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The smallest value of all.
    pub min: f64,
    /// The largest value of all.
    pub max: f64,
    /// The arithmetic mean of all values.
    pub mean: f64,
    /// The number of values, at least 1.
    pub count: u64,
}

impl Bucket {
    /// The bucket of one value.
    pub fn of(value: f64) -> Bucket {
        Bucket { min: value, max: value, mean: value, count: 1 }
    }

    /// Takes in the values of another bucket of the same time.
    pub fn merge(&mut self, other: &Bucket) {
        let count = self.count.saturating_add(other.count);
        let share = other.count as f64 / count as f64;
        // Weighted, not by the difference: that of two large values may not be finite.
        let mean = self.mean * (1.0 - share) + other.mean * share;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.mean = mean.clamp(self.min, self.max);
        self.count = count;
    }
}

/// The buckets of all levels that `points` (time in nanoseconds, value) fall into. The caller merges each into the stored
/// one of the same key, in the transaction that stores the cursors.
pub fn buckets(points: impl IntoIterator<Item = (i64, f64)>) -> BTreeMap<BucketKey, Bucket> {
    let mut found: BTreeMap<BucketKey, Bucket> = BTreeMap::new();
    for (time_ns, value) in points {
        for level in Level::ALL {
            let key = BucketKey { level, start_ns: level.start_ns(time_ns) };
            let one = Bucket::of(value);
            found.entry(key).and_modify(|bucket| bucket.merge(&one)).or_insert(one);
        }
    }
    found
}

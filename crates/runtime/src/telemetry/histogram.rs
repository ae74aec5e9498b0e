//! Latencies as a log-linear histogram: fixed memory, no lock, no allocation when recording, mergeable.
//!
//! After HdrHistogram (G. Tene): every power of two is cut into [`SUB`] equal buckets, so a value is known to
//! within 1/64 of itself, from 1 to 2³² (71 minutes in µs); larger ones count in the last bucket.
//!
//! ```text
//! value   0 … 63 │ 64 … 127 │ 128 … 255   │ 256 … 511   │ …  2³¹ … 2³²−1
//! width      1   │    1     │     2       │     4       │ …      2²⁵
//! bucket  0 … 63 │ 64 … 127 │ 128 … 191   │ 192 … 255   │ …  1664 … 1727
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets in one power of two.
const SUB: usize = 64;
const SUB_BITS: u32 = SUB.trailing_zeros();
const BITS: u32 = 32;
const BUCKETS: usize = (BITS - SUB_BITS + 1) as usize * SUB;

/// Values recorded by any number of threads. About 14 KiB.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    max: AtomicU64,
}

/// The counts at one moment, or of one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    buckets: Box<[u64]>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram::new()
    }
}

impl Histogram {
    /// Creates a histogram that counts nothing yet.
    pub fn new() -> Histogram {
        Histogram { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), max: AtomicU64::new(0) }
    }

    /// Counts `value` (any unit, usually µs).
    pub fn record(&self, value: u64) {
        self.buckets[bucket(value)].fetch_add(1, Ordering::Relaxed);
        self.max.fetch_max(value, Ordering::Relaxed);
    }

    /// Adds the present counts to `into`, without allocating.
    pub fn add_to(&self, into: &mut Snapshot) {
        self.gather(into, |bucket| bucket.load(Ordering::Relaxed), self.max.load(Ordering::Relaxed));
    }

    /// Adds the counts to `into` and begins a new window. A value that is recorded meanwhile counts in
    /// exactly one window.
    pub fn take_to(&self, into: &mut Snapshot) {
        let max = self.max.swap(0, Ordering::Relaxed);
        self.gather(into, |bucket| bucket.swap(0, Ordering::Relaxed), max);
    }

    /// The counts since the last window began.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        self.add_to(&mut snapshot);
        snapshot
    }

    fn gather(&self, into: &mut Snapshot, read: impl Fn(&AtomicU64) -> u64, max: u64) {
        for (sum, bucket) in into.buckets.iter_mut().zip(&self.buckets) {
            let count = read(bucket);
            *sum += count;
            into.count += count;
        }
        into.max = into.max.max(max);
    }
}

impl Default for Snapshot {
    fn default() -> Snapshot {
        Snapshot::new()
    }
}

impl Snapshot {
    /// Creates a snapshot that holds no values.
    pub fn new() -> Snapshot {
        Snapshot { buckets: vec![0; BUCKETS].into(), count: 0, max: 0 }
    }

    /// Removes all values and keeps the memory.
    pub fn clear(&mut self) {
        self.buckets.fill(0);
        (self.count, self.max) = (0, 0);
    }

    /// Adds all values of `other`.
    pub fn merge(&mut self, other: &Snapshot) {
        for (sum, count) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum += count;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// The number of values it holds.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value, exactly; 0 without values.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The smallest value that at least the share `q` (0 to 1) of all values does not exceed, to within 1/64
    /// of itself and never above [`Snapshot::max`]; 0 without values.
    pub fn quantile(&self, q: f64) -> u64 {
        let rank = ((q.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle(index).min(self.max);
            }
        }
        self.max
    }

    /// The median of all values; see [`Snapshot::quantile`] for its error.
    pub fn p50(&self) -> u64 {
        self.quantile(0.50)
    }

    /// The 95th percentile of all values; see [`Snapshot::quantile`] for its error.
    pub fn p95(&self) -> u64 {
        self.quantile(0.95)
    }

    /// The 99th percentile of all values; see [`Snapshot::quantile`] for its error.
    pub fn p99(&self) -> u64 {
        self.quantile(0.99)
    }
}

fn bucket(value: u64) -> usize {
    let value = value.min((1 << BITS) - 1);
    if value < SUB as u64 {
        return value as usize;
    }
    let shift = value.ilog2() - SUB_BITS;
    // The top bit of `value >> shift` is SUB itself, so it counts the power of two.
    shift as usize * SUB + (value >> shift) as usize
}

fn middle(index: usize) -> u64 {
    if index < 2 * SUB {
        return index as u64;
    }
    let shift = index / SUB - 1;
    let low = ((index % SUB + SUB) as u64) << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_values_are_exact_and_the_buckets_join_without_a_gap() {
        for value in 0..(2 * SUB as u64) {
            assert_eq!(middle(bucket(value)), value);
        }
        for power in 7..32 {
            let edge = 1u64 << power;
            assert_eq!(bucket(edge), bucket(edge - 1) + 1, "at {edge}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn windows_add_up_while_others_record() {
        let histogram = Histogram::new();
        let mut total = Snapshot::new();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..50_000).for_each(|value| histogram.record(value)));
            }
            for _ in 0..50 {
                histogram.take_to(&mut total);
            }
        });
        histogram.take_to(&mut total);
        assert_eq!((total.count(), total.max()), (100_000, 49_999));
        assert_eq!(histogram.snapshot(), Snapshot::new());
    }

    #[test]
    fn without_values_everything_is_zero() {
        let none = Snapshot::new();
        assert_eq!((none.p50(), none.p99(), none.max(), none.count()), (0, 0, 0, 0));
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_a_64th_of_the_exact_one(
            mut values in prop::collection::vec(0u64..1 << 32, 1..300), q in 0.0f64..=1.0, cut in 0usize..300
        ) {
            let (one, other) = (Histogram::new(), Histogram::new());
            for (index, value) in values.iter().enumerate() {
                if index < cut { one.record(*value) } else { other.record(*value) }
            }
            let mut merged = one.snapshot();
            merged.merge(&other.snapshot());
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).max(1);
            let exact = values[rank - 1];
            let found = merged.quantile(q);
            prop_assert!(found.abs_diff(exact) <= exact / 64, "{found} for {exact}");
            prop_assert_eq!(merged.max(), *values.last().unwrap());
        }
    }
}

//! Counters and gauges: one atomic each, shared by cloning, read by the code that publishes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A number of events since the start, which only grows.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// A counter at zero.
    pub fn new() -> Counter {
        Counter::default()
    }

    /// Counts one more event.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Counts `n` more events.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number of events counted so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A present value, such as a queue's length or the number of busy workers.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// A gauge at zero.
    pub fn new() -> Gauge {
        Gauge::default()
    }

    /// Sets the value to `value`.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Changes the value by `by`.
    pub fn add(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// The present value of the gauge.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_none_is_lost_between_threads() {
        let (counter, gauge) = (Counter::new(), Gauge::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let (counter, gauge) = (counter.clone(), gauge.clone());
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        counter.inc();
                        gauge.add(2);
                        gauge.add(-1);
                    }
                });
            }
        });
        assert_eq!((counter.get(), gauge.get()), (40_000, 40_000));
        gauge.set(-3);
        counter.add(2);
        assert_eq!((counter.get(), gauge.get()), (40_002, -3));
    }
}

//! The newest points of a channel.

use std::collections::VecDeque;

use super::thin::{Sample, thin};

/// The newest points of a channel: 1,000 of them and 300 s, whichever is less.
#[derive(Clone, Debug)]
pub struct History {
    /// (time in nanoseconds since 1970, value), in the order of time.
    points: VecDeque<(i64, f64)>,
    most: usize,
    span_ns: i64,
    total: u64,
}

impl Default for History {
    fn default() -> History {
        History::new(1_000, 300_000_000_000)
    }
}

impl History {
    /// At most `most` points, none older than `span_ns` nanoseconds before the newest.
    pub fn new(most: usize, span_ns: i64) -> History {
        History { points: VecDeque::new(), most: most.max(1), span_ns: span_ns.max(0), total: 0 }
    }

    /// Takes a point. One that is earlier than others gets its place among them; one that is too old is only counted.
    pub fn push(&mut self, time_ns: i64, value: f64) {
        self.total += 1;
        let at = match self.points.back() {
            Some((newest, _)) if *newest > time_ns => {
                self.points.partition_point(|(time, _)| *time <= time_ns)
            }
            _ => self.points.len(),
        };
        if at == 0 && self.points.len() == self.most {
            return;
        }
        self.points.insert(at, (time_ns, value));
        if self.points.len() > self.most {
            self.points.pop_front();
        }
        let oldest = self.points.back().map_or(i64::MIN, |(newest, _)| newest.saturating_sub(self.span_ns));
        while self.points.front().is_some_and(|(time, _)| *time < oldest) {
            self.points.pop_front();
        }
    }

    /// Points that were ever taken.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The newest point: time in nanoseconds since 1970, and value.
    pub fn last(&self) -> Option<(i64, f64)> {
        self.points.back().copied()
    }

    /// Points after `time_ns`, in the order of time.
    pub fn since(&self, time_ns: i64) -> impl ExactSizeIterator<Item = (i64, f64)> + '_ {
        let from = self.points.partition_point(|(time, _)| *time <= time_ns);
        self.points.range(from..).copied()
    }

    /// Points after `time_ns`, as at most `samples` stretches with minimum, maximum and mean.
    pub fn thinned(&self, time_ns: i64, samples: usize) -> Vec<Sample> {
        let points: Vec<(i64, f64)> = self.since(time_ns).collect();
        thin(&points, samples)
    }
}

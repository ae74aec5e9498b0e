//! Fewer samples for drawing: minimum, maximum and mean of equal stretches of time.

use super::bucket::{Bucket, BucketKey};

/// What a channel was during a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The time of the first value in it, in nanoseconds since 1970.
    pub time_ns: i64,
    /// Minimum, maximum, mean and count.
    pub values: Bucket,
}

/// At most `samples` stretches of points (time, value) in the order of time. Fewer points than that stay as they are.
pub fn thin(points: &[(i64, f64)], samples: usize) -> Vec<Sample> {
    let each = points.iter().map(|(time_ns, value)| Sample { time_ns: *time_ns, values: Bucket::of(*value) });
    thin_samples(each, points.len(), samples)
}

/// At most `samples` stretches of buckets of one level, in the order of time.
pub fn thin_buckets(buckets: &[(BucketKey, Bucket)], samples: usize) -> Vec<Sample> {
    let each = buckets.iter().map(|(key, bucket)| Sample { time_ns: key.start_ns, values: *bucket });
    thin_samples(each, buckets.len(), samples)
}

fn thin_samples(each: impl Iterator<Item = Sample> + Clone, count: usize, samples: usize) -> Vec<Sample> {
    if samples == 0 {
        return Vec::new();
    }
    let Some(first) = each.clone().next().filter(|_| count > samples) else { return each.collect() };
    let last_ns = each.clone().last().map_or(first.time_ns, |last| last.time_ns);
    let span = i128::from(last_ns) - i128::from(first.time_ns) + 1;
    let mut thinned: Vec<Sample> = Vec::with_capacity(samples);
    let mut current = None;
    for sample in each {
        let stretch = (i128::from(sample.time_ns) - i128::from(first.time_ns)) * samples as i128 / span;
        match thinned.last_mut().filter(|_| current == Some(stretch)) {
            Some(last) => last.values.merge(&sample.values),
            None => thinned.push(sample),
        }
        current = Some(stretch);
    }
    thinned
}

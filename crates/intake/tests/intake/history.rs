//! The history of a channel against a plain list of its points.

use std::time::Duration;

use ocellus_intake::History;
use ocellus_intake::history::{Bucket, Level, SourceAge, buckets, thin, thin_buckets};
use proptest::prelude::*;

const S: i64 = 1_000_000_000;

proptest! {
    #[test]
    fn the_history_is_the_newest_points_in_the_order_of_time(
        points in proptest::collection::vec((0i64..1_000, -1e300..1e300f64), 0..200),
        since in 0i64..1_000,
        samples in 1usize..20,
    ) {
        let mut history = History::new(50, 300 * S);
        points.iter().for_each(|(time, value)| history.push(time * S, *value));
        let newest = points.iter().map(|(time, _)| *time).max().unwrap_or(0);
        let kept: Vec<(i64, f64)> = history.since(i64::MIN).collect();
        prop_assert!(kept.is_sorted_by_key(|(time, _)| *time));
        // The same points by a list that is sorted and cut; points of one time may be exchanged at the cut.
        let mut plain: Vec<i64> = points.iter().map(|(time, _)| *time).filter(|time| *time >= newest - 300).collect();
        plain.sort_unstable();
        let plain = &plain[plain.len().saturating_sub(50)..];
        prop_assert_eq!(kept.iter().map(|(time, _)| time / S).collect::<Vec<_>>(), plain);
        prop_assert_eq!(history.total(), points.len() as u64);
        let thinned = history.thinned(since * S, samples);
        let after: Vec<f64> = kept.iter().filter(|(time, _)| *time > since * S).map(|(_, value)| *value).collect();
        prop_assert!(thinned.len() <= samples.max(after.len().min(samples)));
        prop_assert_eq!(thinned.iter().map(|sample| sample.values.count).sum::<u64>(), after.len() as u64);
        let least = thinned.iter().map(|sample| sample.values.min).fold(f64::INFINITY, f64::min);
        prop_assert_eq!(least, after.iter().copied().fold(f64::INFINITY, f64::min));
    }

    #[test]
    fn buckets_of_parts_merge_to_those_of_the_whole(
        points in proptest::collection::vec((-2_000i64..2_000, -1e3..1e3f64), 1..100),
        cut in 0usize..100,
    ) {
        let points: Vec<(i64, f64)> = points.into_iter().map(|(time, value)| (time * S, value)).collect();
        let whole = buckets(points.iter().copied());
        let cut = cut.min(points.len());
        let mut merged = buckets(points[..cut].iter().copied());
        for (key, bucket) in buckets(points[cut..].iter().copied()) {
            merged.entry(key).and_modify(|stored| stored.merge(&bucket)).or_insert(bucket);
        }
        prop_assert_eq!(whole.len(), merged.len());
        for (key, bucket) in &whole {
            let other = merged[key];
            prop_assert_eq!((bucket.min, bucket.max, bucket.count), (other.min, other.max, other.count));
            prop_assert!((bucket.mean - other.mean).abs() < 1e-9);
            prop_assert!(bucket.min <= bucket.mean && bucket.mean <= bucket.max);
            let inside: Vec<f64> =
                points.iter().filter(|(time, _)| key.level.start_ns(*time) == key.start_ns).map(|(_, value)| *value).collect();
            let mean = inside.iter().sum::<f64>() / inside.len() as f64;
            prop_assert!((bucket.mean - mean).abs() < 1e-9);
        }
        let ten: Vec<_> = whole.into_iter().filter(|(key, _)| key.level == Level::TenSeconds).collect();
        prop_assert_eq!(thin_buckets(&ten, 7).iter().map(|sample| sample.values.count).sum::<u64>(), points.len() as u64);
    }
}

#[test]
fn large_values_have_a_finite_mean_and_a_bucket_is_stored_as_json() {
    let mut bucket = Bucket::of(f64::MAX);
    bucket.merge(&Bucket::of(-f64::MAX));
    assert!(bucket.mean.is_finite());
    let stored = serde_json::to_string(&bucket).unwrap();
    assert_eq!(serde_json::from_str::<Bucket>(&stored).unwrap(), bucket);
    assert_eq!(thin(&[(1, 1.0), (2, 3.0), (3, 5.0)], 1)[0].values.mean, 3.0);
    assert_eq!(
        (Level::fitting(3_600 * S, 300), Level::fitting(86_400 * S, 100)),
        (Level::TenSeconds, Level::TenMinutes)
    );
}

#[test]
fn a_source_is_stale_by_its_arrivals_and_a_clock_that_runs_ahead_is_seen() {
    let at = Duration::from_secs;
    let mut age = SourceAge::new(at(5), at(100));
    assert!(!age.is_stale(at(105)) && age.is_stale(at(106)));
    age.arrived(1_000 * S, at(106), 1_000 * S);
    assert!(!age.is_stale(at(111)) && age.age(at(111)) == at(5));
    age.arrived(4_600 * S, at(112), 1_006 * S);
    assert_eq!((age.newest_ns(), age.ahead_ns()), (Some(4_600 * S), 3_594 * S));
}

//! The golden comparison of 1 MP on one core against a plain read of both images. Claims are the ratios, all from one
//! run, taken in turn; the pictures are many, so that they come from memory as a camera's do.
//!
//! `cargo bench --bench compare`; `OCELLUS_BENCH_ROUNDS` (15) sets its length.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use ocellus::image::compare::{CompareSettings, Comparer, Comparison, DifferencePolarity, Learned};
use ocellus::image::{Channels, Patch};

/// Distinct patches, walked round.
const PICTURES: usize = 48;
const SIDE: usize = 1024;

const SETTINGS: CompareSettings = CompareSettings {
    threshold: 24,
    edge_threshold: 48,
    edge_tolerance_px: 2,
    spread: 3.0,
    min_area_px: 12,
    noise_px: 0,
    join_px: 0,
    smooth_px: 0,
    flatten_px: 0,
    normalise: false,
    polarity: DifferencePolarity::Both,
};

fn main() {
    // `cargo test --benches` only asks whether it still builds and starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let golden = part(0);
    let good: Vec<Patch> = (1..=PICTURES as u64).map(part).collect();
    let mut bad = good.clone();
    bad.iter_mut().for_each(scratch);
    for (name, tests) in [("good parts", &good), ("parts with 40 defects", &bad)] {
        ratio(name, &golden, tests);
    }
    criterion(&golden, &bad);
}

/// The claim: medians of rounds in turn.
fn ratio(name: &str, golden: &Patch, tests: &[Patch]) {
    let rounds = std::env::var("OCELLUS_BENCH_ROUNDS").ok().and_then(|v| v.parse().ok()).unwrap_or(15);
    let learned = Learned::from(std::slice::from_ref(golden), None, &SETTINGS).expect("a golden");
    let (mut comparer, mut out) = (Comparer::new(), Comparison::default());
    let (mut reads, mut compares) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        reads.push(each(tests, |test| {
            black_box(read(&golden.data).wrapping_add(read(&test.data)));
        }));
        compares.push(each(tests, |test| {
            comparer.run(&learned, test, &mut out).expect("one size");
            black_box(&out);
        }));
    }
    let (read, compare) = (median(reads), median(compares));
    println!(
        "{name} ({} found in the last): plain read of both {:.1} us, comparison {:.1} us: {:.2} times",
        out.found,
        read.as_secs_f64() * 1e6,
        compare.as_secs_f64() * 1e6,
        compare.as_secs_f64() / read.as_secs_f64()
    );
}

/// Time a patch, over all of them.
fn each(tests: &[Patch], mut work: impl FnMut(&Patch)) -> Duration {
    let start = Instant::now();
    tests.iter().for_each(&mut work);
    start.elapsed() / tests.len() as u32
}

fn criterion(golden: &Patch, tests: &[Patch]) {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    for (name, settings) in [
        ("as taught", SETTINGS),
        ("noise 1, join 6", CompareSettings { noise_px: 1, join_px: 6, ..SETTINGS }),
        ("normalised", CompareSettings { normalise: true, ..SETTINGS }),
        ("smoothed 2", CompareSettings { smooth_px: 2, ..SETTINGS }),
    ] {
        let learned = Learned::from(std::slice::from_ref(golden), None, &settings).expect("a golden");
        let (mut comparer, mut out, mut i) = (Comparer::new(), Comparison::default(), 0);
        criterion.bench_function(&format!("compare 1 MP grey, 40 defects, {name}"), |bencher| {
            bencher.iter(|| {
                i = (i + 1) % tests.len();
                comparer.run(&learned, &tests[i], &mut out).expect("one size");
            })
        });
    }
}

/// Sums the bytes as 64-bit words in eight lanes: what a memory-bound pass cannot be faster than.
fn read(bytes: &[u8]) -> u64 {
    let mut lanes = [0u64; 8];
    for block in bytes.as_chunks::<8>().0.as_chunks::<8>().0 {
        for (lane, word) in lanes.iter_mut().zip(block) {
            *lane = lane.wrapping_add(u64::from_ne_bytes(*word));
        }
    }
    lanes.into_iter().fold(0, u64::wrapping_add)
}

/// A board of bright squares under a little noise, another noise for each seed.
fn part(seed: u64) -> Patch {
    let mut patch = Patch::new(SIDE, SIDE, Channels::Gray);
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for (i, v) in patch.data.iter_mut().enumerate() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bright = (i % SIDE / 64 + i / SIDE / 64) % 2 == 1;
        *v = (state >> 32) as u8 % 8 + if bright { 180 } else { 60 };
    }
    patch
}

/// Forty dark bars of 30×6 px.
fn scratch(patch: &mut Patch) {
    for k in 0..40 {
        let (x, y) = (k * 97 % 990, k * 25 + 3);
        for y in y..y + 6 {
            patch.data[y * SIDE + x..][..30].fill(0);
        }
    }
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort();
    values[values.len() / 2]
}

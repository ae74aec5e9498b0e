//! Fifty viewers, five of them stalled, beside a camera that detects: what it costs the detection.
//! `cargo nextest run --test it --run-ignored all -- fifty_viewers_cost` (a minute, on a machine that is idle).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ocellus::telemetry::Snapshot;
use ocellus::types::{Layer, LiveView, Watch};

use super::studio::{Setting, Studio};

const FPS: u32 = 30;
const SECONDS: u32 = 12;

struct Seen {
    fps: f64,
    p50_us: u64,
    p99_us: u64,
}

/// All viewers on one thread, as a web server has them: each copies what it gets, as a socket does, and is counted; one
/// without a count never comes back from its first picture.
fn serve(viewers: Vec<(Watch, Option<Arc<AtomicU64>>)>) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let tasks = viewers.into_iter().map(|(mut watch, count)| {
            runtime.spawn(async move {
                while let Some(picture) = watch.next().await {
                    let Some(count) = &count else { return std::future::pending().await };
                    std::hint::black_box(picture.jpeg.to_vec());
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        runtime.block_on(async {
            for task in tasks {
                let _ = task.await;
            }
        });
    });
}

/// Detection at 30 frames a second, with a model that takes 6 ms, while `viewers` look and five more are stalled.
fn run(viewers: usize) -> Seen {
    let studio =
        Studio::new(Setting { detects: true, busy: Duration::from_millis(6), fps: 10, ..Setting::default() });
    let lane = studio.lane.clone().unwrap();
    let counts: Vec<Arc<AtomicU64>> = (0..viewers).map(|_| Arc::default()).collect();
    if viewers > 0 {
        let lively = counts.iter().map(|count| (studio.hub.watch(Layer::Drawn), Some(count.clone())));
        let stalled = (0..5).map(|_| (studio.hub.watch(Layer::Drawn), None));
        serve(lively.chain(stalled).collect());
    }
    let mut writer = studio.ring.writer().unwrap();
    let (mut window, began) = (Snapshot::new(), Instant::now());
    for seq in 0..FPS * SECONDS {
        let due = began + Duration::from_secs(1) * seq / FPS;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        studio.commit(&mut writer, u64::from(seq));
        if seq == FPS * 2 {
            // What is warm counts.
            lane.counters.total_us.take_to(&mut window);
            window = Snapshot::new();
        }
    }
    lane.counters.total_us.take_to(&mut window);
    let reported = lane.counters.reported.get();
    if viewers > 0 {
        let seen = || counts.iter().map(|count| count.load(Ordering::Relaxed));
        let (least, encoded) = (seen().min().unwrap_or(0), studio.preview.counters().encoded.get());
        println!("  pictures encoded {encoded}, seen by each of {viewers} at least {least}");
        assert!(least + 10 >= encoded);
    }
    let fps = reported as f64 / began.elapsed().as_secs_f64();
    Seen { fps, p50_us: window.p50(), p99_us: window.p99() }
}

#[test]
#[ignore = "a measurement, not a check"]
fn fifty_viewers_cost_detection_nothing() {
    for round in 0..2 {
        let (alone, watched) = (run(0), run(45));
        for (name, seen) in [("nobody", &alone), ("50 viewers", &watched)] {
            println!(
                "{round} {name}: {:.2} frames/s, p50 {} us, p99 {} us",
                seen.fps, seen.p50_us, seen.p99_us
            );
        }
        assert!(watched.fps > alone.fps * 0.97);
    }
}

//! Figures, printed and never asserted: `cargo test --release --package ocellus-engine --test engine measure -- --ignored --nocapture`.

use std::time::Instant;

use crate::support::data::data;
use crate::support::engine::*;
use ocellus_engine::Predictions;
use ocellus_engine::Task;

/// Resident memory of this process in KiB.
fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

#[test]
#[ignore = "prints figures, proves nothing"]
fn load_warm_run_and_memory_of_one_and_two_sessions() {
    let Some(data) = data(&["models", "images/faces"]) else { return };
    for runtime in runtimes() {
        let (before, began) = (rss_kib(), Instant::now());
        let path = data.join("models/tf2_mobilenet_v2_1.0_224_ptq.tflite");
        let model = load(&runtime, &path, card(Task::Classify));
        let loaded = began.elapsed();
        let mut first = model.session().unwrap();
        let (warm, one) = (began.elapsed(), rss_kib());
        let second = model.session().unwrap();
        let two = rss_kib();
        drop(second);
        let (mut decoder, mut report) = (model.decoder(None), Predictions::default());
        let placement = whole(&model, [224.0; 2]);
        let (mut runs_us, mut decodes_us) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let at = Instant::now();
            first.run().unwrap();
            runs_us.push(at.elapsed().as_micros());
            let at = Instant::now();
            report.clear();
            decoder.decode(&*first, &placement, &mut report);
            decodes_us.push(at.elapsed().as_micros());
        }
        runs_us.sort_unstable();
        decodes_us.sort_unstable();
        println!(
            "{}: read and checked {loaded:?}, with first inference {warm:?}; run p5 {} p50 {} p95 {} us; \
             decode p50 {} us; RSS before {before}, one session {one}, two {two} KiB",
            runtime.describe(),
            runs_us[10],
            runs_us[100],
            runs_us[190],
            decodes_us[100]
        );
    }
}

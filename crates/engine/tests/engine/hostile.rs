//! Damaged graphs that pass our checks reach the C++ runtime. This one is run by hand, for a crash there
//! takes the test process along: `cargo test --package ocellus-engine --test engine hostile -- --ignored --nocapture`.

use crate::support::data::data;
use crate::support::engine::*;
use ocellus_engine::Task;

#[test]
#[ignore = "a survey of the runtime, run by hand: it may end the process"]
fn damaged_graphs_are_fed_to_the_runtime_itself() {
    let Some(data) = data(&["models/mobilenet_v1_0.25_128_quant.tflite"]) else { return };
    let bytes = std::fs::read(data.join("models/mobilenet_v1_0.25_128_quant.tflite")).unwrap();
    let first: u64 = std::env::var("OCELLUS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.tflite");
    for runtime in runtimes() {
        let (mut refused, mut ran) = (0, 0);
        for seed in first..first + 60 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            };
            let mut damaged = bytes.clone();
            for _ in 0..1 + next() % 4 {
                let at = bytes.len() as u64 - 1 - next() % 40_000;
                damaged[at as usize] = next() as u8;
            }
            std::fs::write(&path, &damaged).unwrap();
            eprintln!("seed {seed}");
            match runtime.load(source(&path, &card(Task::Classify))).and_then(|model| model.session()) {
                Ok(_) => ran += 1,
                Err(_) => refused += 1,
            }
        }
        println!("{}: {refused} refused, {ran} ran", runtime.describe());
    }
}

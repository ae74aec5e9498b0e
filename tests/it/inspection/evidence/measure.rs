//! Figures, printed and never asserted: `cargo test --release --test it evidence::measure -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ocellus::inspection::evidence;
use ocellus::pipeline::Sink;
use ocellus::types::{Frame, Outcome, PixelFormat, Stamp};

use crate::inspection::evidence::harness::{Harness, WALL_NS, inspection, settings};
use crate::support::wait_until;

const SIZE: (usize, usize) = (2448, 2048);
const ROUNDS: u64 = 15;

/// Slow shades with a camera's noise of a few grey values.
fn camera_frame(format: PixelFormat) -> Frame {
    let (width, height) = SIZE;
    let total: usize = format.plane_sizes(width, height).iter().map(|(row, rows)| row * rows).sum();
    let row = format.plane_sizes(width, height)[0].0;
    let mut state = 0x9e37_79b9_u32;
    let pixels = (0..total).map(|at| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y) = ((at % row) as f32 / 300.0, (at / row) as f32 / 200.0);
        (128.0 + 60.0 * x.sin() * y.cos()) as u8 + (state >> 30) as u8
    });
    let bytes: Arc<[u8]> = pixels.collect();
    Frame::from_memory(1, Stamp { mono_ns: 1, wall_ns: WALL_NS }, (format, width, height), bytes).unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
#[ignore = "prints figures, proves nothing"]
fn copying_writing_and_opening_a_large_frame() {
    for format in [PixelFormat::Gray8, PixelFormat::Nv12, PixelFormat::Rgb] {
        let harness = Harness::start(settings());
        let frame = camera_frame(format);
        let (mut copies, mut writes, mut opens) = (Vec::new(), Vec::new(), Vec::new());
        for id in 1..=ROUNDS {
            let began = Instant::now();
            harness.evidence.offer_inspection(&inspection(id, Outcome::Ng), Some(&frame));
            copies.push(began.elapsed());
            wait_until("it is written", || harness.evidence.counters().kept.get() == id);
            writes.push(began.elapsed());
            let began = Instant::now();
            evidence::open(&harness.folder(id, "ng")).unwrap();
            opens.push(began.elapsed());
        }
        let kib = harness.evidence.counters().bytes.get() as u64 / ROUNDS / 1024;
        let first = copies[0];
        println!(
            "{} {}×{}: copied in {:.2?} (the first in {first:.2?}), on disk after {:.1?}, opened in {:.1?}, {kib} KiB",
            format.caps_name(),
            SIZE.0,
            SIZE.1,
            median(copies),
            median(writes),
            median(opens)
        );
    }
}

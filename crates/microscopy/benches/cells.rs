//! The steps of a microscopy run on frames of 570 × 633: a movie of nuclei with 8 bits, and a synthetic one with the
//! noise, the gradient and the hot pixels of a camera of 16 bits. One iteration is one frame; `whole` is a phase channel that
//! is segmented and a fluorescence channel that is measured.
//!
//! `cargo bench -p ocellus-microscopy --bench cells`

#[path = "../../../tests/support/data.rs"]
#[allow(dead_code, reason = "tests/support serves other tests too")]
mod data;
#[path = "../tests/cells/support.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Bencher, Criterion};
use ocellus_microscopy::cells::{Background, Feature, Labels, Mask, Measurer, Segmenter, Tracker};
use ocellus_microscopy::{Pixels, Plane};
use rustix::time::{ClockId, clock_gettime};

const WIDTH: usize = 633;
const HEIGHT: usize = 570;

fn main() {
    let criterion = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(2));
    let mut criterion = criterion.warm_up_time(Duration::from_millis(500)).configure_from_args();
    let nuclei = support::movie(0);
    let camera: Vec<_> = (0..10).map(camera).collect();
    let float: Vec<_> = camera.iter().map(float).collect();
    for (name, frames) in [("nuclei", &nuclei), ("camera", &camera), ("float", &float)] {
        bench(&mut criterion, name, frames);
    }
}

/// Measures processor time of this thread: what else runs on the machine counts little.
fn cpu_time<T>(bencher: &mut Bencher<'_>, mut frame: impl FnMut() -> T) {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    bencher.iter_custom(|count| {
        let start = now();
        for _ in 0..count {
            black_box(frame());
        }
        now() - start
    });
}

fn bench(criterion: &mut Criterion, name: &str, frames: &[Plane]) {
    let outcome = support::run(frames);
    let cells = outcome.rows.iter().filter(|row| row.frame == 0).count();
    println!("{name}: {cells} cells in the first frame, {:?}", outcome.figures[0]);
    let mut group = criterion.benchmark_group(name);
    let count = frames.len();
    let (mut mask, mut surface, mut labels, mut rows) =
        (Mask::default(), Vec::new(), Labels::default(), Vec::new());
    let mut segmenter = Segmenter::new(WIDTH, HEIGHT, &Default::default()).unwrap();
    let mut background = Background::new(WIDTH, HEIGHT, &Default::default()).unwrap();
    let mut measurer = Measurer::new(WIDTH, HEIGHT, &Default::default()).unwrap();
    let new_tracker = || Tracker::new(WIDTH, HEIGHT, &Default::default()).unwrap();
    let mut tracker = new_tracker();
    let mut at = 0;
    group.bench_function("segment", |bencher| {
        cpu_time(bencher, || {
            at = (at + 1) % count;
            segmenter.segment(&frames[at], &mut mask).unwrap()
        });
    });
    group.bench_function("background", |bencher| {
        cpu_time(bencher, || {
            at = (at + 1) % count;
            background.estimate(&frames[at], &outcome.masks[at], &mut surface).unwrap()
        });
    });
    group.bench_function("track", |bencher| {
        cpu_time(bencher, || {
            at = (at + 1) % count;
            if at == 0 {
                tracker = new_tracker();
            }
            tracker.track(&outcome.masks[at], &mut labels).unwrap()
        });
    });
    group.bench_function("measure", |bencher| {
        cpu_time(bencher, || {
            at = (at + 1) % count;
            rows.clear();
            let labels = &outcome.labels[at];
            measurer.measure(at, labels, &frames[at], &[], &[Feature::Area], &mut rows).unwrap();
            let surface = &outcome.background[at];
            measurer.measure(at, labels, &frames[at], surface, &[Feature::IntensityTotal], &mut rows).unwrap()
        });
    });
    group.bench_function("whole", |bencher| {
        cpu_time(bencher, || {
            at = (at + 1) % count;
            if at == 0 {
                tracker = new_tracker();
            }
            rows.clear();
            let plane = &frames[at];
            segmenter.segment(plane, &mut mask).unwrap();
            background.estimate(plane, &mask, &mut surface).unwrap();
            tracker.track(&mask, &mut labels).unwrap();
            measurer.measure(at, &labels, plane, &[], &[Feature::Area], &mut rows).unwrap();
            measurer.measure(at, &labels, plane, &surface, &[Feature::IntensityTotal], &mut rows).unwrap()
        });
    });
    group.finish();
}

/// A frame with 24 textured cells on a noisy background that grows brighter to the right.
fn camera(frame: usize) -> Plane {
    let mut state = frame as u64 + 1;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    let mut pixels = Vec::with_capacity(WIDTH * HEIGHT);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            // Nearly normal: the sum of four even ones.
            let noise = (0..4).map(|_| random() - 0.5).sum::<f64>();
            let (column, row) = ((x + frame) % 105, y % 142);
            let distance = ((column as f64 - 52.0).powi(2) + (row as f64 - 71.0).powi(2)).sqrt();
            let value =
                if distance < 22.0 { 6000.0 + 3000.0 * noise } else { 900.0 + x as f64 + 60.0 * noise };
            pixels.push(if random() < 1e-4 { 65_535 } else { value as u16 });
        }
    }
    support::plane(WIDTH, HEIGHT, pixels)
}

fn float(plane: &Plane) -> Plane {
    let pixels = support::integers(plane).iter().map(|pixel| f32::from(*pixel) / 65_535.0).collect();
    Plane { width: plane.width, height: plane.height, pixels: Pixels::F32(pixels) }
}

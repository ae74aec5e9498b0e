//! A part's geometry on one core: microseconds of CPU a call, medians of rounds taken in turn.
//!
//! `cargo bench --bench geometry`; `OCELLUS_BENCH_ROUNDS` (9) sets its length.

use std::hint::black_box;
use std::time::Instant;

use ocellus::image::{
    Aligner, Caliper, Channels, Cutter, EdgePolarity, GreyLevels, Lab, Mask, Patch, Reach, RotatedRect,
    Template, TemplateMatcher,
};
use ocellus::types::{PixelFormat, Planes, Point, Pose, Rect};

const SIZE: (usize, usize) = (2448, 2048);

fn main() {
    // `cargo test --benches` only asks whether it still builds and starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let rounds = std::env::var("OCELLUS_BENCH_ROUNDS").ok().and_then(|v| v.parse().ok()).unwrap_or(9);
    let bytes = picture();
    let planes = Planes::packed(PixelFormat::Nv12, SIZE.0, SIZE.1, &bytes).expect("whole planes");
    cuts(&planes, rounds);
    searches(&planes, rounds);
    checks(&planes, rounds);
}

/// Blocks of random grey under noise, as NV12: texture at every size.
fn picture() -> Vec<u8> {
    let (width, height) = SIZE;
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let blocks: Vec<u8> = (0..1 << 16).map(|_| (next() >> 40) as u8 / 2 + 40).collect();
    let mut bytes = vec![128; width * height * 3 / 2];
    for (i, byte) in bytes[..width * height].iter_mut().enumerate() {
        let (x, y) = (i % width, i / width);
        let block = blocks[(y / 9 * 271 + x / 7) & 0xFFFF];
        *byte = block + (next() >> 61) as u8;
    }
    bytes
}

/// Median microseconds of `work`, each round long enough to be measured.
fn report(name: &str, rounds: usize, mut work: impl FnMut()) {
    work();
    let start = Instant::now();
    work();
    let calls = (0.02 / start.elapsed().as_secs_f64()).clamp(1.0, 5000.0) as usize;
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| work());
            start.elapsed().as_secs_f64() * 1e6 / calls as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:66} {:10.1} us", times[rounds / 2]);
}

fn cuts(planes: &Planes<'_>, rounds: usize) {
    let (mut cutter, mut out) = (Cutter::new(), Patch::default());
    let region = RotatedRect::upright(Rect { x: 700.0, y: 600.0, w: 512.0, h: 512.0 });
    let poses = [
        ("straight", Pose::default()),
        ("shifted", Pose { dx: 3.3, dy: 2.6, angle_rad: 0.0 }),
        ("turned by 3 degrees", Pose { dx: 3.3, dy: 2.6, angle_rad: 3f32.to_radians() }),
    ];
    for (name, pose) in poses {
        for channels in [Channels::Gray, Channels::Rgb] {
            report(&format!("cut 512x512 of NV12, {channels:?}, {name}"), rounds, || {
                cutter.cut(planes, &region, &pose, channels, &mut out).expect("a sound region");
                black_box(&out);
            });
        }
    }
}

fn searches(planes: &Planes<'_>, rounds: usize) {
    let (mut cutter, mut patch) = (Cutter::new(), Patch::default());
    let rect = Rect { x: 1200.0, y: 900.0, w: 64.0, h: 64.0 };
    let region = RotatedRect::upright(rect);
    cutter.cut(planes, &region, &Pose::default(), Channels::Gray, &mut patch).expect("a sound region");
    let template = Template::new(&patch).expect("texture");
    let mut matcher = TemplateMatcher::new();
    // 13 and 17 px away from where it is.
    let around = Point { x: 1232.0 - 13.0, y: 932.0 + 17.0 };
    for angle in [0.0, 5.0] {
        report(&format!("find 64x64 in +-32 px, +-{angle} degrees"), rounds, || {
            let found = matcher.find(planes, &template, around, 32, angle).expect("a sound search");
            assert!(found.score > 0.99 && (found.centre.x - 1232.0).abs() < 0.05);
        });
    }
    let rects = [(1200.0, 900.0), (300.0, 250.0), (1900.0, 1600.0)].map(|(x, y)| Rect { x, y, ..rect });
    for count in [1, 2, 3] {
        let reach = Reach { search_px: 32, max_angle_deg: 5.0, min_score: 0.5 };
        let mut aligner = Aligner::new(planes, &rects[..count], reach).expect("texture");
        report(&format!("align by {count} fiducials of 64x64, +-32 px, +-5 degrees"), rounds, || {
            black_box(aligner.find(planes).expect("the master is found"));
        });
    }
}

fn checks(planes: &Planes<'_>, rounds: usize) {
    let mut cutter = Cutter::new();
    let (mut grey, mut colour) = (Patch::default(), Patch::default());
    let region = RotatedRect::upright(Rect { x: 700.0, y: 600.0, w: 512.0, h: 512.0 });
    cutter.cut(planes, &region, &Pose::default(), Channels::Gray, &mut grey).expect("a sound region");
    cutter.cut(planes, &region, &Pose::default(), Channels::Rgb, &mut colour).expect("a sound region");
    let corners = [(710.0, 610.0), (1200.0, 700.0), (900.0, 1100.0)].map(|(x, y)| Point { x, y });
    let mask = Mask::polygon(&region, &corners).expect("px inside");
    for (name, mask) in [("", None), (", masked", Some(&mask))] {
        report(&format!("presence of 512x512{name}"), rounds, || {
            black_box(GreyLevels::measure(&grey, mask, 40..=90).expect("px inside"));
        });
        report(&format!("mean colour of 512x512{name}"), rounds, || {
            black_box(Lab::mean(&colour, mask).expect("px inside"));
        });
        let mut caliper = Caliper::new();
        report(&format!("edges along 512x512{name}"), rounds, || {
            black_box(caliper.distance(&grey, mask, (EdgePolarity::Any, EdgePolarity::Any), 0.5).ok());
        });
    }
    report("polygon to a mask of 512x512", rounds, || {
        black_box(Mask::polygon(&region, &corners).expect("px inside"));
    });
}

//! A 720p frame to JPEG, on one core: ours (copy, colour, draw, encode, and the file in memory of the pool) against
//! libjpeg-turbo alone on planes that need nothing. Figures are CPU time a frame; claims are the ratios, all from one
//! run, taken in turn.
//!
//! The reference does all that libjpeg-turbo's own API offers: one handle, one output buffer, planes where they are.
//! Its picture is the very one that ours arrives at: what it encodes are the bytes of our canvas.
//!
//! `cargo bench --bench preview`; `OCELLUS_BENCH_ROUNDS` (9) and `OCELLUS_BENCH_FRAMES` (60) set its length.

use std::hint::black_box;

use ocellus::annotate::{Annotate, Annotator, Look, Overlays, Place};
use ocellus::image::{Canvas, Copier};
use ocellus::types::{Colour, Finding, Frame, Matrix, PixelFormat, Point, Range, Rect, Report, Stamp, Value};
use turbojpeg::{Compressor, OutputBuf, Subsamp, YuvPlanesImage};

const QUALITY: u8 = 80;
/// Distinct frames, walked round: together beyond the last-level cache of most machines, as a camera's are.
const FRAMES: u64 = 16;

fn main() {
    // `cargo test --benches` only asks whether it still builds and starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let rounds = setting("OCELLUS_BENCH_ROUNDS", 9);
    let count = setting("OCELLUS_BENCH_FRAMES", 60);
    let jfif = Colour { matrix: Matrix::Bt601, range: Range::Full };
    let video = Colour { matrix: Matrix::Bt709, range: Range::Limited };
    for (name, format, size, colour) in [
        ("720p I420, JFIF's own colours", PixelFormat::I420, (1280, 720), jfif),
        ("720p I420, video's colours (BT.709)", PixelFormat::I420, (1280, 720), video),
        ("720p NV12, video's colours (BT.709)", PixelFormat::Nv12, (1280, 720), video),
        ("720p RGB", PixelFormat::Rgb, (1280, 720), video),
        ("1080p NV12, video's colours, made 1280 wide", PixelFormat::Nv12, (1920, 1080), video),
    ] {
        let frames: Vec<Frame> = (0..FRAMES).map(|seq| frame(seq, format, size, colour)).collect();
        bench(name, &frames, rounds, count);
    }
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn bench(name: &str, frames: &[Frame], rounds: usize, count: usize) {
    let mut annotator = Annotate::default().annotator().expect("there is memory");
    let mut bare = Bare::new(frames);
    let (report, places) = overlays(frames[0].width as f32, frames[0].height as f32);
    let drawn = Overlays { report: Some(&report), places: &places, part: None };
    let mut times: [Vec<f64>; 4] = Default::default();
    let mut copier = (Copier::default(), Canvas::default());
    for _ in 0..rounds {
        times[0].push(cpu_ms(count, |i| bare.encode(i)));
        times[1]
            .push(cpu_ms(count, |i| make(&mut annotator, &frames[i % frames.len()], &Overlays::default())));
        times[2].push(cpu_ms(count, |i| make(&mut annotator, &frames[i % frames.len()], &drawn)));
        times[3].push(cpu_ms(count, |i| {
            copier.0.copy(&frames[i % frames.len()].planes(), 1280, &mut copier.1).expect("sound planes");
        }));
    }
    let [raw, ours, drawn, copy] = times.map(median);
    println!("{name}, quality {QUALITY}, {} KiB", bare.bytes / 1024);
    println!("  libjpeg-turbo alone, same px   {raw:7.3} ms");
    println!(
        "  ours, nothing drawn            {ours:7.3} ms   {:.3} of it; the copy alone {copy:.3} ms",
        ours / raw
    );
    println!("  ours, 12 objects, zone, line   {drawn:7.3} ms   {:.3} of it", drawn / raw);
}

fn make(annotator: &mut Annotator, frame: &Frame, overlays: &Overlays<'_>) {
    let look = Look { width: 1280, quality: QUALITY };
    black_box(annotator.drawn(frame, &look, overlays).expect("a sound frame"));
}

/// libjpeg-turbo on planes that are ready.
struct Bare {
    compressor: Compressor,
    pictures: Vec<Canvas>,
    out: Vec<u8>,
    bytes: usize,
}

impl Bare {
    fn new(frames: &[Frame]) -> Bare {
        let mut compressor = Compressor::new().expect("there is memory");
        compressor.set_quality(i32::from(QUALITY)).expect("a quality");
        let copied = frames.iter().map(|frame| {
            let mut canvas = Canvas::default();
            Copier::default().copy(&frame.planes(), 1280, &mut canvas).expect("sound planes");
            canvas
        });
        let pictures: Vec<Canvas> = copied.collect();
        let space = turbojpeg::compressed_buf_len(1280, 720, Subsamp::Sub2x2).expect("a size");
        Bare { compressor, pictures, out: vec![0; space], bytes: 0 }
    }

    fn encode(&mut self, i: usize) {
        let canvas = &self.pictures[i % self.pictures.len()];
        let picture = YuvPlanesImage {
            y_plane: canvas.plane(0),
            u_plane: canvas.plane(1),
            v_plane: canvas.plane(2),
            width: canvas.width(),
            height: canvas.height(),
            y_stride: canvas.stride(0),
            u_stride: canvas.stride(1),
            v_stride: canvas.stride(2),
            subsamp: Subsamp::Sub2x2,
        };
        let mut out = OutputBuf::borrowed(&mut self.out);
        self.compressor.compress_yuv_planes(&picture, &mut out).expect("sound planes");
        self.bytes = out.len();
        black_box(&out);
    }
}

/// A picture with edges, gradients and some noise, as a camera gives it.
fn frame(seq: u64, format: PixelFormat, size: (usize, usize), colour: Colour) -> Frame {
    let (width, height) = size;
    let mut bytes = Vec::new();
    let mut rng = seq.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for (row, rows) in format.plane_sizes(width, height) {
        for y in 0..rows {
            for x in 0..row {
                rng ^= rng << 13;
                rng ^= rng >> 7;
                rng ^= rng << 17;
                let block = ((x / 97 + y / 61 + seq as usize) % 5) * 22;
                bytes.push((50 + block + x * 40 / row + y * 30 / rows) as u8 + (rng >> 61) as u8);
            }
        }
    }
    let frame = Frame::from_memory(seq, Stamp::default(), (format, width, height), bytes.into());
    let mut frame = frame.expect("enough bytes");
    frame.colour = colour;
    frame
}

fn overlays(width: f32, height: f32) -> (Report, Vec<Place>) {
    let mut report = Report::new("bench".into());
    for n in 0..12u16 {
        let (x, y) = (f32::from(n % 4) * width / 4.0 + 20.0, f32::from(n / 4) * height / 3.0 + 40.0);
        let value = Value::Object { rect: Rect { x, y, w: 160.0, h: 150.0 }, points: Default::default() };
        report.push(Finding { track: Some(u64::from(n)), ..Finding::new(0, "person".into(), 0.87, value) });
    }
    let share = |x: f32, y: f32| Point { x, y };
    let zone = vec![share(0.1, 0.3), share(0.5, 0.2), share(0.6, 0.8), share(0.2, 0.9)];
    let zone = Place { name: "entrance".into(), points: zone };
    let line = Place { name: "gate".into(), points: vec![share(0.8, 0.1), share(0.7, 0.9)] };
    (report, vec![zone, line])
}

/// CPU milliseconds of this thread for one of `count` calls.
fn cpu_ms(count: usize, mut work: impl FnMut(usize)) -> f64 {
    let before = thread_cpu_ns();
    (0..count).for_each(&mut work);
    (thread_cpu_ns() - before) as f64 / count as f64 / 1e6
}

fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

//! Planes to tensor, on one core: ours against GStreamer's `videoconvertscale` and against a plain read of the
//! bytes that are touched. Figures are CPU time a frame; claims are the ratios, all from one run, taken in turn.
//!
//! Like for like: our `Bilinear` is its default `bilinear` (two taps), our `Antialias` its `bilinear2` (all taps).
//!
//! `cargo bench --bench preprocess`; `OCELLUS_BENCH_ROUNDS` (9) and `OCELLUS_BENCH_FRAMES` (120) set its length.

use std::hint::black_box;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use gstreamer_video::{VideoColorimetry, VideoInfo};
use ocellus::image::{Channels, Preprocessor, Target};
use ocellus::types::{Dtype, Fit, PixelFormat, Planes, Resize};

/// Distinct pictures, walked round: together beyond the last-level cache of most machines, as a camera's are.
const PICTURES: usize = 16;

struct Case {
    name: &'static str,
    format: PixelFormat,
    size: (usize, usize),
    side: usize,
    fit: Fit,
}

const CASES: [Case; 3] = [
    Case {
        name: "1080p NV12 -> 320x320 RGB, letterboxed",
        format: PixelFormat::Nv12,
        size: (1920, 1080),
        side: 320,
        fit: Fit::Letterbox,
    },
    Case {
        name: "720p I420 -> 224x224 RGB, stretched",
        format: PixelFormat::I420,
        size: (1280, 720),
        side: 224,
        fit: Fit::Stretch,
    },
    Case {
        name: "1080p RGB -> 320x320 RGB, letterboxed",
        format: PixelFormat::Rgb,
        size: (1920, 1080),
        side: 320,
        fit: Fit::Letterbox,
    },
];

fn main() {
    // `cargo test --benches` only asks whether it still builds and starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    gst::init().expect("GStreamer starts");
    let rounds = setting("OCELLUS_BENCH_ROUNDS", 9);
    let frames = setting("OCELLUS_BENCH_FRAMES", 120);
    for case in &CASES {
        bench(case, rounds, frames);
    }
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn bench(case: &Case, rounds: usize, frames: usize) {
    let (width, height) = case.size;
    let len: usize = case.format.plane_sizes(width, height).iter().map(|(row, rows)| row * rows).sum();
    let pictures: Vec<Vec<u8>> = (0..PICTURES).map(|seed| noise(len, seed as u64)).collect();
    let mut out = vec![0; case.side * case.side * 3];
    let mut ours = [Resize::Antialias, Resize::Bilinear].map(|resize| preprocessor(case, resize));
    let mut peers = ["bilinear2", "bilinear"].map(|method| Peer::new(case, method));
    let mut times: [Vec<f64>; 5] = Default::default();
    for _ in 0..rounds {
        times[0].push(cpu_ms(frames, |i| read(&pictures[i % PICTURES])));
        for (k, preprocessor) in ours.iter_mut().enumerate() {
            times[1 + k].push(cpu_ms(frames, |i| {
                let planes = Planes::packed(case.format, width, height, &pictures[i % PICTURES]).unwrap();
                preprocessor.run(&planes, None, &mut out).expect("a sound picture");
            }));
        }
        for (k, peer) in peers.iter_mut().enumerate() {
            times[3 + k].push(peer.cpu_ms(frames, &pictures));
        }
    }
    let [read, antialias, bilinear, multitap, default] = times.map(median);
    println!("{}", case.name);
    println!(
        "  plain read {read:.3} ms; videoconvertscale bilinear (its default) {default:.3} ms, bilinear2 {multitap:.3} ms"
    );
    for (name, ms) in [("antialias", antialias), ("bilinear", bilinear)] {
        println!(
            "  {name:9} {ms:.3} ms: {:.2} times a plain read; {:.1} times as fast as bilinear, {:.1} as bilinear2",
            ms / read,
            default / ms,
            multitap / ms
        );
    }
}

fn preprocessor(case: &Case, resize: Resize) -> Preprocessor {
    Preprocessor::new(Target {
        width: case.side,
        height: case.side,
        channels: Channels::Rgb,
        dtype: Dtype::U8,
        mul: [1.0; 3],
        add: [0.0; 3],
        fit: case.fit,
        pad: 0,
        resize,
    })
}

/// Sums the bytes as 64-bit words: what a memory-bound pass cannot be faster than.
fn read(bytes: &[u8]) {
    let words = bytes.as_chunks::<8>().0;
    black_box(words.iter().fold(0u64, |sum, word| sum.wrapping_add(u64::from_ne_bytes(*word))));
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// CPU time of this process, all threads.
fn process_cpu_ms() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec to write to.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

fn cpu_ms(frames: usize, mut work: impl FnMut(usize)) -> f64 {
    (0..PICTURES.min(frames)).for_each(&mut work);
    let start = process_cpu_ms();
    (0..frames).for_each(work);
    (process_cpu_ms() - start) / frames as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// `appsrc ! videoconvertscale ! appsink`, one thread, one frame in flight.
struct Peer {
    pipeline: gst::Element,
    source: AppSrc,
    sink: AppSink,
    info: VideoInfo,
}

impl Peer {
    fn new(case: &Case, method: &str) -> Peer {
        let borders = matches!(case.fit, Fit::Letterbox);
        let pipeline = gst::parse::launch(&format!(
            "appsrc name=in format=time block=true max-buffers=1 \
             ! videoconvertscale n-threads=1 method={method} add-borders={borders} \
             ! video/x-raw,format=RGB,width={side},height={side},pixel-aspect-ratio=1/1 \
             ! appsink name=out sync=false max-buffers=1",
            side = case.side
        ))
        .expect("videoconvertscale is in gst-plugins-base 1.22");
        let bin = pipeline.downcast_ref::<gst::Bin>().expect("a pipeline");
        let find = |name| bin.by_name(name).expect("named above");
        let source = find("in").downcast::<AppSrc>().expect("an appsrc");
        let sink = find("out").downcast::<AppSink>().expect("an appsink");
        let format = gstreamer_video::VideoFormat::from_string(case.format.caps_name());
        let (width, height) = (case.size.0 as u32, case.size.1 as u32);
        let mut builder = VideoInfo::builder(format, width, height).fps(gst::Fraction::new(30, 1));
        let bt601 = "bt601".parse::<VideoColorimetry>().expect("a known colorimetry");
        if case.format != PixelFormat::Rgb {
            builder = builder.colorimetry(&bt601);
        }
        let info = builder.build().expect("sound caps");
        source.set_caps(Some(&info.to_caps().expect("sound caps")));
        pipeline.set_state(gst::State::Playing).expect("the pipeline starts");
        Peer { pipeline, source, sink, info }
    }

    fn cpu_ms(&mut self, frames: usize, pictures: &[Vec<u8>]) -> f64 {
        // The buffers are made beforehand: only wrapping and converting is counted.
        let buffers: Vec<gst::Buffer> =
            pictures.iter().map(|picture| gst::Buffer::from_slice(picture.clone())).collect();
        assert_eq!(self.info.size(), buffers[0].size(), "packed planes are what the caps describe");
        cpu_ms(frames, |i| {
            self.source.push_buffer(buffers[i % buffers.len()].clone()).expect("the pipeline runs");
            black_box(self.sink.pull_sample().expect("a converted frame"));
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

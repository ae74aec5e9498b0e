//! How long capture takes to its first frame, and what it costs a frame beyond the decoder.
//!
//!     OCELLUS_DATA=../shared/data cargo bench --bench capture
//!
//! Each figure comes from processes of its own (GStreamer starts once a process): five a case, in turn, medians.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use ocellus::camera::scene::SceneOptions;
use ocellus::camera::{self, Committed, FrameSink, Health, Painter, PainterError, Wiring};
use ocellus::config::{CameraConfig, Pace, Source, TcpConfig, V4l2};
use ocellus::supervisor::{Beat, Stop};
use ocellus::types::{Frame, SystemClock};

const ROUNDS: usize = 5;

/// Counts, and remembers when the first came.
struct Count {
    frames: u64,
    held: std::collections::VecDeque<Frame>,
    first: Option<Instant>,
}

impl FrameSink for Count {
    fn commit(&mut self, frame: Frame) -> Committed {
        self.first.get_or_insert_with(Instant::now);
        self.frames += 1;
        if self.held.len() == 8 {
            self.held.pop_front();
        }
        self.held.push_back(frame);
        Committed::Taken
    }

    fn slots(&self) -> usize {
        8
    }

    fn next_seq(&self) -> u64 {
        self.frames
    }
}

struct Grey;

impl Painter for Grey {
    fn size(&self) -> (usize, usize) {
        (640, 480)
    }

    fn fps(&self) -> u32 {
        30
    }

    fn paint(&mut self, n: u64, out: &mut [u8]) {
        out.fill(n as u8);
    }
}

fn grey(_: &Source) -> Result<Box<dyn Painter>, PainterError> {
    Ok(Box::new(Grey))
}

fn source(case: &str) -> Source {
    match case {
        "scene" => Source::Scene { options: SceneOptions::default(), frames: Some(1_000), barrier: None },
        "launch" => Source::Launch(ocellus::config::LaunchLine::new(
            "videotestsrc num-buffers=300 ! video/x-raw,format=I420,width=640,height=480",
        )),
        file => Source::File(data().join("video").join(file)),
    }
}

fn data() -> PathBuf {
    std::env::var_os("OCELLUS_DATA").map_or_else(|| "../shared/data".into(), PathBuf::from)
}

/// In a process of its own: prints ms to the first frame, frames, ms in all, CPU ms in all.
fn child(case: &str) {
    let begun = Instant::now();
    let camera = CameraConfig {
        name: "bench".into(),
        source_text: case.into(),
        username: None,
        password_file: None,
        source: source(case),
        pace: Pace::Max,
        repeat: false,
        watch: false,
        skip_frames: 0,
        ring_slots: 8,
        frozen_after: std::time::Duration::from_secs(5),
        reconnect: std::time::Duration::from_secs(1),
        reconnect_max: std::time::Duration::from_secs(1),
        images_fps: 30,
        v4l2: V4l2::default(),
        tcp: TcpConfig {
            max_bytes: 1 << 24,
            frame: std::time::Duration::from_millis(1_000),
            ..TcpConfig::default()
        },
        detect: None,
        track: None,
        recognise: None,
        inspect: None,
        zones: Vec::new(),
        lines: Vec::new(),
        preview: Default::default(),
        attendance: Default::default(),
        record: None,
    };
    let mut count = Count { frames: 0, held: Default::default(), first: None };
    let (health, clock, stop, beat) = (|_: Health| (), SystemClock, Stop::new(), Beat::new());
    let wiring = Wiring {
        health: &health,
        clock: &clock,
        stop: &stop,
        beat: &beat,
        painter: &grey,
        damaged: &Default::default(),
        senders: &Default::default(),
    };
    camera::run(&camera, &mut count, &wiring).expect("the case runs");
    let first = count.first.expect("a frame") - begun;
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    println!("{:.2} {} {:.2} {:.2}", ms(first), count.frames, ms(begun.elapsed()), cpu_ms());
}

/// CPU time of this process so far (Linux: fields 14 and 15 of /proc/self/stat, in ticks of 10 ms).
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * 10.0
}

fn measure(case: &str) -> Option<[f64; 4]> {
    let out = Command::new(std::env::current_exe().ok()?).args(["--child", case]).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let figures: Vec<f64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    figures.try_into().ok()
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "--child") {
        return child(&args[at + 1]);
    }
    let cases = ["scene", "launch", "one-by-one-person-detection.mp4", "asl_book.mkv"];
    let mut rounds = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for (case, figures) in cases.iter().zip(&mut rounds) {
            figures.extend(measure(case));
        }
    }
    println!(
        "{:<34} {:>14} {:>8} {:>12} {:>12}",
        "source", "first frame ms", "frames", "frames/s", "CPU ms/frame"
    );
    for (case, figures) in cases.iter().zip(&rounds).filter(|(_, figures)| !figures.is_empty()) {
        let median = |of: &dyn Fn(&[f64; 4]) -> f64| {
            let mut all: Vec<f64> = figures.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let (first, frames) = (median(&|f| f[0]), median(&|f| f[1]));
        let (rate, cpu) = (median(&|f| f[1] / f[2] * 1e3), median(&|f| f[3] / f[1]));
        println!("{case:<34} {first:>14.1} {frames:>8} {rate:>12.1} {cpu:>12.2}");
    }
}

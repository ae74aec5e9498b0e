//! A camera on a thread, and a sink that holds frames as the ring does.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gstreamer::glib;
use ocellus::camera::tcp::SenderControl;
use ocellus::camera::{
    self, CaptureError, Committed, FrameSink, Health, Painter, PainterError, SessionEnd, Wiring,
};
use ocellus::config::{CameraConfig, Pace, Source, TcpConfig, V4l2};
use ocellus::supervisor::{Beat, Stop};
use ocellus::telemetry::Counter;
use ocellus::types::{Frame, PixelFormat, SystemClock};

pub use crate::heap::total as allocations;

/// No test waits longer than this for what it expects.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// Slots of the pretended ring.
pub const SLOTS: usize = 4;

/// What is remembered of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub seq: u64,
    pub pts_ns: Option<u64>,
    pub size: (usize, usize),
    pub format: PixelFormat,
    /// MD5 of its planes without padding.
    pub md5: String,
    /// The first byte of its first plane.
    pub first: u8,
    /// The file that it comes from.
    pub file: Option<String>,
}

/// The planes' bytes without padding.
pub fn packed(frame: &Frame) -> Vec<u8> {
    let planes = frame.planes();
    let mut out = Vec::new();
    for (plane, (row, rows)) in planes.format.plane_sizes(planes.width, planes.height).into_iter().enumerate()
    {
        for line in 0..rows {
            let at = line * planes.stride[plane];
            out.extend_from_slice(&planes.data[plane][at..at + row]);
        }
    }
    out
}

pub fn see(frame: &Frame) -> Seen {
    let bytes = packed(frame);
    let mut sum = glib::Checksum::new(glib::ChecksumType::Md5).unwrap();
    sum.update(&bytes);
    let md5 = sum.string().unwrap();
    let size = (frame.width, frame.height);
    let file = frame.file.as_deref().map(str::to_owned);
    Seen { seq: frame.seq, pts_ns: frame.pts_ns, size, format: frame.format, md5, first: bytes[0], file }
}

/// Holds the last frames, as a ring keeps its history.
pub struct Slots<F> {
    pub held: VecDeque<Frame>,
    pub next: u64,
    pub look: F,
}

impl<F: FnMut(&Frame) -> Committed + Send> FrameSink for Slots<F> {
    fn commit(&mut self, frame: Frame) -> Committed {
        let committed = (self.look)(&frame);
        self.next = frame.seq + 1;
        if self.held.len() == SLOTS {
            self.held.pop_front();
        }
        self.held.push_back(frame);
        committed
    }

    fn slots(&self) -> usize {
        SLOTS
    }

    fn next_seq(&self) -> u64 {
        self.next
    }
}

/// A camera with the settings of a hurried test.
pub fn camera(source: Source) -> CameraConfig {
    CameraConfig {
        name: "test".into(),
        source_text: "test".into(),
        username: None,
        password_file: None,
        source,
        pace: Pace::Max,
        repeat: false,
        watch: false,
        skip_frames: 0,
        ring_slots: SLOTS,
        frozen_after: Duration::from_millis(700),
        reconnect: Duration::from_millis(20),
        reconnect_max: Duration::from_millis(200),
        images_fps: 10,
        v4l2: V4l2::default(),
        tcp: TcpConfig {
            max_bytes: 1_000_000,
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
    }
}

/// A camera that runs; stopped and joined when dropped.
pub struct Running {
    pub frames: Receiver<Seen>,
    pub health: Receiver<Health>,
    pub stop: Stop,
    pub beat: Beat,
    /// Pictures that gave no frame.
    pub damaged: Counter,
    /// What a camera server shares with its command port.
    pub senders: SenderControl,
    thread: Option<JoinHandle<Result<SessionEnd, CaptureError>>>,
}

/// Starts it; every frame is seen.
pub fn start(camera: CameraConfig) -> Running {
    let (frames, seen) = channel();
    start_with(camera, seen, move |frame| {
        let _ = frames.send(see(frame));
        Committed::Taken
    })
}

/// Starts it with another look at each frame.
pub fn start_with(
    camera: CameraConfig,
    frames: Receiver<Seen>,
    look: impl FnMut(&Frame) -> Committed + Send + 'static,
) -> Running {
    let (tell, health) = channel();
    let stop = Stop::new();
    let (token, beat) = (stop.clone(), Beat::new());
    let (heart, damaged) = (beat.clone(), Counter::new());
    let senders = SenderControl::default();
    let (count, control) = (damaged.clone(), senders.clone());
    let run = move || capture_on_this_thread(&camera, look, tell, &token, &heart, (&count, &control));
    let thread = std::thread::Builder::new().name("capture".into()).spawn(run).unwrap();
    Running { frames, health, stop, beat, damaged, senders, thread: Some(thread) }
}

fn capture_on_this_thread(
    camera: &CameraConfig,
    look: impl FnMut(&Frame) -> Committed + Send,
    tell: Sender<Health>,
    stop: &Stop,
    beat: &Beat,
    (damaged, senders): (&Counter, &SenderControl),
) -> Result<SessionEnd, CaptureError> {
    let mut sink = Slots { held: VecDeque::new(), next: 0, look };
    let health = |health| drop(tell.send(health));
    let (clock, painter) = (SystemClock, &squares);
    let wiring = Wiring { health: &health, clock: &clock, stop, beat, painter, damaged, senders };
    camera::run(camera, &mut sink, &wiring)
}

impl Running {
    /// Waits until capture ends by itself.
    pub fn end(&mut self) -> Result<SessionEnd, CaptureError> {
        let begun = Instant::now();
        let thread = self.thread.take().expect("ended once");
        while !thread.is_finished() {
            assert!(begun.elapsed() < DEADLINE, "capture does not end");
            std::thread::yield_now();
            std::thread::park_timeout(Duration::from_millis(5));
        }
        thread.join().expect("no panic")
    }

    /// The error that it ends with, as a user reads it.
    pub fn error(&mut self) -> String {
        self.end().expect_err("an error").to_string()
    }

    /// Every frame until the end.
    pub fn all(&mut self) -> Vec<Seen> {
        self.frames.try_iter().collect()
    }

    /// The next frame.
    pub fn frame(&self) -> Seen {
        self.frames.recv_timeout(DEADLINE).expect("a frame")
    }

    /// Waits for a state of health.
    pub fn until(&self, what: &str, wanted: impl Fn(&Health) -> bool) -> Health {
        let begun = Instant::now();
        let mut reported = Vec::new();
        while let Ok(health) = self.health.recv_timeout(DEADLINE.saturating_sub(begun.elapsed())) {
            if wanted(&health) {
                return health;
            }
            reported.push(health);
        }
        panic!("never {what}; told: {reported:#?}");
    }

    /// Waits for a failed connection; its cause.
    pub fn until_offline(&self, cause: &str) -> String {
        let offline = |h: &Health| matches!(h, Health::Offline { cause: reported, .. } if reported.to_string().contains(cause));
        match self.until(&format!("offline with `{cause}`"), offline) {
            Health::Offline { cause, .. } => cause.to_string(),
            other => panic!("{other:?}"),
        }
    }

    pub fn until_online(&self) {
        self.until("online", |health| matches!(health, Health::Online { .. }));
    }

    pub fn until_frozen(&self) {
        self.until("frozen", |health| matches!(health, Health::Frozen { .. }));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A painter whose every byte of frame n is n; odd sizes, so that rows are not GStreamer's.
pub struct Squares {
    size: (usize, usize),
    fps: u32,
}

impl Painter for Squares {
    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn fps(&self) -> u32 {
        self.fps
    }

    fn paint(&mut self, n: u64, out: &mut [u8]) {
        out.fill(n as u8);
    }
}

fn squares(source: &Source) -> Result<Box<dyn Painter>, PainterError> {
    match source {
        Source::Scene { options, .. } => {
            let size = (options.width as usize, options.height as usize);
            Ok(Box::new(Squares { size, fps: options.fps }))
        }
        other => Err(PainterError { cause: format!("{other:?} is no scene") }),
    }
}

/// A file or folder of the test data.
pub fn data(name: &str) -> Option<PathBuf> {
    crate::support::data::data(&[name]).map(|root| root.join(name))
}

/// A small JPEG of one grey.
pub fn jpeg(grey: u8) -> Vec<u8> {
    let picture = image::GrayImage::from_pixel(64, 48, image::Luma([grey]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    let rgb = image::DynamicImage::ImageLuma8(picture).to_rgb8();
    rgb.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

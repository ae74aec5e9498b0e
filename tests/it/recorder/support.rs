//! A camera whose frames the test sends itself, so that it knows how many there are.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ocellus::image::jpeg;
use ocellus::types::{PixelFormat, Planes};
use serde_json::Value;

use crate::camera::send_frames;
use crate::support::broker::free_port;
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;

/// A JPEG that does not compress well, `side` px wide and high; another one for each `seed`.
pub fn noise(side: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let luma: Vec<u8> = (0..side * side)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        })
        .collect();
    let planes = Planes::packed(PixelFormat::Gray8, side, side, &luma).unwrap();
    let mut file = Vec::new();
    jpeg::encode(&planes, 85, &mut file).unwrap();
    file
}

/// A port for a camera, and its section; `record` is the camera's key.
pub fn tcp_camera(name: &str, record: &str) -> (u16, String) {
    let port = free_port();
    let text = format!(
        "[[camera]]\nname = \"{name}\"\nsource = \"tcp://127.0.0.1:{port}\"\nring_slots = 16\nfrozen_after_ms = 60000\n\
         record = {{ {record} }}\n"
    );
    (port, text)
}

/// Sends frames to a camera until it is told to stop.
pub struct Sender {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sender {
    /// Sends `pictures` in turn with `pause` between them, `most` frames at most.
    pub fn start(port: u16, pictures: Vec<Vec<u8>>, pause: Duration, most: u64) -> Sender {
        let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut stream = None;
        wait_until("the camera listens", || {
            stream = TcpStream::connect(("127.0.0.1", port)).ok();
            stream.is_some()
        });
        let mut stream = stream.unwrap();
        let thread = {
            let (sent, stop) = (sent.clone(), stop.clone());
            let body = move || {
                for picture in pictures.iter().cycle() {
                    if stop.load(Ordering::Acquire) || sent.load(Ordering::Acquire) >= most {
                        break;
                    }
                    // The service may have been killed.
                    if send_frames::send_jpeg(&mut stream, None, picture).is_err() {
                        return;
                    }
                    sent.fetch_add(1, Ordering::AcqRel);
                    std::thread::sleep(pause);
                }
                // The connection stays until everything is read.
                while !stop.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            };
            std::thread::Builder::new().name("sender".into()).spawn(body).unwrap()
        };
        Sender { sent, stop, thread: Some(thread) }
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// Stops to send, and gives the number of frames that were sent.
    pub fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap();
        self.sent()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// The latest counters of the recorder of camera `name`, without the name.
pub fn counts(watcher: &Subscriber, name: &str) -> BTreeMap<String, u64> {
    let telemetry = watcher.json("telemetry");
    let Some(counters) = telemetry.last().and_then(|last| last["counters"].as_object().cloned()) else {
        return BTreeMap::new();
    };
    let prefix = format!("{name}/");
    let own = counters.iter().filter_map(|(key, value)| {
        let key = key.strip_prefix(&prefix)?;
        Some((key.to_owned(), value.as_u64()?))
    });
    own.collect()
}

/// Frames that were missed, whatever the cause.
pub fn missed(counts: &BTreeMap<String, u64>) -> u64 {
    counts.iter().filter(|(key, _)| key.starts_with("recorder_missed_")).map(|(_, value)| value).sum()
}

/// Waits until every one of the `sent` frames has been counted, and checks that each was counted once.
pub fn settled(watcher: &Subscriber, name: &str, sent: u64) -> BTreeMap<String, u64> {
    let mut last = BTreeMap::new();
    wait_until("every frame is counted", || {
        last = counts(watcher, name);
        let of = |key: &str| last.get(key).copied().unwrap_or(0);
        let counted = of("recorded") + of("recorder_passed") + missed(&last);
        assert!(counted <= sent, "{counted} counted, {sent} sent: {last:?}");
        // What the camera's own queue drops before it is decoded is no frame yet; the camera counts it.
        of("frames") + of("queue_dropped") == sent && counted == of("frames")
    });
    last
}

/// Every file below `dir` that is not hidden, with its path below it.
pub fn files(dir: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            match path.is_dir() {
                _ if hidden => {}
                true => folders.push(path),
                false => {
                    found.insert(path.strip_prefix(dir).unwrap().display().to_string(), path);
                }
            }
        }
    }
    found
}

/// The files among `files` with this ending.
pub fn with_ending<'a>(files: &'a BTreeMap<String, PathBuf>, ending: &str) -> Vec<&'a PathBuf> {
    files.iter().filter(|(name, _)| name.ends_with(ending)).map(|(_, path)| path).collect()
}

/// The JSON in a file.
pub fn json(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// How many frames GStreamer decodes from a film.
pub fn decoded(path: &Path) -> u64 {
    use gstreamer::prelude::*;
    gstreamer::init().unwrap();
    let line = format!("filesrc location={} ! decodebin ! fakesink name=out sync=false", path.display());
    let pipeline = gstreamer::parse::launch(&line).unwrap().downcast::<gstreamer::Pipeline>().unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    let pad = pipeline.by_name("out").unwrap().static_pad("sink").unwrap();
    pad.add_probe(gstreamer::PadProbeType::BUFFER, move |_, _| {
        counted.fetch_add(1, Ordering::AcqRel);
        gstreamer::PadProbeReturn::Ok
    });
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    let kinds = [gstreamer::MessageType::Eos, gstreamer::MessageType::Error];
    let bus = pipeline.bus().unwrap();
    let message = bus.timed_pop_filtered(gstreamer::ClockTime::from_seconds(60), &kinds).expect("its end");
    pipeline.set_state(gstreamer::State::Null).unwrap();
    if let gstreamer::MessageView::Error(error) = message.view() {
        panic!("{}: {}", path.display(), error.error());
    }
    count.load(Ordering::Acquire)
}

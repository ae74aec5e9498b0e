//! Opens a camera's source once, for `ocellus doctor`: as the service opens it, up to the first frame or the first
//! failure.

use std::net::TcpListener;
use std::time::Duration;

use parking_lot::Mutex;

use super::tcp::TcpError;
use super::{CaptureError, Committed, FrameSink, Health, Wiring, run};
use crate::config::{CameraConfig, Source, read_password};
use crate::supervisor::{Beat, Stop};
use crate::telemetry::Counter;
use crate::types::{Clock, Explanation, Frame, SystemClock};

/// A camera may be configured to be silent for long; here somebody waits for the answer.
const FROZEN_AFTER: Duration = Duration::from_secs(1);

/// Takes frames and keeps none.
struct FirstFrame {
    slots: usize,
}

impl FrameSink for FirstFrame {
    fn commit(&mut self, _: Frame) -> Committed {
        Committed::Taken
    }

    fn slots(&self) -> usize {
        self.slots
    }

    fn next_seq(&self) -> u64 {
        0
    }
}

/// Opens the source of `camera` until its first frame comes or it fails, within about 20 s. Returns what it delivers, in
/// words. An address that senders connect to is only listened on for a moment, so that no sender is accepted.
///
/// # Errors
/// Why the camera is offline, as the service reports it.
pub fn probe(camera: &CameraConfig) -> Result<String, Explanation> {
    if let Source::Tcp(address) = &camera.source {
        camera
            .tcp
            .secret_file
            .as_deref()
            .map(read_password)
            .transpose()
            .map_err(|error| error.explanation())?;
        let listened = TcpListener::bind(address);
        let listened =
            listened.map_err(|source| TcpError::Listen { address: *address, source }.explanation());
        return listened.map(|_| format!("{address} is free for a sender"));
    }
    let camera = CameraConfig { frozen_after: FROZEN_AFTER, ..camera.clone() };
    let (stop, found) = (Stop::new(), Mutex::new(None));
    let health = |health: Health| {
        let answer = match health {
            Health::Online { width, height, format, fps } => {
                let rate = fps.map_or(String::new(), |fps| format!(", {fps:.0} frames/s"));
                Ok(format!("{width}x{height} px {format:?}{rate}"))
            }
            Health::Offline { cause, next_try: Some(_) } => Err(cause),
            Health::Offline { .. } | Health::Frozen { .. } | Health::Stopped | Health::Ended => return,
        };
        found.lock().get_or_insert(answer);
        stop.stop();
    };
    let wiring = Wiring {
        health: &health,
        clock: &SystemClock as &dyn Clock,
        stop: &stop,
        beat: &Beat::new(),
        #[cfg(feature = "demo")]
        painter: &super::scene::painter,
        damaged: &Counter::new(),
        senders: &super::tcp::SenderControl::default(),
    };
    let ended = run(&camera, &mut FirstFrame { slots: camera.ring_slots }, &wiring);
    match (found.into_inner(), ended) {
        (Some(answer), _) => answer,
        (None, Err(error)) => Err(error.explanation()),
        (None, Ok(_)) => {
            Err(Explanation::new("the source ended without a frame", "check that there is something in it"))
        }
    }
}

/// GStreamer's version, and each of its plugins with its own.
pub fn gstreamer_facts() -> (String, Vec<String>) {
    if let Err(source) = gstreamer::init() {
        return (CaptureError::Init { source }.to_string(), Vec::new());
    }
    let plugins = gstreamer::Registry::get().plugins();
    let mut named: Vec<String> =
        plugins.iter().map(|plugin| format!("{} {}", plugin.plugin_name(), plugin.version())).collect();
    named.sort();
    (gstreamer::version_string().to_string(), named)
}

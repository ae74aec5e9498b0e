//! Distributes a camera's pictures: all viewers share one encoded picture. The hub outlives the camera, so
//! that viewers stay connected when the camera is reconfigured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::watch;

use crate::ring::Bell;
use crate::telemetry::{Counter, Histogram};
use crate::types::{Clock, Layer, LiveView, Picture, SystemClock, Watch};

/// A picture older than this is not shown to a new viewer, nanoseconds.
const FRESH_NS: u64 = 1_000_000_000;

/// The figures of one camera's pictures; all of them only grow.
#[derive(Debug, Default)]
pub struct PreviewCounters {
    /// Pictures that were encoded, of whatever kind.
    pub encoded: Counter,
    /// Pictures of judged parts that were encoded.
    pub parts: Counter,
    /// Live frames that a newer one or a judged part replaced before they were shown.
    pub replaced: Counter,
    /// Judged parts that others replaced before they were drawn.
    pub parts_missed: Counter,
    /// Pictures that could not be drawn or encoded.
    pub failed: Counter,
    /// Time on a worker to copy, draw and encode, microseconds.
    pub made_us: Histogram,
}

/// The pictures of one camera, for all its viewers.
pub struct PreviewHub {
    /// Counts and times of this camera's pictures.
    pub counters: PreviewCounters,
    drawn: PreviewStream,
    plain: PreviewStream,
    bell: Arc<Bell>,
}

/// The stream of one kind of picture.
struct PreviewStream {
    pictures: watch::Sender<Option<Picture>>,
    /// Viewers that wait for the next picture.
    asking: Arc<AtomicUsize>,
    /// Whether a viewer has come when there was no fresh picture to show.
    kicked: AtomicBool,
    /// When the newest picture was shown, monotonic nanoseconds.
    shown_ns: AtomicU64,
}

impl PreviewStream {
    fn new() -> PreviewStream {
        PreviewStream {
            pictures: watch::Sender::new(None),
            asking: Arc::default(),
            kicked: AtomicBool::new(false),
            shown_ns: AtomicU64::new(0),
        }
    }

    fn is_asked(&self) -> bool {
        self.asking.load(Ordering::Acquire) > 0 || self.kicked.load(Ordering::Acquire)
    }
}

impl PreviewHub {
    /// A hub without viewers; it rings `bell` when the first one comes.
    pub fn new(bell: Arc<Bell>) -> Arc<PreviewHub> {
        let (drawn, plain) = (PreviewStream::new(), PreviewStream::new());
        Arc::new(PreviewHub { counters: PreviewCounters::default(), drawn, plain, bell })
    }

    /// Whether a viewer waits for a picture.
    pub(super) fn is_asked(&self) -> bool {
        self.drawn.is_asked() || self.plain.is_asked()
    }

    /// Whether a viewer waits for a picture of this kind. Also resets the mark of a new viewer without a
    /// fresh picture.
    pub(super) fn begin(&self, layer: Layer) -> bool {
        let screen = self.screen(layer);
        screen.kicked.swap(false, Ordering::AcqRel) || screen.asking.load(Ordering::Acquire) > 0
    }

    /// Whether a viewer has come for whom there was no fresh picture.
    pub(super) fn is_kicked(&self) -> bool {
        self.drawn.kicked.load(Ordering::Acquire) || self.plain.kicked.load(Ordering::Acquire)
    }

    /// Sends a picture to all viewers of this kind.
    pub(super) fn show(&self, layer: Layer, picture: Picture) {
        let screen = self.screen(layer);
        screen.shown_ns.store(SystemClock.now().mono_ns, Ordering::Relaxed);
        screen.pictures.send_replace(Some(picture));
    }

    /// When the frame of the shown picture was captured, monotonic nanoseconds; 0 before the first.
    pub(super) fn newest_ns(&self, layer: Layer) -> u64 {
        self.screen(layer).pictures.borrow().as_ref().map_or(0, |picture| picture.captured.mono_ns)
    }

    fn screen(&self, layer: Layer) -> &PreviewStream {
        match layer {
            Layer::Drawn => &self.drawn,
            Layer::Plain => &self.plain,
        }
    }
}

impl LiveView for PreviewHub {
    fn watch(&self, layer: Layer) -> Watch {
        let screen = self.screen(layer);
        let mut pictures = screen.pictures.subscribe();
        let age = SystemClock.now().mono_ns.saturating_sub(screen.shown_ns.load(Ordering::Relaxed));
        if age < FRESH_NS && pictures.borrow().is_some() {
            pictures.mark_changed();
        } else {
            screen.kicked.store(true, Ordering::Release);
            self.bell.ring_all();
        }
        Watch::new(pictures, screen.asking.clone())
    }

    fn viewers(&self) -> usize {
        self.drawn.pictures.receiver_count() + self.plain.pictures.receiver_count()
    }
}

//! The handle that the rest of the program holds: offers that never wait, and the snapshot.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_queue::ArrayQueue;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::counters::{LiveTotals, Totals};
use super::feed::ListenerFeed;
use super::snapshot::{ListenerMessage, ServiceSnapshot};
use crate::audit::Audit;
use crate::contract::rest::{AlarmOut, ComponentOut, Features, UnitOut};
use crate::contract::{
    AttendanceOut, EventOut, InspectionOut, IntakeList, Payload, RecordingOut, Telemetry, topic,
};
use crate::pipeline::{Offer, Sink};
use crate::telemetry::Described;
use crate::types::{
    Attendance, Clock, Event, EventKind, Frame, Inspection, LiveViews, PartPictureStore, PersonId, Picture,
    PictureInbox, RecordingArchive, RecordingNotice, Report, Stamp,
};

/// Events that wait for the unit's thread; if the unit is away, they are dropped and counted.
const WAITING: usize = 1_024;

/// Facts about a camera that its MQTT status does not contain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CameraFacts {
    /// The camera's name, from the configuration.
    pub name: String,
    /// The source of its frames, without secrets.
    pub source: String,
    /// Frame width and height in px; 0 before the first frame.
    pub size: (u32, u32),
    /// Whether a model detects objects in its frames.
    pub detects: bool,
    /// Whether it recognises faces.
    pub recognises: bool,
    /// Whether it inspects parts.
    pub inspects: bool,
}

/// Where the page can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageAddress {
    /// The unit has not tried to listen yet.
    #[default]
    Unknown,
    /// The unit listens there.
    At(SocketAddr),
    /// The unit has tried and cannot listen.
    Refused,
}

/// Events that are sent once, and rendered on the unit's thread.
#[derive(Clone, Debug)]
pub(super) enum News {
    Event(Event),
    Inspection(Arc<Inspection>),
    Attendance(Arc<Attendance>),
}

/// The state that the handle's clones and the unit share.
pub(super) struct WebShared {
    pub(super) device: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) audit: Arc<Audit>,
    pub(super) started: Stamp,
    /// Whether the page is configured.
    pub(super) enabled: AtomicBool,
    pub(super) address: Mutex<PageAddress>,
    pub(super) news: ArrayQueue<News>,
    /// Wakes the unit's thread to render news.
    pub(super) wake: Notify,
    pub(super) snapshot: ServiceSnapshot,
    /// Sends messages to listeners, and keeps the last ones for those that reconnect.
    pub(super) feed: ListenerFeed,
    pub(super) totals: LiveTotals,
    /// Descriptions of the figures in telemetry, for `/metrics`.
    pub(super) described: OnceLock<BTreeMap<&'static str, Described>>,
    /// The live views, once the drawing stage exists.
    pub(super) views: OnceLock<Arc<dyn LiveViews>>,
    /// The recordings, once there is a recorder.
    pub(super) recordings: OnceLock<Arc<dyn RecordingArchive>>,
    /// Where pictures of requests go, where there is a queue of jobs.
    pub(super) inbox: OnceLock<Arc<dyn PictureInbox>>,
    /// Number of open live views.
    pub(super) viewers: AtomicUsize,
    /// Number of open event streams.
    pub(super) listeners: AtomicUsize,
    /// Increased when the TLS files must be read again.
    pub(super) refreshed: AtomicU64,
}

impl WebShared {
    pub(super) fn broadcast(&self, message: ListenerMessage) {
        self.feed.send(message);
    }

    /// Renders the queued news; called on the unit's thread.
    pub(super) fn tell_news(&self) {
        while let Some(news) = self.news.pop() {
            let now = self.clock.now();
            let message = match &news {
                News::Event(event) => {
                    let suffix = topic::event(&event.camera);
                    // An update only says that an object is still there; many of them would push out real
                    // events.
                    let at = (event.captured.wall_ns, event.kind != EventKind::Update);
                    self.snapshot.event("event", &suffix, at, &EventOut::new(event, now))
                }
                News::Inspection(inspection) => {
                    let suffix = topic::inspection(&inspection.camera);
                    let body = InspectionOut::from(&**inspection);
                    self.snapshot.inspection(&suffix, inspection.trigger.at.wall_ns, inspection.id, &body)
                }
                News::Attendance(event) => {
                    let suffix = topic::attendance(&event.camera);
                    let at = (event.wall_ns, true);
                    self.snapshot.event("attendance", &suffix, at, &AttendanceOut::from(&**event))
                }
            };
            self.broadcast(message);
        }
    }
}

/// The web sink. Clones are the same sink.
#[derive(Clone)]
pub struct Web {
    pub(super) shared: Arc<WebShared>,
}

impl Web {
    /// A sink for the device called `device`; changes are written to `audit`. Nothing is served before
    /// [`super::run()`] runs.
    pub fn new(device: &str, clock: Arc<dyn Clock>, audit: Arc<Audit>) -> Web {
        let started = clock.now();
        let shared = WebShared {
            device: device.to_owned(),
            clock,
            audit,
            started,
            enabled: AtomicBool::new(false),
            address: Mutex::default(),
            news: ArrayQueue::new(WAITING),
            wake: Notify::new(),
            snapshot: ServiceSnapshot::default(),
            feed: ListenerFeed::new(started),
            totals: LiveTotals::default(),
            described: OnceLock::new(),
            views: OnceLock::new(),
            recordings: OnceLock::new(),
            inbox: OnceLock::new(),
            viewers: AtomicUsize::new(0),
            listeners: AtomicUsize::new(0),
            refreshed: AtomicU64::new(0),
        };
        Web { shared: Arc::new(shared) }
    }

    /// Publishes the state of `suffix`, as on MQTT. `status` and `camera/NAME/status` are stored; others are
    /// only passed on.
    pub fn retain(&self, suffix: &str, body: &impl Payload) {
        let message = self.shared.snapshot.retain(suffix, self.shared.clock.now(), body);
        self.shared.broadcast(message);
    }

    /// Removes the state of `suffix`.
    pub fn clear(&self, suffix: &str) {
        self.shared.snapshot.clear(suffix);
    }

    /// Stores the alarms that are raised now, and sends changes to listeners.
    pub fn alarms(&self, alarms: Vec<AlarmOut>) {
        for message in self.shared.snapshot.alarms(self.shared.clock.now().wall_ns, alarms) {
            self.shared.broadcast(message);
        }
    }

    /// Publishes the service's figures to the page and its listeners.
    pub fn telemetry(&self, body: &Telemetry) {
        let message = self.shared.snapshot.telemetry(self.shared.clock.now(), body);
        self.shared.broadcast(message);
    }

    /// Passes what happened to recordings to listeners.
    pub fn recording(&self, notice: &RecordingNotice) {
        let suffix = topic::recording(&notice.camera);
        let at = (notice.wall_ns, true);
        let message = self.shared.snapshot.event("recording", &suffix, at, &RecordingOut::from(notice));
        self.shared.broadcast(message);
    }

    /// Passes the progress of a run to listeners.
    pub fn batch(&self, suffix: &str, body: &impl Payload) {
        let at = (self.shared.clock.now().wall_ns, false);
        let message = self.shared.snapshot.event("batch", suffix, at, body);
        self.shared.broadcast(message);
    }

    /// Passes the state of a job to listeners.
    pub fn job(&self, suffix: &str, body: &impl Payload) {
        let at = (self.shared.clock.now().wall_ns, false);
        let message = self.shared.snapshot.event("job", suffix, at, body);
        self.shared.broadcast(message);
    }

    /// Passes the values of a source of telemetry to listeners.
    pub fn intake(&self, suffix: &str, body: &impl Payload) {
        let at = (self.shared.clock.now().wall_ns, false);
        let message = self.shared.snapshot.event("intake", suffix, at, body);
        self.shared.broadcast(message);
    }

    /// Stores the sources and channels of telemetry, for `/metrics`.
    pub fn channels(&self, list: IntakeList) {
        self.shared.snapshot.lock().intake = list;
    }

    /// Stores the list of cameras and the available features. Call it often: it also shows that the service
    /// is alive.
    pub fn cameras(&self, cameras: Vec<CameraFacts>, features: Features) {
        self.shared.snapshot.cameras(self.shared.clock.now(), cameras, features);
    }

    /// Stores the state of every component, and what `/healthz` answers by: whether anything works, and
    /// whether everything essential is well.
    pub fn health(&self, components: Vec<ComponentOut>, works: bool, essential_ok: bool) {
        self.shared.snapshot.health(components, (works, essential_ok));
    }

    /// Stores the state of the units.
    pub fn units(&self, units: Vec<UnitOut>) {
        self.shared.snapshot.units(units);
    }

    /// Makes the next connection use new certificates, if the files have changed.
    pub fn refresh(&self) {
        self.shared.refreshed.fetch_add(1, Ordering::Release);
    }

    /// Stores descriptions of the figures in telemetry; only the first call has an effect.
    pub fn describe(&self, figures: impl Iterator<Item = &'static Described>) {
        let _ = self.shared.described.set(figures.map(|figure| (figure.key, *figure)).collect());
    }

    /// Sets the source of live pictures; only the first call has an effect.
    pub fn show(&self, views: Arc<dyn LiveViews>) {
        let _ = self.shared.views.set(views);
    }

    /// Sets where pictures of requests for jobs go; only the first call has an effect.
    pub fn take_pictures(&self, inbox: Arc<dyn PictureInbox>) {
        let _ = self.shared.inbox.set(inbox);
    }

    /// Sets where recordings are found; only the first call has an effect.
    pub fn show_recordings(&self, recordings: Arc<dyn RecordingArchive>) {
        let _ = self.shared.recordings.set(recordings);
    }

    /// Removes everything that names `person`, who has been erased.
    pub fn forget(&self, person: PersonId) {
        self.shared.snapshot.forget(person.0);
    }

    /// Switches the page on or off; without a page nothing is queued.
    pub fn set_enabled(&self, enabled: bool) {
        self.shared.enabled.store(enabled, Ordering::Relaxed);
    }

    /// Where the page can be reached now.
    pub fn address(&self) -> PageAddress {
        *self.shared.address.lock()
    }

    /// Counts of everything that was offered and requested.
    pub fn counters(&self) -> Totals {
        self.shared.totals.read()
    }

    fn keep(&self, news: News) -> Offer {
        let shared = &self.shared;
        if !shared.enabled.load(Ordering::Relaxed) {
            return Offer::Taken;
        }
        if shared.news.push(news).is_err() {
            shared.totals.events_dropped_full.inc();
            return Offer::Dropped;
        }
        shared.totals.events_taken.inc();
        shared.wake.notify_one();
        Offer::Taken
    }
}

impl PartPictureStore for Web {
    fn keep(&self, inspection: &Arc<Inspection>, picture: &Picture) {
        self.shared.snapshot.keep_picture(inspection.id, picture.jpeg.clone());
    }
}

impl Sink for Web {
    fn name(&self) -> &'static str {
        "web"
    }

    /// The page shows no data of single frames but the picture, which comes another way.
    fn offer_report(&self, _: &Arc<Report>) -> Offer {
        Offer::Taken
    }

    fn offer_event(&self, event: &Event) -> Offer {
        self.keep(News::Event(event.clone()))
    }

    fn offer_inspection(&self, inspection: &Arc<Inspection>, _: Option<&Frame>) -> Offer {
        self.keep(News::Inspection(inspection.clone()))
    }

    fn offer_attendance(&self, attendance: &Arc<Attendance>) -> Offer {
        self.keep(News::Attendance(attendance.clone()))
    }
}

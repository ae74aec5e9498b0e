//! The handle that the rest of the program holds: offers that never wait, and the board.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_queue::ArrayQueue;
use tokio::sync::{Notify, broadcast};

use super::counters::{LiveTotals, Totals};
use super::snapshot::{ListenerMessage, ServiceSnapshot};
use crate::audit::Audit;
use crate::contract::rest::{AlarmOut, ComponentOut, Features, UnitOut};
use crate::contract::{AttendanceOut, EventOut, InspectionOut, Payload, Telemetry, topic};
use crate::pipeline::{Offer, Sink};
use crate::telemetry::Described;
use crate::types::{
    Attendance, Clock, Event, EventKind, Frame, Inspection, LiveViews, PartPictureStore, PersonId, Picture,
    Report, Stamp,
};

/// Events that wait for the unit's thread; with the unit away they are dropped, counted.
const WAITING: usize = 1_024;
/// Messages that a listener may lag behind before it misses some.
const LAG: usize = 256;

/// What a camera is, beside what MQTT says of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CameraFacts {
    /// The camera's name, from the configuration.
    pub name: String,
    /// Where its frames come from, as it may be shown.
    pub source: String,
    /// Frame width and height in px; 0 before the first frame.
    pub size: (u32, u32),
    /// Whether a model looks for things.
    pub detects: bool,
    /// Whether it recognises people.
    pub recognises: bool,
    /// Whether it inspects parts.
    pub inspects: bool,
}

/// What is told once, and rendered on the unit's thread.
#[derive(Clone, Debug)]
pub(super) enum News {
    Event(Event),
    Inspection(Arc<Inspection>),
    Attendance(Arc<Attendance>),
}

/// Everything that the handle's clones and the unit share.
pub(super) struct WebShared {
    pub(super) device: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) audit: Arc<Audit>,
    pub(super) started: Stamp,
    /// Whether there is a page at all.
    pub(super) enabled: AtomicBool,
    pub(super) news: ArrayQueue<News>,
    /// Wakes the unit's thread for news.
    pub(super) wake: Notify,
    pub(super) snapshot: ServiceSnapshot,
    pub(super) messages: broadcast::Sender<Arc<ListenerMessage>>,
    pub(super) totals: LiveTotals,
    /// What each figure of telemetry is, for `/metrics`.
    pub(super) described: OnceLock<BTreeMap<&'static str, Described>>,
    /// What people see of the cameras, as soon as somebody draws it.
    pub(super) views: OnceLock<Arc<dyn LiveViews>>,
    /// Live views at this moment.
    pub(super) viewers: AtomicUsize,
    /// Listeners to events at this moment.
    pub(super) listeners: AtomicUsize,
    /// Grows when the files of TLS are to be read again.
    pub(super) refreshed: AtomicU64,
}

impl WebShared {
    pub(super) fn broadcast(&self, message: ListenerMessage) {
        // Nobody listens most of the time; that is no fault.
        let _ = self.messages.send(Arc::new(message));
    }

    /// Renders what waits; called on the unit's thread.
    pub(super) fn tell_news(&self) {
        while let Some(news) = self.news.pop() {
            let now = self.clock.now();
            let message = match &news {
                News::Event(event) => {
                    let suffix = topic::event(&event.camera);
                    // An update says that an object is still there: many of them would push out all that happened.
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
    /// A sink for the box called `device`, which notes in `audit` who changes what. Nothing is served before
    /// [`super::run()`] runs.
    pub fn new(device: &str, clock: Arc<dyn Clock>, audit: Arc<Audit>) -> Web {
        let started = clock.now();
        let shared = WebShared {
            device: device.to_owned(),
            clock,
            audit,
            started,
            enabled: AtomicBool::new(false),
            news: ArrayQueue::new(WAITING),
            wake: Notify::new(),
            snapshot: ServiceSnapshot::default(),
            messages: broadcast::Sender::new(LAG),
            totals: LiveTotals::default(),
            described: OnceLock::new(),
            views: OnceLock::new(),
            viewers: AtomicUsize::new(0),
            listeners: AtomicUsize::new(0),
            refreshed: AtomicU64::new(0),
        };
        Web { shared: Arc::new(shared) }
    }

    /// Tells the state of `suffix`, as on MQTT: `status` and `camera/NAME/status`; others are passed on only.
    pub fn retain(&self, suffix: &str, body: &impl Payload) {
        let message = self.shared.snapshot.retain(suffix, self.shared.clock.now(), body);
        self.shared.broadcast(message);
    }

    /// Forgets the state of `suffix`.
    pub fn clear(&self, suffix: &str) {
        self.shared.snapshot.clear(suffix);
    }

    /// The alarms that are raised now; what has changed is told.
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

    /// The cameras there are, and what this box can do. To be told often: it is also the sign that the box lives.
    pub fn cameras(&self, cameras: Vec<CameraFacts>, features: Features) {
        self.shared.snapshot.cameras(self.shared.clock.now(), cameras, features);
    }

    /// How every component is; whether anything works, and whether everything that is essential is well: what
    /// `/healthz` answers by.
    pub fn health(&self, components: Vec<ComponentOut>, works: bool, essential_ok: bool) {
        self.shared.snapshot.health(components, (works, essential_ok));
    }

    /// How the units are.
    pub fn units(&self, units: Vec<UnitOut>) {
        self.shared.snapshot.units(units);
    }

    /// Certificates may have changed: the next connection gets the new ones.
    pub fn refresh(&self) {
        self.shared.refreshed.fetch_add(1, Ordering::Release);
    }

    /// What the figures of telemetry are; the first description stays.
    pub fn describe(&self, figures: impl Iterator<Item = &'static Described>) {
        let _ = self.shared.described.set(figures.map(|figure| (figure.key, *figure)).collect());
    }

    /// Where live pictures come from; the first one stays.
    pub fn show(&self, views: Arc<dyn LiveViews>) {
        let _ = self.shared.views.set(views);
    }

    /// Forgets everything that names `person`: the person has been erased.
    pub fn forget(&self, person: PersonId) {
        self.shared.snapshot.forget(person.0);
    }

    /// Whether there is a page: without one nothing waits for it.
    pub fn set_enabled(&self, enabled: bool) {
        self.shared.enabled.store(enabled, Ordering::Relaxed);
    }

    /// What became of everything that was offered and asked.
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

    /// Nothing of a single frame is shown but its picture, which comes another way.
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

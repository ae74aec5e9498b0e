//! The handle that the rest of the program holds: offers that never wait, and the retained topics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_queue::ArrayQueue;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::bell::WriterBell;
use super::counters::{LiveTotals, Totals};
use super::forget::ForgetRequest;
use super::link::{Cause, Link};
use super::message::AnswerOut;
use super::retained::{RaisedAlarm, RetainedTopics};
use super::rights::Rights;
use super::staging::ATTENDANCE;
use super::subscriptions::Subscriptions;
use super::writer::Exchange;
use crate::audit::Audit;
use crate::config;
use crate::contract::topic::{self, Topics};
use crate::contract::{Alarm, Payload};
use crate::pipeline::{Offer, Sink};
use crate::store::{Store, StoreError};
use crate::types::{Attendance, Clock, Event, Explanation, Frame, Inspection, RecordingNotice, Report};

/// Reports that wait for the connection's thread. A broker that is slower than this costs reports, which are
/// counted, but never frames.
const REPORTS: usize = 256;
/// Events that wait for the disk: with the disk away, half an hour of ten events a second.
const EVENTS: usize = 16_384;

/// Messages that are written to disk before they are sent.
#[derive(Clone, Debug)]
pub(super) enum DurableEvent {
    Event(Event),
    Inspection(Arc<Inspection>),
    Attendance(Arc<Attendance>),
    Recording(Arc<RecordingNotice>),
}

/// The state that the handle's clones, the writer and the connection share.
pub(super) struct MqttShared {
    pub(super) topics: Topics,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) reports: ArrayQueue<Arc<Report>>,
    pub(super) events: ArrayQueue<DurableEvent>,
    /// Entries of the outbox on disk, as the writer counted them last.
    pub(super) stored: AtomicU64,
    pub(super) retained: RetainedTopics,
    pub(super) answers: Mutex<Vec<AnswerOut>>,
    pub(super) exchange: Exchange,
    /// Topic filters of other parts of the service.
    pub(super) subscriptions: Subscriptions,
    /// People whom the writer has to erase.
    pub(super) forget: Mutex<Option<ForgetRequest>>,
    /// Wakes the connection's thread.
    pub(super) wake: Notify,
    /// Wakes the writer's thread.
    pub(super) bell: WriterBell,
    pub(super) up: AtomicBool,
    pub(super) overrun: AtomicBool,
    pub(super) link: Mutex<Link>,
    pub(super) totals: LiveTotals,
    /// Longer answers and pictures are not sent.
    pub(super) max_answer_bytes: usize,
    /// The commands that are allowed.
    pub(super) rights: Mutex<Rights>,
    /// Where refusals are counted, once it is set.
    pub(super) audit: OnceLock<Arc<Audit>>,
}

impl MqttShared {
    pub(super) fn answer(&self, answer: AnswerOut) {
        self.answers.lock().push(answer);
        self.wake.notify_one();
    }

    pub(super) fn set_link(&self, link: Link) {
        self.up.store(link == Link::Up, Ordering::Release);
        *self.link.lock() = link;
    }

    pub(super) fn alarm(&self, name: &str, why: &Explanation) {
        if self.retained.alarm(name, why, self.clock.now().wall_ns) {
            tracing::error!(alarm = name, "{why}");
            self.wake.notify_one();
        }
    }

    pub(super) fn clear_alarm(&self, name: &str) {
        if self.retained.clear_alarm(name) {
            tracing::info!(alarm = name, "over");
            self.wake.notify_one();
        }
    }
}

/// The MQTT sink. Clones are the same sink.
#[derive(Clone)]
pub struct Mqtt {
    pub(super) shared: Arc<MqttShared>,
}

impl Mqtt {
    /// A sink for `device` on the broker of `cfg`. Nothing is sent before [`super::run()`] runs.
    pub fn new(cfg: &config::MqttConfig, device: &config::Device, clock: Arc<dyn Clock>) -> Mqtt {
        let cause = super::link::cause(cfg, super::link::UNTRIED, "wait");
        let since = clock.now();
        let shared = MqttShared {
            topics: Topics::new(&cfg.prefix, &device.name),
            clock,
            reports: ArrayQueue::new(REPORTS),
            events: ArrayQueue::new(EVENTS),
            stored: AtomicU64::new(0),
            retained: RetainedTopics::default(),
            answers: Mutex::default(),
            exchange: Exchange::default(),
            subscriptions: Subscriptions::default(),
            forget: Mutex::default(),
            wake: Notify::new(),
            bell: WriterBell::default(),
            up: AtomicBool::new(false),
            overrun: AtomicBool::new(false),
            link: Mutex::new(Link::Down { cause, since }),
            totals: LiveTotals::default(),
            max_answer_bytes: cfg.max_answer_bytes,
            rights: Mutex::new(Rights::new(&cfg.commands)),
            audit: OnceLock::new(),
        };
        Mqtt { shared: Arc::new(shared) }
    }

    /// Counts refused requests in `audit`; only the first call has an effect.
    pub fn count_refusals_in(&self, audit: Arc<Audit>) {
        let _ = self.shared.audit.set(audit);
    }

    /// Sets the retained state of `suffix` (below `PREFIX/DEVICE/`, for example `status`). The newest wins;
    /// it is published again at every connect.
    pub fn retain(&self, suffix: &str, body: &impl Payload) {
        self.shared.retained.retain(suffix, self.shared.clock.now().wall_ns, body);
        self.shared.wake.notify_one();
    }

    /// Clears the retained state of `suffix`, for example of a camera that is no longer configured.
    pub fn clear(&self, suffix: &str) {
        self.shared.retained.clear(suffix);
        self.shared.wake.notify_one();
    }

    /// Raises the retained alarm `name`, or updates it.
    pub fn alarm(&self, name: &str, why: &Explanation) {
        self.shared.alarm(name, why);
    }

    /// Clears the alarm `name`.
    pub fn clear_alarm(&self, name: &str) {
        self.shared.clear_alarm(name);
    }

    /// Acknowledges the alarm `name` for `by`, if it is raised. The acknowledgement lasts until the alarm is
    /// cleared.
    pub fn acknowledge_alarm(&self, name: &str, by: &str) -> Option<Alarm> {
        let alarm = self.shared.retained.acknowledge(name, by, self.shared.clock.now().wall_ns)?;
        self.shared.wake.notify_one();
        Some(alarm)
    }

    /// The alarms that are raised.
    pub fn alarms(&self) -> Vec<RaisedAlarm> {
        self.shared.retained.alarms()
    }

    /// The alarms that are raised, as they are published.
    pub fn raised(&self) -> Vec<Alarm> {
        self.shared.retained.raised()
    }

    /// Publishes figures once, QoS 0.
    pub fn telemetry(&self, body: &impl Payload) {
        self.figures(topic::TELEMETRY, body);
    }

    /// Publishes figures on `suffix` once, QoS 0; the oldest are dropped where too many wait.
    pub fn figures(&self, suffix: &str, body: &impl Payload) {
        self.shared.retained.figures(suffix, self.shared.clock.now().wall_ns, body);
        self.shared.wake.notify_one();
    }

    /// Counts of everything that was offered, and what became of it.
    pub fn counters(&self) -> Totals {
        self.shared.totals.read()
    }

    /// Whether a broker has accepted the connection; if not, why, and since when.
    pub fn link(&self) -> Link {
        self.shared.link.lock().clone()
    }

    /// Why there is no connection, if there is none.
    pub fn link_fault(&self) -> Option<Cause> {
        match self.link() {
            Link::Up => None,
            Link::Down { cause, .. } => Some(cause),
        }
    }

    /// Events that wait for a broker, on disk and in memory.
    pub fn waiting_events(&self) -> u64 {
        self.shared.stored.load(Ordering::Relaxed) + self.shared.events.len() as u64
    }

    /// Reports and events that wait in memory.
    pub fn queued(&self) -> (usize, usize) {
        (self.shared.reports.len(), self.shared.events.len())
    }

    /// The topics of this device.
    pub fn topics(&self) -> &Topics {
        &self.shared.topics
    }
}

impl Sink for Mqtt {
    fn name(&self) -> &'static str {
        "mqtt"
    }

    /// Best effort, QoS 0: dropped, and counted, while offline or when the queue is full.
    fn offer_report(&self, report: &Arc<Report>) -> Offer {
        let shared = &self.shared;
        if !shared.up.load(Ordering::Acquire) {
            shared.totals.reports_dropped_offline.inc();
            return Offer::Dropped;
        }
        if shared.reports.push(report.clone()).is_err() {
            shared.totals.reports_dropped_full.inc();
            return Offer::Dropped;
        }
        shared.wake.notify_one();
        Offer::Taken
    }

    /// Kept until the broker has it. Refused only if 16,384 events already wait for the disk: then it is
    /// counted, and the alarm `events-lost` is raised.
    fn offer_event(&self, event: &Event) -> Offer {
        self.keep(DurableEvent::Event(event.clone()))
    }

    /// Like events, but dropped after them if the disk is full.
    fn offer_inspection(&self, inspection: &Arc<Inspection>, _: Option<&Frame>) -> Offer {
        self.keep(DurableEvent::Inspection(inspection.clone()))
    }

    /// Like inspections. An event that is already in the outbox (offered again after a crash) is not added
    /// twice, so offers must come in the order of their numbers. [`Mqtt::attendance_kept`] returns the last
    /// number.
    fn offer_attendance(&self, attendance: &Arc<Attendance>) -> Offer {
        self.keep(DurableEvent::Attendance(attendance.clone()))
    }
}

impl Mqtt {
    /// The highest number of an attendance event that is or was in the outbox of `store`.
    pub fn attendance_kept(store: &Store) -> Result<u64, StoreError> {
        store.marked(ATTENDANCE)
    }

    /// Announces something about recordings. Kept until the broker has it, like events.
    pub fn recording(&self, notice: RecordingNotice) {
        self.keep(DurableEvent::Recording(Arc::new(notice)));
    }

    fn keep(&self, kept: DurableEvent) -> Offer {
        let shared = &self.shared;
        if shared.events.push(kept).is_err() {
            shared.totals.events_dropped_full.inc();
            if !shared.overrun.swap(true, Ordering::Relaxed) {
                let cause = "events are lost because the disk under device.state_dir does not take them";
                shared.alarm("events-lost", &Explanation::new(cause, "see the alarm outbox"));
            }
            return Offer::Dropped;
        }
        shared.totals.events_taken.inc();
        shared.bell.ring();
        Offer::Taken
    }
}

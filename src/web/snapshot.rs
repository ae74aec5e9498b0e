//! The current state (status, cameras, alarms, units) and the recent past (events, inspections, figures). Any
//! thread writes it, requests read it; no call waits for the network.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;
use serde_json::{Value, json};

use super::handle::CameraFacts;
use crate::contract::rest::{AlarmOut, ComponentOut, Features, UnitOut};
use crate::contract::{
    self, Alarm, CameraStatus, IntakeList, Payload, RetainedState, Status, Telemetry, topic,
};
use crate::types::{Stamp, rfc3339};

/// Events, inspections and attendance that are remembered.
const RECENT: usize = 256;
/// Inspections that are remembered, and their pictures.
pub(super) const INSPECTIONS: usize = 256;
const PICTURES: usize = 64;
/// How long figures are remembered, and how many at most.
const HISTORY_NS: u64 = 600_000_000_000;
const FIGURES: usize = 600;
/// Figures closer together than this are not all remembered.
const APART_NS: u64 = 900_000_000;

/// A message for listeners.
#[derive(Debug)]
pub(super) struct ListenerMessage {
    /// The event's name in SSE.
    pub(super) kind: &'static str,
    /// One line of JSON.
    pub(super) data: Bytes,
    /// Counts the messages since the process began; given when it is sent.
    pub(super) id: u64,
}

impl ListenerMessage {
    pub(super) fn new(kind: &'static str, data: Bytes) -> ListenerMessage {
        ListenerMessage { kind, data, id: 0 }
    }
}

/// A blocking mutex, because it is never held across an await.
#[derive(Debug, Default)]
pub(super) struct ServiceSnapshot(Mutex<SnapshotState>);

/// The state of the service as it was published.
#[derive(Clone, Debug)]
pub(super) struct PublishedStatus {
    /// Counts the changes of the state.
    pub(super) seq: u64,
    /// When it was reported, RFC 3339, UTC.
    pub(super) time: String,
    pub(super) body: Status,
}

/// The person that a message is about, if it is about one.
#[derive(Deserialize)]
struct AboutPerson {
    #[serde(default)]
    person: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct SnapshotState {
    seqs: BTreeMap<String, u64>,
    /// The last state of the service; absent until it has reported one.
    pub(super) status: Option<PublishedStatus>,
    /// The last state of each camera, by its name.
    pub(super) camera_states: BTreeMap<String, CameraStatus>,
    pub(super) alarms: Vec<AlarmOut>,
    pub(super) units: Vec<UnitOut>,
    pub(super) components: Vec<ComponentOut>,
    /// Whether something works, and whether everything essential is well.
    pub(super) serves: (bool, bool),
    pub(super) cameras: Vec<CameraFacts>,
    /// The sources and channels of telemetry.
    pub(super) intake: IntakeList,
    pub(super) features: Features,
    /// When the state of the cameras was last reported, monotonic ns.
    pub(super) reported_ns: u64,
    /// The last events and reports, newest last.
    recent: VecDeque<Bytes>,
    pictures: VecDeque<(u64, Bytes)>,
    inspections: VecDeque<(u64, Bytes)>,
    figures: VecDeque<(u64, Bytes)>,
    pub(super) telemetry: Option<Telemetry>,
}

impl SnapshotState {
    /// The payload in its envelope, with a number that counts this topic's messages here.
    fn render<T: Payload>(&mut self, suffix: &str, wall_ns: u64, body: &T) -> Bytes {
        let seq = self.seqs.entry(suffix.to_owned()).or_insert(0);
        *seq += 1;
        let mut out = Vec::with_capacity(512);
        contract::write(*seq, wall_ns, body, &mut out);
        out.into()
    }
}

/// `payload` with its topic as the first field.
fn with_topic(suffix: &str, payload: &[u8]) -> Bytes {
    let head = format!("{{\"topic\":{},", Value::from(suffix));
    let mut out = Vec::with_capacity(head.len() + payload.len());
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(payload.strip_prefix(b"{").unwrap_or(payload));
    out.into()
}

fn keep<T>(memory: &mut VecDeque<T>, item: T, most: usize) {
    if memory.len() == most {
        memory.pop_front();
    }
    memory.push_back(item);
}

/// The SSE event name of a retained topic.
fn kind_of(suffix: &str) -> &'static str {
    match suffix {
        topic::STATUS => "status",
        other if other.starts_with("command/") => "command",
        _ => "camera",
    }
}

impl ServiceSnapshot {
    pub(super) fn lock(&self) -> MutexGuard<'_, SnapshotState> {
        self.0.lock()
    }

    pub(super) fn retain<T: Payload>(&self, suffix: &str, now: Stamp, body: &T) -> ListenerMessage {
        let mut inner = self.lock();
        let payload = inner.render(suffix, now.wall_ns, body);
        match body.retained() {
            Some(RetainedState::Service(body)) => {
                let seq = inner.seqs.get(suffix).copied().unwrap_or_default();
                inner.status = Some(PublishedStatus { seq, time: rfc3339(now.wall_ns), body });
            }
            Some(RetainedState::Camera(body)) => drop(inner.camera_states.insert(body.camera.clone(), body)),
            None => {}
        }
        ListenerMessage::new(kind_of(suffix), with_topic(suffix, &payload))
    }

    pub(super) fn clear(&self, suffix: &str) {
        let mut inner = self.lock();
        inner.camera_states.retain(|camera, _| topic::camera_status(camera) != suffix);
        if suffix == topic::STATUS {
            inner.status = None;
        }
    }

    /// An event that is sent once; `remembered` keeps it for later readers.
    pub(super) fn event<T: Payload>(
        &self,
        kind: &'static str,
        suffix: &str,
        (wall_ns, remembered): (u64, bool),
        body: &T,
    ) -> ListenerMessage {
        let mut inner = self.lock();
        let payload = inner.render(suffix, wall_ns, body);
        let data = with_topic(suffix, &payload);
        if remembered {
            keep(&mut inner.recent, data.clone(), RECENT);
        }
        ListenerMessage::new(kind, data)
    }

    /// Stores and returns the record of an acquisition.
    pub(super) fn inspection<T: Payload>(
        &self,
        suffix: &str,
        wall_ns: u64,
        id: u64,
        body: &T,
    ) -> ListenerMessage {
        let mut inner = self.lock();
        let payload = inner.render(suffix, wall_ns, body);
        let data = with_topic(suffix, &payload);
        keep(&mut inner.recent, data.clone(), RECENT);
        keep(&mut inner.inspections, (id, payload), INSPECTIONS);
        ListenerMessage::new("inspection", data)
    }

    pub(super) fn alarms(&self, wall_ns: u64, alarms: Vec<AlarmOut>) -> Vec<ListenerMessage> {
        let mut inner = self.lock();
        let mut messages = Vec::new();
        for alarm in alarms.iter().filter(|alarm| !inner.alarms.contains(alarm)).cloned().collect::<Vec<_>>()
        {
            let suffix = topic::alarm(&alarm.name);
            let payload = inner.render(&suffix, wall_ns, &Alarm::from(alarm));
            messages.push(ListenerMessage::new("alarm", with_topic(&suffix, &payload)));
        }
        for over in inner.alarms.iter().filter(|known| !alarms.iter().any(|alarm| alarm.name == known.name)) {
            let response = json!({ "topic": topic::alarm(&over.name), "over": true });
            messages.push(ListenerMessage::new("alarm", response.to_string().into()));
        }
        inner.alarms = alarms;
        messages
    }

    pub(super) fn telemetry(&self, now: Stamp, body: &Telemetry) -> ListenerMessage {
        let mut inner = self.lock();
        let payload = inner.render(topic::TELEMETRY, now.wall_ns, body);
        let data = with_topic(topic::TELEMETRY, &payload);
        let figures = &mut inner.figures;
        while figures.front().is_some_and(|(then, _)| now.mono_ns.saturating_sub(*then) > HISTORY_NS) {
            figures.pop_front();
        }
        if figures.back().is_none_or(|(then, _)| now.mono_ns.saturating_sub(*then) >= APART_NS) {
            keep(figures, (now.mono_ns, payload), FIGURES);
        }
        inner.telemetry = Some(body.clone());
        ListenerMessage::new("telemetry", data)
    }

    pub(super) fn cameras(&self, now: Stamp, cameras: Vec<CameraFacts>, features: Features) {
        let mut inner = self.lock();
        inner.cameras = cameras;
        inner.features = features;
        inner.reported_ns = now.mono_ns;
    }

    pub(super) fn health(&self, components: Vec<ComponentOut>, serves: (bool, bool)) {
        let mut inner = self.lock();
        (inner.components, inner.serves) = (components, serves);
    }

    pub(super) fn units(&self, units: Vec<UnitOut>) {
        self.lock().units = units;
    }

    /// The last events, newest first.
    pub(super) fn recent(&self, limit: usize) -> Vec<Bytes> {
        self.lock().recent.iter().rev().take(limit).cloned().collect()
    }

    /// The last inspections, newest first: number, payload, and whether there is a picture.
    pub(super) fn inspections(&self, limit: usize) -> Vec<(u64, Bytes, bool)> {
        let inner = self.lock();
        let last = inner.inspections.iter().rev().take(limit);
        let drawn = |id: u64| inner.pictures.iter().any(|(known, _)| *known == id);
        last.map(|(id, payload)| (*id, payload.clone(), drawn(*id))).collect()
    }

    /// Stores the picture of an inspected part.
    pub(super) fn keep_picture(&self, id: u64, jpeg: Bytes) {
        keep(&mut self.lock().pictures, (id, jpeg), PICTURES);
    }

    /// The picture of an inspected part, if it is still stored.
    pub(super) fn picture(&self, id: u64) -> Option<Bytes> {
        self.lock().pictures.iter().find(|(known, _)| *known == id).map(|(_, jpeg)| jpeg.clone())
    }

    /// Removes all messages about `person`.
    pub(super) fn forget(&self, person: u64) {
        self.lock().recent.retain(|messages| {
            let about = serde_json::from_slice::<AboutPerson>(messages);
            about.is_ok_and(|about| about.person != Some(person))
        });
    }

    /// The figures that are stored, oldest first.
    pub(super) fn figures(&self) -> Vec<Bytes> {
        self.lock().figures.iter().map(|(_, payload)| payload.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{CameraState, Service};

    fn alarm(cause: &str) -> AlarmOut {
        AlarmOut {
            name: "disk".into(),
            cause: cause.into(),
            since: "1970-01-01T00:00:00.000000Z".into(),
            acknowledged_by: None,
            acknowledged_at: None,
        }
    }

    fn read(message: &ListenerMessage) -> Value {
        serde_json::from_slice(&message.data).unwrap()
    }

    #[test]
    fn an_alarm_is_reported_when_it_comes_when_it_changes_and_when_it_is_over() {
        let snapshot = ServiceSnapshot::default();
        let first = snapshot.alarms(0, vec![alarm("full")]);
        assert_eq!((first.len(), &read(&first[0])["topic"]), (1, &"alarm/disk".into()));
        assert!(snapshot.alarms(0, vec![alarm("full")]).is_empty());
        assert_eq!(read(&snapshot.alarms(0, vec![alarm("read-only")])[0])["cause"], "read-only");
        assert_eq!(read(&snapshot.alarms(0, Vec::new())[0]), json!({ "topic": "alarm/disk", "over": true }));
    }

    #[test]
    fn states_are_kept_as_they_were_published_until_they_are_cleared() {
        let snapshot = ServiceSnapshot::default();
        let status = Status {
            state: Service::Degraded,
            reasons: vec!["camera front offline".into()],
            version: "1".into(),
            config_hash: "ab".into(),
            uptime_s: 3,
        };
        let camera = CameraStatus {
            camera: "front".into(),
            state: CameraState::Frozen,
            cause: Some("no new frame".into()),
            fps: 1.5,
            frames: 7,
            drops: 1,
            experiment: None,
        };
        let now = Stamp { mono_ns: 0, wall_ns: 0 };
        snapshot.retain(topic::STATUS, now, &status);
        snapshot.retain(topic::STATUS, now, &status);
        snapshot.retain(&topic::camera_status("front"), now, &camera);
        let kept = snapshot.lock().status.clone().unwrap();
        assert_eq!((kept.seq, kept.time.as_str(), &kept.body), (2, "1970-01-01T00:00:00.000000Z", &status));
        assert_eq!(snapshot.lock().camera_states.get("front"), Some(&camera));
        snapshot.clear(&topic::camera_status("front"));
        snapshot.clear(topic::STATUS);
        let inner = snapshot.lock();
        assert!(inner.camera_states.is_empty() && inner.status.is_none());
    }

    #[test]
    fn figures_are_remembered_for_ten_minutes_and_a_second_apart() {
        let snapshot = ServiceSnapshot::default();
        for tenth in 0..20_000u64 {
            let now = Stamp { mono_ns: tenth * 100_000_000, wall_ns: 0 };
            snapshot.telemetry(now, &Telemetry::default());
        }
        let figures = snapshot.figures();
        assert!((560..=FIGURES).contains(&figures.len()), "{}", figures.len());
    }
}

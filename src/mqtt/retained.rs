//! Retained topics (the newest state wins), alarms, and telemetry. Any thread writes them, the connection
//! reads them; no call waits for the network.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};

#[cfg(test)]
use crate::contract::CameraStatus;
use crate::contract::topic;
use crate::contract::{self, Alarm, CameraState, Payload};
use crate::types::{Explanation, rfc3339};

/// Why a camera is offline when the service has stopped.
const STOPPED: &str = "the service has stopped";

/// Telemetry kept for a slow broker; older figures are dropped.
const MAX_FIGURES: usize = 16;

/// The wanted content of one retained topic; an empty payload clears it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Note {
    pub(super) suffix: String,
    pub(super) payload: Bytes,
    pub(super) version: u64,
}

/// A blocking mutex, because it is never held across an await.
#[derive(Debug, Default)]
pub(super) struct RetainedTopics(Mutex<RetainedInner>);

#[derive(Debug, Default)]
struct RetainedInner {
    version: u64,
    notes: BTreeMap<String, (Bytes, u64)>,
    seqs: BTreeMap<String, u64>,
    figures: VecDeque<(String, Bytes)>,
    alarms: BTreeMap<String, Raised>,
}

/// An alarm that is raised, for the program itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaisedAlarm {
    /// The name of the alarm.
    pub name: String,
    /// Why it is raised, and what to do.
    pub why: Explanation,
    /// Since when, in nanoseconds since 1970 UTC.
    pub since_ns: u64,
}

/// What is stored about an alarm that is raised.
#[derive(Clone, Debug)]
struct Raised {
    why: Explanation,
    since_ns: u64,
    /// The person who acknowledged it, and when.
    acknowledged: Option<(String, u64)>,
}

impl Raised {
    fn out(&self, name: &str) -> Alarm {
        let (by, at) = self.acknowledged.clone().unzip();
        Alarm {
            name: name.into(),
            cause: self.why.to_string(),
            since: rfc3339(self.since_ns),
            acknowledged_by: by,
            acknowledged_at: at.map(rfc3339),
        }
    }
}

impl RetainedInner {
    fn render<T: Payload>(&mut self, suffix: &str, wall_ns: u64, body: &T) -> Bytes {
        let seq = self.seqs.entry(suffix.into()).or_insert(0);
        *seq += 1;
        let mut out = Vec::with_capacity(256);
        contract::write(*seq, wall_ns, body, &mut out);
        out.into()
    }

    /// Queues the current state of the alarm `name` for publication.
    fn put_alarm(&mut self, name: &str, wall_ns: u64) -> Option<Alarm> {
        let body = self.alarms.get(name)?.out(name);
        let suffix = topic::alarm(name);
        let payload = self.render(&suffix, wall_ns, &body);
        self.put(&suffix, payload);
        Some(body)
    }

    fn put(&mut self, suffix: &str, payload: Bytes) {
        self.version += 1;
        self.notes.insert(suffix.into(), (payload, self.version));
    }
}

impl RetainedTopics {
    /// Sets the retained state of `suffix`.
    pub(super) fn retain<T: Payload>(&self, suffix: &str, wall_ns: u64, body: &T) {
        let mut inner = self.0.lock();
        let payload = inner.render(suffix, wall_ns, body);
        inner.put(suffix, payload);
    }

    /// Renders a state for this connection only; the stored state does not change.
    pub(super) fn passing<T: Payload>(&self, suffix: &str, wall_ns: u64, body: &T) -> Note {
        let mut inner = self.0.lock();
        let payload = inner.render(suffix, wall_ns, body);
        Note { suffix: suffix.into(), payload, version: inner.version }
    }

    /// Clears the retained state of `suffix`.
    pub(super) fn clear(&self, suffix: &str) {
        self.0.lock().put(suffix, Bytes::new());
    }

    /// Raises an alarm. Returns false, and changes nothing, if it is raised with the same cause already.
    pub(super) fn alarm(&self, name: &str, why: &Explanation, wall_ns: u64) -> bool {
        let mut inner = self.0.lock();
        match inner.alarms.get_mut(name) {
            Some(known) if known.why == *why => return false,
            // The same fault with another cause keeps its beginning and its acknowledgement.
            Some(known) => known.why = why.clone(),
            None => {
                let raised = Raised { why: why.clone(), since_ns: wall_ns, acknowledged: None };
                inner.alarms.insert(name.into(), raised);
            }
        }
        inner.put_alarm(name, wall_ns);
        true
    }

    /// Acknowledges the alarm `name` for `by`; `None` if it is not raised.
    pub(super) fn acknowledge(&self, name: &str, by: &str, wall_ns: u64) -> Option<Alarm> {
        let mut inner = self.0.lock();
        inner.alarms.get_mut(name)?.acknowledged = Some((by.into(), wall_ns));
        inner.put_alarm(name, wall_ns)
    }

    /// Clears an alarm; true if it was raised.
    pub(super) fn clear_alarm(&self, name: &str) -> bool {
        let mut inner = self.0.lock();
        let was = inner.alarms.remove(name).is_some();
        if was {
            inner.put(&topic::alarm(name), Bytes::new());
        }
        was
    }

    /// The alarms that are raised.
    pub(super) fn alarms(&self) -> Vec<RaisedAlarm> {
        let inner = self.0.lock();
        let alarms = inner.alarms.iter().map(|(name, raised)| RaisedAlarm {
            name: name.clone(),
            why: raised.why.clone(),
            since_ns: raised.since_ns,
        });
        alarms.collect()
    }

    /// The alarms that are raised, as they are published.
    pub(super) fn raised(&self) -> Vec<Alarm> {
        let inner = self.0.lock();
        inner.alarms.iter().map(|(name, raised)| raised.out(name)).collect()
    }

    /// Whether this process publishes `suffix`.
    pub(super) fn knows(&self, suffix: &str) -> bool {
        self.0.lock().notes.contains_key(suffix)
    }

    /// Queues figures for QoS 0.
    pub(super) fn figures<T: Payload>(&self, suffix: &str, wall_ns: u64, body: &T) {
        let mut inner = self.0.lock();
        let payload = inner.render(suffix, wall_ns, body);
        if inner.figures.len() == MAX_FIGURES {
            inner.figures.pop_front();
        }
        inner.figures.push_back((suffix.into(), payload));
    }

    /// Takes the oldest of the queued figures.
    pub(super) fn take_figures(&self) -> Option<(String, Bytes)> {
        self.0.lock().figures.pop_front()
    }

    /// The retained topics of a stopped service: no alarm is raised, no camera is online, no trigger is
    /// accepted. The stored states do not change, because the unit may be built again.
    pub(super) fn parting(&self, wall_ns: u64) -> Vec<Note> {
        let inner = self.0.lock();
        let parting = inner.notes.iter().filter_map(|(suffix, (payload, version))| {
            let payload = parting_words(suffix, payload, wall_ns)?;
            Some(Note { suffix: suffix.clone(), payload, version: *version })
        });
        parting.collect()
    }

    /// The topics that changed after `seen`, and the newest version.
    pub(super) fn since(&self, seen: u64) -> (Vec<Note>, u64) {
        let inner = self.0.lock();
        if inner.version == seen {
            return (Vec::new(), seen);
        }
        let newer = inner.notes.iter().filter(|(_, (_, version))| *version > seen);
        let note = |(suffix, (payload, version)): (&String, &(Bytes, u64))| Note {
            suffix: suffix.clone(),
            payload: payload.clone(),
            version: *version,
        };
        (newer.map(note).collect(), inner.version)
    }
}

fn parting_words(suffix: &str, payload: &Bytes, wall_ns: u64) -> Option<Bytes> {
    if payload.is_empty() {
        return None;
    }
    if suffix.starts_with("alarm/") {
        return Some(Bytes::new());
    }
    let changes = match suffix.strip_prefix("camera/")?.rsplit('/').next()? {
        "status" => json!({"state": CameraState::Offline, "cause": STOPPED, "fps": 0.0}),
        "trigger" => json!({"ready": false, "fault": STOPPED, "in_flight": 0}),
        _ => return None,
    };
    let mut said: serde_json::Map<String, Value> = serde_json::from_slice(payload).ok()?;
    let seq = said.get("seq").and_then(Value::as_u64).unwrap_or(0);
    said.insert("seq".into(), (seq + 1).into());
    said.insert("time".into(), rfc3339(wall_ns).into());
    said.extend(changes.as_object()?.clone());
    Some(serde_json::to_vec(&said).ok()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(cause: &str) -> Explanation {
        Explanation::new(cause, "")
    }

    #[test]
    fn when_the_box_stops_no_alarm_stands_and_no_camera_is_there() {
        let retained = RetainedTopics::default();
        let camera = CameraStatus {
            camera: "a/b".into(),
            state: CameraState::Online,
            cause: None,
            fps: 25.0,
            frames: 7,
            drops: 1,
            experiment: None,
        };
        retained.retain("camera/a/status", 0, &camera);
        retained.alarm("hot", &why("90 °C"), 0);
        let parting = retained.parting(1_000_000_000);
        let words: Vec<&str> = parting.iter().map(|note| note.suffix.as_str()).collect();
        assert_eq!(words, ["alarm/hot", "camera/a/status"]);
        assert!(parting[0].payload.is_empty());
        let said: Value = serde_json::from_slice(&parting[1].payload).unwrap();
        assert_eq!((&said["state"], &said["cause"]), (&json!("offline"), &json!(STOPPED)));
        assert_eq!((&said["frames"], &said["seq"], &said["fps"]), (&json!(7), &json!(2), &json!(0.0)));
        assert_eq!(
            (&said["schema"], &said["time"]),
            (&json!("ocellus.camera/1"), &json!("1970-01-01T00:00:01.000000Z"))
        );
        assert_eq!(retained.alarms().len(), 1, "a unit that is built again says what stands");
    }

    #[test]
    fn an_alarm_keeps_its_beginning_while_its_cause_changes() {
        let retained = RetainedTopics::default();
        assert!(retained.alarm("disk", &why("full"), 1_000_000_000));
        assert!(!retained.alarm("disk", &why("full"), 2_000_000_000));
        assert!(retained.alarm("disk", &why("read-only"), 3_000_000_000));
        let (notes, _) = retained.since(0);
        let said: serde_json::Value = serde_json::from_slice(&notes[0].payload).unwrap();
        assert_eq!(said["since"], "1970-01-01T00:00:01.000000Z");
        assert_eq!((&said["cause"], &said["seq"]), (&"read-only".into(), &2.into()));
        assert!(retained.clear_alarm("disk") && !retained.clear_alarm("disk"));
        assert!(retained.since(0).0[0].payload.is_empty());
    }

    #[test]
    fn an_acknowledgement_lasts_as_long_as_the_alarm_and_no_longer() {
        let retained = RetainedTopics::default();
        assert_eq!(retained.acknowledge("disk", "anna", 1), None);
        retained.alarm("disk", &why("full"), 1_000_000_000);
        let outcome = retained.acknowledge("disk", "anna", 2_000_000_000).unwrap();
        assert_eq!(outcome.acknowledged_by.as_deref(), Some("anna"));
        retained.alarm("disk", &why("read-only"), 3_000_000_000);
        let (notes, _) = retained.since(0);
        let said: serde_json::Value = serde_json::from_slice(&notes[0].payload).unwrap();
        assert_eq!((&said["cause"], &said["acknowledged_by"]), (&"read-only".into(), &"anna".into()));
        assert_eq!(said["acknowledged_at"], "1970-01-01T00:00:02.000000Z");
        retained.clear_alarm("disk");
        retained.alarm("disk", &why("full"), 4_000_000_000);
        let said: serde_json::Value = serde_json::from_slice(&retained.since(0).0[0].payload).unwrap();
        assert!(said.get("acknowledged_by").is_none(), "a new alarm wants a new acknowledgement: {said}");
    }
}

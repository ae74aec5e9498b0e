//! How messages are put into the outbox, and where they go if the broker does not take them.

use std::sync::Arc;

use super::handle::{DurableEvent, MqttShared};
use super::message::Aside;
use crate::contract::topic;
use crate::contract::{self, AttendanceOut, EventOut, InspectionOut, RecordingOut};
use crate::store::{Class, Letter, Outbox, StoreError};
use crate::types::{Explanation, rfc3339};

/// The mark for how far attendance events are in the outbox.
pub(super) const ATTENDANCE: &str = "attendance";
/// The alarm while the broker does not take messages.
pub(super) const REFUSED: &str = "mqtt-refused";

/// Moves a message that the broker does not take to the list, and raises an alarm.
pub(super) fn set_aside(outbox: &mut Outbox, aside: &Aside, shared: &MqttShared) -> Result<(), StoreError> {
    if !aside.news {
        shared.totals.refused_dropped.inc();
        return Ok(());
    }
    let Aside { key, topic, bytes, reason, .. } = aside;
    tracing::warn!(topic, "set aside: {reason}");
    let letter = Letter {
        topic: topic.clone(),
        seq: None,
        bytes: *bytes as u64,
        reason: reason.clone(),
        time: rfc3339(shared.clock.now().wall_ns),
    };
    let dropped = outbox.set_aside(*key, letter)?;
    shared.totals.set_aside.inc();
    shared.totals.letters_dropped.add(dropped);
    if key.is_some() {
        // The next fetch returns the gap.
        shared.exchange.with_from_writer(|state| state.more = true);
        shared.wake.notify_one();
    }
    // The alarm itself cannot be reported over MQTT.
    if *topic != topic::alarm(REFUSED) {
        let cause = format!("the broker does not take every message: {topic}: {reason}");
        let remedy = "ocellus status lists what was set aside; raise the broker's limit (max_packet_size, \
                      message_size_limit) or allow the topic, then restart mqtt";
        shared.alarm(REFUSED, &Explanation::new(cause, remedy));
    }
    Ok(())
}

pub(super) fn stage(outbox: &mut Outbox, kept: &DurableEvent, shared: &MqttShared) -> Result<(), StoreError> {
    match kept {
        DurableEvent::Event(event) => {
            let stream: Arc<str> = topic::event(&event.camera).into();
            let now = shared.clock.now();
            outbox.stage(Class::Event, &stream, |seq, out| {
                contract::write(seq, event.captured.wall_ns, &EventOut::new(event, now), out);
            });
        }
        DurableEvent::Inspection(inspection) => {
            let stream: Arc<str> = topic::inspection(&inspection.camera).into();
            outbox.stage(Class::Result, &stream, |seq, out| {
                let wall_ns = inspection.trigger.at.wall_ns;
                contract::write(seq, wall_ns, &InspectionOut::from(&**inspection), out);
            });
        }
        DurableEvent::Recording(notice) => {
            let stream: Arc<str> = topic::recording(&notice.camera).into();
            outbox.stage(Class::Event, &stream, |seq, out| {
                contract::write(seq, notice.wall_ns, &RecordingOut::from(&**notice), out);
            });
        }
        DurableEvent::Attendance(event) => {
            if event.id <= outbox.marked(ATTENDANCE)? {
                // Offered again after a crash or a full queue; it is already in the outbox.
                shared.totals.events_known.inc();
                return Ok(());
            }
            let stream: Arc<str> = topic::attendance(&event.camera).into();
            outbox.stage(Class::Result, &stream, |seq, out| {
                contract::write(seq, event.wall_ns, &AttendanceOut::from(&**event), out);
            });
            outbox.mark(ATTENDANCE, event.id);
        }
    }
    Ok(())
}

/// The alarm while the store does not take events.
pub(super) fn waiting(error: &StoreError) -> Explanation {
    error.explanation().within("events wait in memory")
}

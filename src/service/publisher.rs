//! What the box says of itself goes to the plant and to the page alike.

use crate::contract::rest::AlarmOut;
use crate::contract::{Payload, Telemetry};
use crate::mqtt::Mqtt;
use crate::web::Web;

/// Says the same over MQTT and on the page. Clones are the same voice.
#[derive(Clone)]
pub(super) struct StatusPublisher {
    mqtt: Mqtt,
    web: Web,
}

impl StatusPublisher {
    pub(super) fn new(mqtt: &Mqtt, web: &Web) -> StatusPublisher {
        StatusPublisher { mqtt: mqtt.clone(), web: web.clone() }
    }

    /// Sets the retained state of `suffix`.
    pub(super) fn retain(&self, suffix: &str, body: &impl Payload) {
        self.mqtt.retain(suffix, body);
        self.web.retain(suffix, body);
    }

    /// Clears the retained state of `suffix`.
    pub(super) fn clear(&self, suffix: &str) {
        self.mqtt.clear(suffix);
        self.web.clear(suffix);
    }

    /// Raises (or rewords) an alarm.
    pub(super) fn alarm(&self, name: &str, cause: &str) {
        self.mqtt.alarm(name, cause);
        self.tell_alarms();
    }

    /// Why the alarm is raised, if it is.
    pub(super) fn cause(&self, name: &str) -> Option<String> {
        self.mqtt.alarms().into_iter().find(|(known, _)| known == name).map(|(_, cause)| cause)
    }

    /// Clears the alarm `name` and publishes the list.
    pub(super) fn clear_alarm(&self, name: &str) {
        self.mqtt.clear_alarm(name);
        self.tell_alarms();
    }

    /// An alarm that stands while there is a cause.
    pub(super) fn alarm_while(&self, name: &str, cause: Option<&str>) {
        match cause {
            Some(cause) => self.alarm(name, cause),
            None => self.clear_alarm(name),
        }
    }

    /// Shows the page the alarms that stand on the broker's board; some are raised by the broker's side itself.
    pub(super) fn tell_alarms(&self) {
        let raised = self.mqtt.raised().into_iter();
        self.web.alarms(raised.map(AlarmOut::from).collect());
    }

    /// Publishes the service's figures to MQTT and the web.
    pub(super) fn telemetry(&self, body: &Telemetry) {
        self.mqtt.telemetry(body);
        self.web.telemetry(body);
    }
}

//! Publishes the service's own state over MQTT and to the page.

use crate::contract::rest::AlarmOut;
use crate::contract::{Payload, Telemetry};
use crate::mqtt::Mqtt;
use crate::types::Alarms;
use crate::web::Web;

/// Publishes each state to MQTT and to the page. Clones share both.
#[derive(Clone)]
pub(super) struct StatusPublisher {
    pub(super) mqtt: Mqtt,
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

    /// Raises an alarm, or updates its cause.
    pub(super) fn alarm(&self, name: &str, cause: &str) {
        self.mqtt.alarm(name, cause);
        self.tell_alarms();
    }

    /// The cause of the alarm, if it is raised.
    pub(super) fn cause(&self, name: &str) -> Option<String> {
        self.mqtt.alarms().into_iter().find(|(known, _)| known == name).map(|(_, cause)| cause)
    }

    /// Clears the alarm `name` and publishes the list.
    pub(super) fn clear_alarm(&self, name: &str) {
        self.mqtt.clear_alarm(name);
        self.tell_alarms();
    }

    /// Raises the alarm while there is a cause, and clears it otherwise.
    pub(super) fn alarm_while(&self, name: &str, cause: Option<&str>) {
        match cause {
            Some(cause) => self.alarm(name, cause),
            None => self.clear_alarm(name),
        }
    }

    /// Sends the page all raised alarms, including those that the MQTT side raises itself.
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

impl Alarms for StatusPublisher {
    fn raise(&self, name: &str, cause: &str) {
        self.alarm(name, cause);
    }

    fn clear(&self, name: &str) {
        self.clear_alarm(name);
    }
}

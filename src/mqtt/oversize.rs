//! Received messages that exceed the limit: they are skipped, and an alarm names them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::handle::MqttShared;
use super::packet::{MAX_PACKET_BYTES, Publish};
use crate::types::Explanation;

/// Name of the alarm that is raised.
const NAME: &str = "mqtt-oversize";
/// Topics that are remembered at most; the alarm names only these.
const MOST: usize = 8;
/// How long the alarm names a message that is not retained.
const PASSING: Duration = Duration::from_secs(60);

/// The topics of such messages: the length, and until when the alarm names a message that is not retained.
#[derive(Debug, Default)]
pub(super) struct Oversize(BTreeMap<String, (usize, Option<u64>)>);

impl Oversize {
    /// Checks a message that arrived.
    pub(super) fn look(&mut self, message: &Publish, shared: &MqttShared) {
        if message.is_whole() {
            // The topic was cleared, or holds another message now.
            if self.0.remove(&message.topic).is_some() {
                self.report(shared);
            }
            return;
        }
        shared.totals.oversize_received.inc();
        let until = (!message.retained).then(|| shared.clock.now().plus(PASSING).mono_ns);
        if self.0.len() < MOST || self.0.contains_key(&message.topic) {
            self.0.insert(message.topic.clone(), (message.bytes, until));
            self.report(shared);
        }
    }

    /// Removes messages whose time is over.
    pub(super) fn tidy(&mut self, shared: &MqttShared) {
        let now = shared.clock.now().mono_ns;
        let before = self.0.len();
        self.0.retain(|_, (_, until)| until.is_none_or(|until| until > now));
        if self.0.len() < before {
            self.report(shared);
        }
    }

    /// A new connection delivers the retained messages again.
    pub(super) fn begin_again(&mut self, shared: &MqttShared) {
        self.0.retain(|_, (_, until)| until.is_some());
        self.report(shared);
    }

    fn report(&self, shared: &MqttShared) {
        let Some((topic, _)) = self.0.first_key_value() else { return shared.clear_alarm(NAME) };
        let named: Vec<String> =
            self.0.iter().map(|(topic, (bytes, _))| format!("{topic} ({bytes} bytes)")).collect();
        let cause = format!(
            "messages longer than the limit of {MAX_PACKET_BYTES} bytes arrived and were skipped: {}",
            named.join(", ")
        );
        let remedy =
            format!("find the sender, and remove a retained one with: mosquitto_pub -r -n -t '{topic}'");
        shared.alarm(NAME, &Explanation::new(cause, remedy));
    }
}

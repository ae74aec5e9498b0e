//! The command `alarm`: lists the alarms that are raised, and acknowledges one.

use super::publisher::StatusPublisher;
use crate::commands::CommandAnswer;
use crate::commands::service::{AlarmRequest, AlarmsOut};
use crate::types::{Origin, Refusal};

/// Longest name of a person who acknowledges, in characters.
const LONGEST_NAME: usize = 64;

impl StatusPublisher {
    /// Lists the alarms, or acknowledges one for a request from `origin`.
    pub(super) fn alarm_command(
        &self,
        origin: Origin,
        asked: &AlarmRequest,
    ) -> Result<CommandAnswer, Refusal> {
        let Some(name) = &asked.acknowledge else {
            return Ok(AlarmsOut { alarms: self.mqtt.raised() }.into());
        };
        let by = acknowledger(origin, asked.by.as_deref());
        let Some(alarm) = self.mqtt.acknowledge_alarm(name, &by) else {
            return Err(self.no_such_alarm(name));
        };
        tracing::info!(alarm = name, by, "acknowledged");
        self.tell_alarms();
        Ok(alarm.into())
    }

    fn no_such_alarm(&self, name: &str) -> Refusal {
        let raised: Vec<String> = self.mqtt.alarms().into_iter().map(|alarm| alarm.name).collect();
        let remedy = match raised[..] {
            [] => "no alarm is raised now".to_owned(),
            _ => format!("raised are: {}", raised.join(", ")),
        };
        Refusal::new("unknown_alarm", format!("there is no alarm {name:?}"), remedy)
    }
}

/// The person who acknowledges, with the interface: only the page authenticates its users.
fn acknowledger(origin: Origin, by: Option<&str>) -> String {
    let by = by.map(|by| by.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect::<String>());
    let by = by.filter(|by| !by.trim().is_empty());
    match (origin, by) {
        (Origin::Web, Some(by)) => by,
        (Origin::Web, None) => "web".to_owned(),
        (Origin::Mqtt, Some(by)) => format!("{by} (mqtt)"),
        (Origin::Mqtt, None) => "mqtt".to_owned(),
        (Origin::Cli { .. }, Some(by)) => format!("{by} (command line)"),
        (Origin::Cli { .. }, None) => "command line".to_owned(),
        (Origin::Serial, _) => "serial line".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_acknowledges_is_reported_with_the_way_it_was_said() {
        assert_eq!(acknowledger(Origin::Web, Some("anna")), "anna");
        assert_eq!(acknowledger(Origin::Mqtt, Some("line\n1")), "line1 (mqtt)");
        assert_eq!(acknowledger(Origin::Mqtt, Some(" ")), "mqtt");
        assert_eq!(acknowledger(Origin::Cli { uid: None }, None), "command line");
        assert_eq!(acknowledger(Origin::Web, Some(&"x".repeat(1_000))).len(), LONGEST_NAME);
    }
}

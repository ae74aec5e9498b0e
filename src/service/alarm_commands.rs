//! The command `alarm`: lists the alarms that are raised, and acknowledges one.

use super::publisher::StatusPublisher;
use crate::commands::CommandAnswer;
use crate::commands::service::{AlarmRequest, AlarmsOut};
use crate::types::{Origin, Refusal};

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
        let by = origin.person(asked.by.as_deref());
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

//! What one thread does for all sources: it publishes what is due, raises and clears alarms, and removes old history.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::publish;
use super::service::IntakeService;
use super::table::Table;
use crate::types::Explanation;

/// How long silence may stay unnoticed.
const LOOK: Duration = Duration::from_millis(200);

/// The alarm about a source.
pub(super) fn source_alarm(source: &str) -> String {
    format!("intake-{source}")
}

/// The alarm about the limits of a channel.
pub(super) fn channel_alarm(channel: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    format!("channel-{}", channel.chars().map(plain).collect::<String>())
}

/// An alarm that changes: its name, and why it is raised (`None`: it is over).
type AlarmChange = (String, Option<Explanation>);

impl IntakeService {
    /// Does what is due, and returns how long nothing else is.
    pub fn tend(&self) -> Duration {
        let now = self.moment();
        let mut table = self.table.lock();
        let (messages, next) = publish::due(&mut table, now);
        let alarms = self.changed_alarms(&mut table);
        drop(table);
        // Without the lock, because both go through locks of their own.
        for (way, message) in &messages {
            (self.report)(*way, message);
        }
        for (name, why) in &alarms {
            match why {
                Some(why) => self.alarms.raise(name, why),
                None => self.alarms.clear(name),
            }
        }
        let stored_ns = self.stored_ns.load(Ordering::Relaxed);
        let keeps_on = self.retention.lock().step(self, Some(stored_ns).filter(|ns| *ns > 0));
        if keeps_on { Duration::ZERO } else { next.map_or(LOOK, |next| next.min(LOOK)) }
    }

    fn changed_alarms(&self, table: &mut Table) -> Vec<AlarmChange> {
        let now = self.moment();
        let mut changes = Vec::new();
        for source in &mut table.sources {
            let why = source.why(now);
            if why != source.raised {
                source.raised.clone_from(&why);
                changes.push((source_alarm(&source.name), why));
            }
        }
        for (name, channel) in &mut table.channels {
            let newest = channel.newest.map(|newest| newest.value);
            let why = channel.limits.why(name, channel.unit.as_deref(), newest, now.monotonic);
            if why != channel.limits.raised {
                channel.limits.raised.clone_from(&why);
                changes.push((channel_alarm(name), why));
            }
        }
        changes
    }
}

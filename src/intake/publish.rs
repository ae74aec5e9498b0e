//! The ways in which values leave: live to the page, at a bounded rate to MQTT.

use std::time::Duration;

use super::source::SourceEntry;
use super::table::{Moment, Table};
use crate::config::IntakeStoreConfig;
use crate::contract::IntakeOut;

/// Number of these ways.
pub(super) const WAYS: usize = 2;
/// Shortest pause between two messages of a source to listeners of the page.
const LIVE: Duration = Duration::from_millis(50);

/// A way in which values leave the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Server-sent events: at most every 50 ms for each source.
    Live = 0,
    /// MQTT: at most every `intake_store.publish_ms` for each source.
    Mqtt = 1,
}

/// Publishes a message by one way.
pub type Report = Box<dyn Fn(Way, &IntakeOut) + Send + Sync>;

impl Way {
    pub(super) const ALL: [Way; WAYS] = [Way::Live, Way::Mqtt];

    fn pause(self, settings: &IntakeStoreConfig) -> Duration {
        match self {
            Way::Live => LIVE,
            Way::Mqtt => settings.publish,
        }
    }
}

/// The messages that are due at `now`, and the pause until the next one is; `None` where nothing waits.
pub(super) fn due(table: &mut Table, now: Moment) -> (Vec<(Way, IntakeOut)>, Option<Duration>) {
    let mut found = Vec::new();
    let mut next: Option<Duration> = None;
    for at in 0..table.sources.len() {
        for way in Way::ALL {
            let pause = way.pause(&table.settings);
            let source = &mut table.sources[at];
            if !source.is_unpublished(way, now) {
                continue;
            }
            let waits = source.wait(way, pause, now);
            if waits > Duration::ZERO {
                next = Some(next.map_or(waits, |next| next.min(waits)));
                continue;
            }
            source.published(way, now);
            let name = source.name.clone();
            let channels = table.updates(&name, way);
            found.push((way, message(&table.sources[at], channels, now)));
        }
    }
    (found, next)
}

fn message(source: &SourceEntry, channels: Vec<crate::contract::ChannelUpdate>, now: Moment) -> IntakeOut {
    IntakeOut {
        source: source.name.to_string(),
        state: source.state(now),
        cause: source.why(now).map(|why| why.to_string()),
        points: source.ledger.points,
        bad_lines: source.ledger.bad_lines,
        channels,
    }
}

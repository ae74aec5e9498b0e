//! systemd's watchdog, which is fed only while every watched unit makes progress.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Beat, Stop, notify};

/// A unit's beat, read at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heart {
    /// The name of the unit that beats.
    pub name: Arc<str>,
    /// The number of its life; a restarted unit counts from zero again.
    pub life: u32,
    /// How often it beat in this life.
    pub count: u64,
}

/// The counts of each unit at the last check, for comparison with the next.
#[derive(Debug, Default)]
pub struct Pulse(HashMap<Arc<str>, (u32, u64)>);

impl Pulse {
    /// Compares with the last check; returns the names of the units that stood still since. A new unit, or
    /// one in a new life, has until the next check.
    pub fn look(&mut self, hearts: &[Heart]) -> Vec<Arc<str>> {
        let still = hearts.iter().filter(|heart| self.0.get(&heart.name) == Some(&(heart.life, heart.count)));
        let still = still.map(|heart| heart.name.clone()).collect();
        self.0 = hearts.iter().map(|heart| (heart.name.clone(), (heart.life, heart.count))).collect();
        still
    }
}

/// The period of the checks: a third of systemd's `WATCHDOG_USEC`, so that one late turn does not kill the
/// service. `None` where systemd does not watch this process.
pub fn interval() -> Option<Duration> {
    let timeout_us = systemd::daemon::watchdog_enabled().ok()?;
    (timeout_us > 0).then(|| Duration::from_micros(timeout_us / 3))
}

/// Checks every `interval` and sends `WATCHDOG=1` only if every unit has beaten since the last check, until
/// `stop`. Its own unit must be `unwatched`, or it would only prove its own timer.
pub fn run(hearts: impl Fn() -> Vec<Heart>, interval: Duration, stop: &Stop, beat: &Beat) {
    let mut pulse = Pulse::default();
    loop {
        let still = pulse.look(&hearts());
        if still.is_empty() {
            notify::watchdog();
        } else {
            tracing::error!(
                units = still.join(", "),
                "no progress since the last check; systemd's watchdog is not fed"
            );
        }
        beat.beat();
        if stop.wait(interval) {
            return;
        }
    }
}

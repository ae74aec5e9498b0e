//! Distinguishes a unit that is slow to stop from one that hangs: by its progress, not by time alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::settings::Settings;
use super::unit::UnitRunner;

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// A healthy unit beats at least this often; one that was silent for longer hung before it was asked to stop.
const SILENCE: Duration = Duration::from_millis(1_500);

/// What each unit still gets once the time for all is up; the unit that was started first (the outbox) gets its whole
/// patience.
const LAST: Duration = Duration::from_millis(100);

/// Watches units that are asked to stop. One that makes no progress for `patience` hangs; all together have until
/// `until`, and a unit whose turn comes after that still gets [`LAST`].
pub(super) struct Drain {
    patience: Duration,
    until: Instant,
    seen: HashMap<Arc<str>, Seen>,
}

/// A unit's progress as it was at the last look.
#[derive(Clone, Copy)]
struct Seen {
    progress: (u32, u64),
    /// When it last changed.
    at: Instant,
}

impl Drain {
    pub(super) fn new(config: &Settings) -> Drain {
        let (patience, until) = (config.drain, Instant::now() + config.drain_max.max(config.drain));
        Drain { patience, until, seen: HashMap::new() }
    }

    /// Reads the progress of `units`, and notes when that of each last changed.
    pub(super) fn look<'a>(&mut self, units: impl Iterator<Item = &'a UnitRunner>) {
        let now = Instant::now();
        for unit in units {
            let progress = unit.progress();
            match self.seen.get_mut(&unit.unit.name) {
                Some(seen) if seen.progress == progress => {}
                Some(seen) => *seen = Seen { progress, at: now },
                None => drop(self.seen.insert(unit.unit.name.clone(), Seen { progress, at: now })),
            }
        }
    }

    /// Waits until `unit`, which was asked to stop, is over; false where it hangs or the time is up. `others` are those
    /// that still run: what hangs now will not be waited for when its turn comes.
    pub(super) fn wait<'a, I>(&mut self, unit: &'a UnitRunner, others: impl Fn() -> I) -> bool
    where
        I: Iterator<Item = &'a UnitRunner>,
    {
        self.look(others().chain([unit]));
        let asked = Instant::now();
        let before = self.seen.get(&unit.unit.name).map_or(asked, |seen| seen.at);
        let rest = if others().next().is_some() { LAST } else { self.patience };
        // A unit that had nothing to do makes no progress between two beats, and yet it does not hang.
        let hung = asked.duration_since(before) >= self.patience.max(SILENCE);
        loop {
            let now = Instant::now();
            if unit.wait_over(now + LOOK) {
                return true;
            }
            self.look(others().chain([unit]));
            let last = self.seen.get(&unit.unit.name).map_or(asked, |seen| seen.at);
            let last = if hung { last } else { last.max(asked) };
            let now = Instant::now();
            let up = now >= self.until && now.duration_since(asked) >= rest;
            if up || now.duration_since(last) >= self.patience {
                return false;
            }
        }
    }
}

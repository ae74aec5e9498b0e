//! Distinguishes a unit that is slow to stop from one that hangs: by its progress, not by time alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::settings::Settings;
use super::unit::UnitRunner;

/// Period at which progress is read.
const LOOK: Duration = Duration::from_millis(20);
/// A healthy unit beats at least this often; one that was silent for longer hung before it was asked to stop.
const SILENCE: Duration = Duration::from_millis(1_500);
/// Time that each unit still gets after the total time is up; the unit that was started first (the outbox)
/// gets its full patience.
const LAST: Duration = Duration::from_millis(100);

/// Watches units that are asked to stop. A unit without progress for `patience` hangs. All together have
/// until `until`, and a unit that is asked after that still gets [`LAST`].
///
/// The rules ([`Drain::note`], [`Drain::turn`], [`Drain::is_lost`]) take the time as an argument;
/// [`Drain::wait`] applies them to running units.
pub(super) struct Drain {
    patience: Duration,
    until: Instant,
    seen: HashMap<Arc<str>, SeenProgress>,
}

/// A unit's progress when it was last read.
#[derive(Clone, Copy)]
struct SeenProgress {
    progress: (u32, u64),
    /// When the progress last changed.
    at: Instant,
}

/// The wait for one unit, from the moment it was asked to stop.
struct Turn {
    name: Arc<str>,
    asked: Instant,
    /// Whether the unit stood still long before it was asked.
    hung: bool,
    /// Time that it gets although the total time is up.
    rest: Duration,
}

impl Drain {
    pub(super) fn new(settings: &Settings, now: Instant) -> Drain {
        let until = now + settings.drain_max.max(settings.drain);
        Drain { patience: settings.drain, until, seen: HashMap::new() }
    }

    /// Reads the progress of `units`, and notes when each last changed.
    pub(super) fn look<'a>(&mut self, units: impl Iterator<Item = &'a UnitRunner>) {
        let now = Instant::now();
        units.for_each(|unit| self.note(&unit.unit.name, unit.progress(), now));
    }

    fn note(&mut self, name: &Arc<str>, progress: (u32, u64), now: Instant) {
        match self.seen.get_mut(name) {
            Some(seen) if seen.progress == progress => {}
            Some(seen) => *seen = SeenProgress { progress, at: now },
            None => drop(self.seen.insert(name.clone(), SeenProgress { progress, at: now })),
        }
    }

    /// The unit `name` was asked to stop at `now`; `is_last` means that no other unit still runs.
    fn turn(&self, name: &Arc<str>, is_last: bool, now: Instant) -> Turn {
        let last = self.seen.get(name).map_or(now, |seen| seen.at);
        // A unit without work makes no progress between two beats, but does not hang.
        let hung = now.duration_since(last) >= self.patience.max(SILENCE);
        let rest = if is_last { self.patience } else { LAST };
        Turn { name: name.clone(), asked: now, hung, rest }
    }

    /// Whether the unit hangs, or the time is up.
    fn is_lost(&self, turn: &Turn, now: Instant) -> bool {
        let last = self.seen.get(&turn.name).map_or(turn.asked, |seen| seen.at);
        let last = if turn.hung { last } else { last.max(turn.asked) };
        let is_late = now >= self.until && now.duration_since(turn.asked) >= turn.rest;
        is_late || now.duration_since(last) >= self.patience
    }

    /// Waits until `unit`, which was asked to stop, has ended; returns false where it hangs or the time is
    /// up. `others` are the units that still run: one that hangs now will not be waited for later.
    pub(super) fn wait<'a, I>(&mut self, unit: &'a UnitRunner, others: impl Fn() -> I) -> bool
    where
        I: Iterator<Item = &'a UnitRunner>,
    {
        self.look(others().chain([unit]));
        let turn = self.turn(&unit.unit.name, others().next().is_none(), Instant::now());
        while !unit.wait_over(Instant::now() + LOOK) {
            self.look(others().chain([unit]));
            if self.is_lost(&turn, Instant::now()) {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);
    const LONGEST: Duration = Duration::from_secs(20);

    /// A drain that began at the moment returned, and a unit that made progress at that moment.
    fn drain() -> (Drain, Arc<str>, Instant) {
        let (name, begun): (Arc<str>, _) = ("camera".into(), Instant::now());
        let settings = Settings {
            max_restarts: 0,
            backoff: Duration::ZERO,
            backoff_max: Duration::ZERO,
            drain: PATIENCE,
            drain_max: LONGEST,
        };
        let mut drain = Drain::new(&settings, begun);
        drain.note(&name, (0, 1), begun);
        (drain, name, begun)
    }

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_unit_hangs_after_its_patience_without_progress_and_each_progress_renews_it() {
        let (mut drain, name, begun) = drain();
        let turn = drain.turn(&name, false, begun);
        drain.note(&name, (0, 1), begun + seconds(4));
        assert!(!drain.is_lost(&turn, begun + seconds(4)));
        assert!(drain.is_lost(&turn, begun + PATIENCE), "the same count is no progress");
        drain.note(&name, (0, 2), begun + seconds(4));
        assert!(!drain.is_lost(&turn, begun + seconds(8)));
        assert!(drain.is_lost(&turn, begun + seconds(9)));
    }

    #[test]
    fn a_unit_that_hung_before_it_was_asked_is_not_given_its_patience_again() {
        let (drain, name, begun) = drain();
        let turn = drain.turn(&name, false, begun + PATIENCE);
        assert!(drain.is_lost(&turn, begun + PATIENCE));
        let turn = drain.turn(&name, false, begun + seconds(4));
        assert!(!drain.is_lost(&turn, begun + seconds(8)), "it was silent for less than its patience");
    }

    #[test]
    fn once_the_time_is_up_each_unit_gets_a_moment_and_the_last_one_its_patience() {
        let (mut drain, name, begun) = drain();
        let late = begun + LONGEST + seconds(1);
        drain.note(&name, (0, 2), late);
        let turn = drain.turn(&name, false, late);
        assert!(!drain.is_lost(&turn, late) && drain.is_lost(&turn, late + LAST));
        let turn = drain.turn(&name, true, late);
        assert!(!drain.is_lost(&turn, late + seconds(4)) && drain.is_lost(&turn, late + PATIENCE));
    }
}

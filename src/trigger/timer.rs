//! The timer: pulls a trigger at a fixed period, on a grid that does not drift.

use std::sync::Arc;
use std::time::Duration;

use super::TriggerTarget;
use crate::config;
use crate::supervisor::{Beat, Stop};
use crate::types::{Clock, Label, Stamp, Trigger, TriggerKind};

/// The longest wait without a beat.
const TURN: Duration = Duration::from_millis(500);

/// Pulls the trigger every `every` until `stop`.
pub fn run(
    settings: &config::TriggerConfig,
    every: Duration,
    target: &Arc<dyn TriggerTarget>,
    clock: &dyn Clock,
    stop: &Stop,
    beat: &Beat,
) {
    let name: Label = settings.name.as_str().into();
    let mut grid = TimeGrid::new(clock.now(), every);
    loop {
        beat.beat();
        let now = clock.now();
        if grid.is_due(now) {
            let trigger = Trigger { kind: TriggerKind::Timer, name: name.clone(), at: now, text: None };
            target.pull(trigger, now.plus(settings.delay), None);
        }
        if stop.wait(grid.wait(clock.now()).min(TURN)) {
            return;
        }
    }
}

/// Moments at a fixed period, counted from the first.
#[derive(Debug)]
struct TimeGrid {
    next_ns: u64,
    every_ns: u64,
}

impl TimeGrid {
    fn new(start: Stamp, every: Duration) -> TimeGrid {
        let every_ns = (every.as_nanos() as u64).max(1);
        TimeGrid { next_ns: start.mono_ns + every_ns, every_ns }
    }

    /// Whether a moment has come. Of several that have passed (after a suspend) only one counts.
    fn is_due(&mut self, now: Stamp) -> bool {
        let due = now.mono_ns >= self.next_ns;
        if due {
            self.next_ns += ((now.mono_ns - self.next_ns) / self.every_ns + 1) * self.every_ns;
        }
        due
    }

    fn wait(&self, now: Stamp) -> Duration {
        Duration::from_nanos(self.next_ns.saturating_sub(now.mono_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Stamp {
        Stamp { mono_ns: ms * 1_000_000, wall_ns: 0 }
    }

    #[test]
    fn a_late_wake_up_does_not_move_the_grid() {
        let mut grid = TimeGrid::new(at(3), Duration::from_millis(10));
        assert!(!grid.is_due(at(12)) && grid.is_due(at(13)) && !grid.is_due(at(13)));
        assert!(grid.is_due(at(29)), "six ms late");
        assert_eq!(grid.wait(at(29)), Duration::from_millis(4));
        assert!(grid.is_due(at(33)));
    }

    #[test]
    fn after_a_long_sleep_one_trigger_comes_and_the_grid_goes_on() {
        let mut grid = TimeGrid::new(at(0), Duration::from_millis(10));
        assert!(grid.is_due(at(1_234)) && !grid.is_due(at(1_239)) && grid.is_due(at(1_240)));
    }
}

//! When a step is taken and when it is taken back. Pure: load and time are arguments.

use std::time::Duration;

use crate::config::DegradationConfig;
use crate::types::{DegradationStep, Stamp};

/// A step that had to be taken again so soon after it was taken back was taken back too early.
const RELAPSE: u32 = 6;
/// How often the calm before a step back doubles at most: from 10 s to 5 minutes.
const MOST_RELAPSES: u32 = 5;

/// How much the workers have to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Load {
    /// Share of time that the workers were busy since the last look, 0 to 1.
    pub utilisation: f32,
    /// The longest queue: its stage, and how many items wait.
    pub longest: Option<(String, usize)>,
}

/// What a look at the load has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The overload has lasted, and no step is left or declared.
    Overloaded,
    /// From now on the service does without this.
    Down(DegradationStep),
    /// This is done again.
    Up(DegradationStep),
    /// The overload without a step is over.
    Calm,
}

/// The steps that are taken, and since when the load is what it is.
#[derive(Debug)]
pub(super) struct Ladder {
    settings: DegradationConfig,
    taken: usize,
    /// Whether an overload was reported.
    reported: bool,
    over_since: Option<Stamp>,
    under_since: Option<Stamp>,
    /// When a step was last taken back.
    up_at: Option<Stamp>,
    relapses: u32,
}

impl Ladder {
    /// A ladder on which no step is taken.
    pub(super) fn new(settings: DegradationConfig) -> Ladder {
        Ladder {
            settings,
            taken: 0,
            reported: false,
            over_since: None,
            under_since: None,
            up_at: None,
            relapses: 0,
        }
    }

    /// The steps that are taken.
    pub(super) fn taken(&self) -> &[DegradationStep] {
        &self.steps()[..self.taken]
    }

    /// The steps that may be taken.
    pub(super) fn steps(&self) -> &[DegradationStep] {
        if self.settings.enabled { &self.settings.steps } else { &[] }
    }

    /// The settings by which it goes.
    pub(super) fn settings(&self) -> &DegradationConfig {
        &self.settings
    }

    /// Notes the load at `now`; returns what is to be done. Between the two limits nothing changes, and after each step the
    /// load must be beyond a limit for the whole time again.
    pub(super) fn look(&mut self, load: &Load, now: Stamp) -> Option<Change> {
        let waiting = load.longest.as_ref().map_or(0, |(_, waiting)| *waiting);
        let is_over = load.utilisation > self.settings.over || waiting > self.settings.queue;
        let is_under = load.utilisation < self.settings.under && waiting <= self.settings.queue / 2;
        let since = |since: &mut Option<Stamp>, holds: bool| match holds {
            true => lasted(*since.get_or_insert(now), now),
            false => {
                *since = None;
                Duration::ZERO
            }
        };
        let over = since(&mut self.over_since, is_over);
        let under = since(&mut self.under_since, is_under);
        if is_over && over >= self.settings.over_for {
            self.over_since = Some(now);
            return self.down(now);
        }
        if is_under && under >= self.calm() {
            self.under_since = Some(now);
            return self.up(now);
        }
        None
    }

    fn down(&mut self, now: Stamp) -> Option<Change> {
        let early = self.settings.under_for * RELAPSE;
        if self.up_at.take().is_some_and(|at| lasted(at, now) < early) {
            self.relapses = (self.relapses + 1).min(MOST_RELAPSES);
        }
        let next = self.steps().get(self.taken).copied();
        if next.is_some() {
            self.taken += 1;
        }
        let is_new = !std::mem::replace(&mut self.reported, true);
        next.map(Change::Down).or(is_new.then_some(Change::Overloaded))
    }

    fn up(&mut self, now: Stamp) -> Option<Change> {
        if let Some(step) = self.taken().last().copied() {
            self.taken -= 1;
            self.up_at = Some(now);
            self.reported = self.taken > 0;
            return Some(Change::Up(step));
        }
        // All is as configured, and has been calm: what was learnt of this overload is past.
        self.relapses = 0;
        std::mem::take(&mut self.reported).then_some(Change::Calm)
    }

    /// How long the load must be low before a step is taken back.
    fn calm(&self) -> Duration {
        self.settings.under_for * (1 << self.relapses)
    }
}

fn lasted(since: Stamp, now: Stamp) -> Duration {
    Duration::from_nanos(now.mono_ns.saturating_sub(since.mono_ns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Clock, ManualClock};

    use DegradationStep::{Annotation, Detection, Preview};

    const STEPS: [DegradationStep; 3] = [Annotation, Preview, Detection];

    struct Probe {
        ladder: Ladder,
        clock: ManualClock,
    }

    impl Probe {
        fn new(steps: &[DegradationStep]) -> Probe {
            let settings = DegradationConfig { steps: steps.to_vec(), ..DegradationConfig::default() };
            Probe { ladder: Ladder::new(settings), clock: ManualClock::default() }
        }

        /// The changes of so many seconds under this load, with the second in which each comes.
        fn seconds(&mut self, seconds: u32, utilisation: f32, waiting: usize) -> Vec<(u32, Change)> {
            let mut changes = Vec::new();
            for second in 1..=seconds {
                self.clock.advance(Duration::from_secs(1));
                let load = Load { utilisation, longest: Some(("inspect".into(), waiting)) };
                changes.extend(self.ladder.look(&load, self.clock.now()).map(|change| (second, change)));
            }
            changes
        }
    }

    impl Probe {
        /// The next change under this load, and after how many seconds it comes.
        fn next_change(&mut self, utilisation: f32) -> (u32, Change) {
            (1..10_000).find_map(|second| Some((second, self.seconds(1, utilisation, 0).first()?.1))).unwrap()
        }
    }

    #[test]
    fn steps_are_taken_in_order_each_after_the_whole_time_and_taken_back_in_reverse() {
        let mut one = Probe::new(&STEPS);
        let down = one.seconds(30, 0.95, 0);
        assert_eq!(
            down,
            [(6, Change::Down(Annotation)), (11, Change::Down(Preview)), (16, Change::Down(Detection))]
        );
        assert_eq!(one.seconds(60, 0.5, 0), [], "between the limits nothing changes");
        let up = one.seconds(40, 0.1, 0);
        assert_eq!(
            up,
            [(11, Change::Up(Detection)), (21, Change::Up(Preview)), (31, Change::Up(Annotation))]
        );
        assert_eq!(one.ladder.taken(), []);
    }

    #[test]
    fn a_short_peak_changes_nothing_in_either_direction() {
        let mut one = Probe::new(&STEPS);
        for _ in 0..10 {
            assert_eq!(one.seconds(5, 1.0, 0), []);
            assert_eq!(one.seconds(1, 0.79, 0), []);
        }
        assert_eq!(one.seconds(6, 1.0, 0), [(6, Change::Down(Annotation))]);
        for _ in 0..10 {
            assert_eq!(one.seconds(10, 0.1, 0), []);
            assert_eq!(one.seconds(1, 0.31, 0), []);
        }
        assert_eq!(one.ladder.taken(), [Annotation]);
    }

    #[test]
    fn a_long_queue_is_overload_too_and_must_be_short_again_before_a_step_back() {
        let mut one = Probe::new(&STEPS);
        assert_eq!(one.seconds(10, 0.1, 32), [], "at the limit");
        assert_eq!(one.seconds(6, 0.1, 33), [(6, Change::Down(Annotation))]);
        assert_eq!(one.seconds(60, 0.1, 17), []);
        assert_eq!(one.seconds(11, 0.1, 16), [(11, Change::Up(Annotation))]);
    }

    #[test]
    fn a_step_that_had_to_be_taken_again_is_taken_back_later_and_later() {
        let mut one = Probe::new(&[Detection]);
        one.seconds(6, 1.0, 0);
        let mut calm = Vec::new();
        for _ in 0..7 {
            let (seconds, change) = one.next_change(0.1);
            assert_eq!(change, Change::Up(Detection));
            calm.push(seconds);
            assert_eq!(one.next_change(1.0), (6, Change::Down(Detection)));
        }
        assert_eq!(calm, [11, 21, 41, 81, 161, 321, 321]);
        // A long calm without any step forgets it.
        one.next_change(0.1);
        one.seconds(400, 0.1, 0);
        one.seconds(6, 1.0, 0);
        assert_eq!(one.next_change(0.1), (11, Change::Up(Detection)));
    }

    #[test]
    fn without_a_step_the_overload_is_still_reported_once_and_its_end_too() {
        for steps in [&[][..], &STEPS] {
            let mut one = Probe::new(steps);
            one.ladder.settings.enabled = false;
            assert_eq!(one.seconds(60, 1.0, 0), [(6, Change::Overloaded)]);
            assert_eq!(one.seconds(60, 0.1, 0), [(11, Change::Calm)]);
        }
    }
}

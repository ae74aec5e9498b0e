//! The degradation ladder: under lasting overload the service does without one declared thing after another, and does each
//! again once the load has been low for long. Inspection is never done without.
//!
//! ```text
//!  workers' busy time, stages' queues ──▶ policy (pure) ──▶ Degradation (atomics that the stages read)
//!                                                      └──▶ alarm/overload, the topic degradation, telemetry, log
//! ```

mod policy;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::cameras::Cameras;
use super::domains::Domains;
use super::publisher::StatusPublisher;
use crate::camera::Health;
use crate::config::{DegradationConfig, InForce, Pace};
use crate::contract::{DegradationChange, DegradationOut, topic};
use crate::supervisor::{Beat, Stop, Unit};
use crate::telemetry::{Counter, Described};
use crate::types::{Clock, DegradationStep, Explanation, Stamp, SystemClock, priority};
use policy::{Change, Ladder, Load};

/// The alarm while the workers are overloaded, or a step is taken.
const ALARM: &str = "overload";
/// Longest pause between two looks at the load.
const LOOK: Duration = Duration::from_millis(250);
/// Shortest pause: a measurement over less is mostly chance.
const SHORTEST_LOOK: Duration = Duration::from_millis(50);

/// A utilisation that is neither too high nor low.
const BETWEEN: f32 = 0.5;

/// Descriptions of the figures in telemetry.
pub(super) const DESCRIBED: &[Described] = &[
    Described::gauge("degradation/level", "Steps of the degradation ladder that are taken at present."),
    Described::counter("degradation/steps_down", "Steps of the degradation ladder that were taken."),
    Described::counter("degradation/steps_up", "Steps of the degradation ladder that were taken back."),
];

/// What the service does without at present, for reports. Clones share it.
#[derive(Clone, Default)]
pub(super) struct DegradationState(Arc<StateInner>);

#[derive(Default)]
struct StateInner {
    taken: Mutex<Vec<DegradationStep>>,
    down: Counter,
    up: Counter,
}

impl DegradationState {
    /// The words of the steps that are taken, in the order in which they were.
    pub(super) fn taken(&self) -> Vec<String> {
        words(&self.0.taken.lock())
    }

    /// The figures by the keys of [`DESCRIBED`].
    pub(super) fn named(&self) -> [(String, u64); 3] {
        let level = self.0.taken.lock().len() as u64;
        let values = [level, self.0.down.get(), self.0.up.get()];
        std::array::from_fn(|at| (DESCRIBED[at].key.to_owned(), values[at]))
    }
}

fn words(steps: &[DegradationStep]) -> Vec<String> {
    steps.iter().map(|step| step.as_str().to_owned()).collect()
}

/// Watches the load, and takes the steps.
pub(super) struct LoadWatch {
    pub(super) config: InForce,
    pub(super) domains: Arc<Domains>,
    pub(super) cameras: Arc<Cameras>,
    pub(super) publisher: StatusPublisher,
    pub(super) state: DegradationState,
}

/// The workers' busy time at the last look.
struct Busy {
    at: Stamp,
    busy_ns: u64,
}

impl LoadWatch {
    /// The unit that looks after the load.
    pub(super) fn unit(self: &Arc<LoadWatch>) -> Unit {
        let watch = self.clone();
        Unit::new("degradation", move |context| {
            watch.run(&context.stop, &context.beat);
            Ok(())
        })
    }

    fn run(&self, stop: &Stop, beat: &Beat) {
        let mut ladder = self.begin(self.config.get().degradation.clone());
        let mut busy = self.busy();
        while !stop.wait(pause(ladder.settings())) {
            beat.beat();
            let config = self.config.get();
            if config.degradation != *ladder.settings() {
                // Whatever was taken under the former settings is done again; the load decides anew.
                ladder = self.begin(config.degradation.clone());
            }
            let now = self.busy();
            let load = self.load(&busy, &now);
            busy = now;
            if let Some(change) = ladder.look(&load, busy.at) {
                self.carry_out(change, &ladder, &load);
            }
        }
        self.take_back_all();
        self.publisher.clear(topic::DEGRADATION);
    }

    /// A ladder on which no step is taken, and the reports that say so.
    fn begin(&self, settings: DegradationConfig) -> Ladder {
        let DegradationConfig { preview_fps, detect_factor, frame_every, .. } = settings;
        self.domains.degradation.set_extent(preview_fps, detect_factor, frame_every);
        self.take_back_all();
        let ladder = Ladder::new(settings);
        self.publish(&ladder, None, "everything is done as configured", &Load::default());
        ladder
    }

    fn take_back_all(&self) {
        DegradationStep::ALL.into_iter().for_each(|step| self.domains.degradation.set(step, false));
        self.state.0.taken.lock().clear();
        self.publisher.clear_alarm(ALARM);
    }

    fn busy(&self) -> Busy {
        let busy_ns = self.domains.scheduler.workers().iter().map(|worker| worker.busy_ns()).sum();
        Busy { at: SystemClock.now(), busy_ns }
    }

    /// The load between two looks. A camera that plays a file as fast as possible keeps the workers busy on purpose, so while
    /// one does no utilisation is too high. One that has ended, or was given up, no longer does.
    fn load(&self, before: &Busy, now: &Busy) -> Load {
        let workers = self.domains.scheduler.workers().len().max(1) as u64;
        let whole = now.at.mono_ns.saturating_sub(before.at.mono_ns).max(1) * workers;
        let busy = now.busy_ns.saturating_sub(before.busy_ns);
        let is_unpaced = self.cameras.all().iter().any(|camera| {
            let settings = &camera.settings;
            settings.pace == Pace::Max
                && settings.source.ends()
                && matches!(&*camera.health.lock(), Health::Online { .. } | Health::Frozen { .. })
        });
        if is_unpaced {
            return Load { utilisation: BETWEEN, longest: None };
        }
        let stages = self.domains.scheduler.stages();
        // Frames of a camera do not queue for detection: the newest is taken, and the others are skipped.
        let queues = stages.iter().filter(|stage| stage.spec().priority != priority::DETECT);
        let waiting = queues.map(|stage| (stage.spec().name.to_string(), stage.waiting()));
        Load {
            utilisation: (busy as f32 / whole as f32).min(1.0),
            longest: waiting.max_by_key(|(_, waiting)| *waiting),
        }
    }

    fn carry_out(&self, change: Change, ladder: &Ladder, load: &Load) {
        let settings = ladder.settings();
        let percent = |share: f32| (share * 100.0).round() as u32;
        let (seconds, least) = (settings.over_for.as_secs_f32(), percent(settings.under));
        let busy = match &load.longest {
            Some((stage, waiting)) if *waiting > settings.queue => {
                format!("{waiting} items wait for stage {stage} (limit {})", settings.queue)
            }
            _ => format!(
                "the workers are {} % busy (limit {} %)",
                percent(load.utilisation),
                percent(settings.over)
            ),
        };
        match change {
            Change::Down(step) => {
                self.domains.degradation.set(step, true);
                self.state.0.down.inc();
                self.settle(
                    ladder,
                    Some((step, DegradationChange::Down)),
                    &format!("{busy} for {seconds} s"),
                    load,
                );
            }
            Change::Up(step) => {
                self.domains.degradation.set(step, false);
                self.state.0.up.inc();
                let cause = format!("the workers have been less than {least} % busy");
                self.settle(ladder, Some((step, DegradationChange::Up)), &cause, load);
            }
            Change::Overloaded => self.settle(ladder, None, &format!("{busy} for {seconds} s"), load),
            Change::Calm => {
                self.publisher.clear_alarm(ALARM);
                self.publish(ladder, None, &format!("the workers have been less than {least} % busy"), load);
            }
        }
    }

    /// Reports the steps that are taken now.
    fn settle(
        &self,
        ladder: &Ladder,
        change: Option<(DegradationStep, DegradationChange)>,
        cause: &str,
        load: &Load,
    ) {
        *self.state.0.taken.lock() = ladder.taken().to_vec();
        let without = words(ladder.taken()).join(", ");
        match (ladder.taken().is_empty(), change) {
            (true, Some((_, DegradationChange::Up))) => {
                tracing::info!("the overload is over ({cause}): everything is done as configured");
                self.publisher.clear_alarm(ALARM);
            }
            (is_empty, _) => {
                let level = match is_empty {
                    true => "no step is left to do without".to_owned(),
                    false => format!(
                        "level {} of {}, done without: {without}",
                        ladder.taken().len(),
                        ladder.steps().len()
                    ),
                };
                let next = "raise detect.every, lower the cameras' frame rates, take a smaller model, or add cores; \
                            [degradation] declares the steps, and inspection goes on in any case";
                let why = Explanation::new(format!("overload: {cause}; {level}"), next);
                tracing::warn!("{why}");
                self.publisher.alarm(ALARM, &why);
            }
        }
        self.publish(ladder, change, cause, load);
    }

    fn publish(
        &self,
        ladder: &Ladder,
        change: Option<(DegradationStep, DegradationChange)>,
        cause: &str,
        load: &Load,
    ) {
        let out = DegradationOut {
            level: ladder.taken().len() as u32,
            without: words(ladder.taken()),
            steps: words(ladder.steps()),
            step: change.map(|(step, _)| step.as_str().to_owned()),
            change: change.map(|(_, change)| change),
            cause: cause.to_owned(),
            utilisation: load.utilisation,
        };
        self.publisher.retain(topic::DEGRADATION, &out);
    }
}

/// How long to wait for the next look: several looks fit into each time of the settings.
fn pause(settings: &DegradationConfig) -> Duration {
    let shortest = settings.over_for.min(settings.under_for);
    (shortest / 4).clamp(SHORTEST_LOOK, LOOK)
}

//! A unit: a part of the service that can be rebuilt, and the runner that restarts it after a failure.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use ocellus_text::Explanation;
use parking_lot::{Condvar, Mutex};

use super::policy::{Decision, RestartPolicy};
use super::spawn::panic_text;
use super::{Beat, Stop};

/// The context of a unit's body, made anew for each life.
#[derive(Clone, Debug)]
pub struct UnitContext {
    /// Asks the body to return; the body waits on it instead of sleeping.
    pub stop: Stop,
    /// The body beats once in each turn of its loop, at least every few seconds, also while it waits.
    pub beat: Beat,
    /// How often the unit was restarted before this life.
    pub restarts: u32,
}

/// Why a unit's life ended badly.
#[derive(Debug)]
pub struct UnitError {
    explanation: Explanation,
    lasting: bool,
}

impl UnitError {
    /// A failure that a restart may cure, with what a person can do about it.
    pub fn explained(explanation: Explanation) -> UnitError {
        UnitError { explanation, lasting: false }
    }

    /// The failure as one that a restart would only repeat (a file without a video): the unit is given up at once.
    pub fn lasting(self) -> UnitError {
        UnitError { lasting: true, ..self }
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for UnitError {
    /// Wraps a failure that a restart may cure: its text and those of its own causes, joined by colons.
    fn from(cause: E) -> UnitError {
        let cause = cause.into();
        let mut text = cause.to_string();
        let mut source = cause.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        UnitError::explained(Explanation::new(text, ""))
    }
}

impl fmt::Display for UnitError {
    /// Writes the explanation in one line.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.explanation.fmt(out)
    }
}

type UnitBody = Box<dyn Fn(&UnitContext) -> Result<(), UnitError> + Send + Sync>;

/// A part of the service: its name, how it is built and run, and what its failure means.
pub struct Unit {
    pub(super) name: Arc<str>,
    pub(super) essential: bool,
    pub(super) work: bool,
    pub(super) watched: bool,
    pub(super) core: Option<usize>,
    pub(super) group: Option<&'static str>,
    body: UnitBody,
}

impl Unit {
    /// Makes a unit that `body` builds and runs. Every life calls `body` again; it returns `Ok` when its work
    /// is done or it was asked to stop.
    pub fn new<F>(name: impl Into<Arc<str>>, body: F) -> Unit
    where
        F: Fn(&UnitContext) -> Result<(), UnitError> + Send + Sync + 'static,
    {
        let body = Box::new(body);
        Unit {
            name: name.into(),
            essential: false,
            work: false,
            watched: true,
            core: None,
            group: None,
            body,
        }
    }

    /// With `essential`, the process ends when this unit is given up.
    pub fn essential(mut self, essential: bool) -> Unit {
        self.essential = essential;
        self
    }

    /// Marks the unit as work: when every such unit has ended, the service is done (cameras that play files).
    pub fn work(mut self) -> Unit {
        self.work = true;
        self
    }

    /// Excludes the unit's beat from the watchdog.
    pub fn unwatched(mut self) -> Unit {
        self.watched = false;
        self
    }

    /// Lets the unit be asked to stop as soon as the first of `group` is: none of them needs another.
    pub fn together(mut self, group: &'static str) -> Unit {
        self.group = Some(group);
        self
    }

    /// Pins the unit's thread to `core`, one of [`usable_cores`](super::usable_cores).
    pub fn on_core(mut self, core: usize) -> Unit {
        self.core = Some(core);
        self
    }
}

/// The phase of a unit's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The body runs, and has not beaten yet.
    Starting,
    /// The body runs and has beaten.
    Running,
    /// The body failed, and waits for its restart.
    Backoff,
    /// The unit failed too often, or for a lasting cause, and is not restarted.
    Failed,
    /// The body returned without an error, or after it was asked to stop.
    Ended,
}

impl State {
    /// Whether the unit will not run again by itself.
    pub fn is_over(self) -> bool {
        matches!(self, State::Failed | State::Ended)
    }

    /// The state's name in status messages.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Running => "running",
            State::Backoff => "backoff",
            State::Failed => "failed",
            State::Ended => "ended",
        }
    }
}

/// The state of one unit at the moment of the query.
#[derive(Clone, Debug)]
pub struct UnitStatus {
    /// The unit's name, unique among the supervisor's units.
    pub name: Arc<str>,
    /// The phase of its life.
    pub state: State,
    /// How often it was restarted after a failure since it was added.
    pub restarts: u32,
    /// Since when it is in this state; `Starting` and `Running` count as one.
    pub since: Instant,
    /// Its last failure with all causes; `None` where it never failed.
    pub last_error: Option<Explanation>,
}

#[derive(Debug)]
struct Life {
    state: State,
    restarts: u32,
    since: Instant,
    last_error: Option<Explanation>,
    beat: Beat,
}

/// A unit and its present life, shared between its thread and the supervisor.
pub(super) struct UnitRunner {
    pub(super) unit: Arc<Unit>,
    pub(super) stop: Stop,
    life: Mutex<Life>,
    changed: Condvar,
}

impl UnitRunner {
    pub(super) fn new(unit: Arc<Unit>) -> UnitRunner {
        let beat = Beat::new();
        let life =
            Life { state: State::Starting, restarts: 0, since: Instant::now(), last_error: None, beat };
        UnitRunner { unit, stop: Stop::new(), life: Mutex::new(life), changed: Condvar::new() }
    }

    /// Runs the unit until it ends, is stopped, or is given up. Never panics.
    pub(super) fn run(&self, mut policy: RestartPolicy) {
        let born = Instant::now();
        for restarts in 0.. {
            let Err(error) = self.live(restarts) else { return self.enter(State::Ended) };
            let unit = &*self.unit.name;
            self.life.lock().last_error = Some(error.explanation.clone());
            if self.stop.is_stopped() {
                tracing::warn!(unit, "failed while it was stopping: {error}");
                return self.enter(State::Ended);
            }
            match policy.failed(born.elapsed()) {
                Decision::Restart { after } if !error.lasting => {
                    tracing::warn!(unit, restarts, "failed: {error}; restarted in {} ms", after.as_millis());
                    self.enter(State::Backoff);
                    if self.stop.wait(after) {
                        return self.enter(State::Ended);
                    }
                }
                _ => {
                    tracing::error!(unit, restarts, "given up: {error}");
                    return self.enter(State::Failed);
                }
            }
        }
    }

    fn live(&self, restarts: u32) -> Result<(), UnitError> {
        let context = UnitContext { stop: self.stop.clone(), beat: Beat::new(), restarts };
        {
            let mut life = self.life.lock();
            life.beat = context.beat.clone();
            life.restarts = restarts;
        }
        self.enter(State::Starting);
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.unit.body)(&context)));
        outcome.unwrap_or_else(|panic| Err(UnitError::from(format!("panicked: {}", panic_text(&*panic)))))
    }

    fn enter(&self, state: State) {
        let mut life = self.life.lock();
        life.state = state;
        life.since = Instant::now();
        self.changed.notify_all();
    }

    pub(super) fn status(&self) -> UnitStatus {
        let life = self.life.lock();
        let state = match life.state {
            State::Starting if life.beat.count() > 0 => State::Running,
            state => state,
        };
        UnitStatus {
            name: self.unit.name.clone(),
            state,
            restarts: life.restarts,
            since: life.since,
            last_error: life.last_error.clone(),
        }
    }

    /// The beat of the present life, if there is one.
    pub(super) fn beat(&self) -> Option<(u32, Beat)> {
        let life = self.life.lock();
        matches!(life.state, State::Starting | State::Running).then(|| (life.restarts, life.beat.clone()))
    }

    /// The number of its present life, and its progress.
    pub(super) fn progress(&self) -> (u32, u64) {
        let life = self.life.lock();
        (life.restarts, life.beat.progress())
    }

    /// Waits until the unit has ended; returns false at the deadline.
    pub(super) fn wait_over(&self, deadline: Instant) -> bool {
        let mut life = self.life.lock();
        self.changed.wait_while_until(&mut life, |life| !life.state.is_over(), deadline);
        life.state.is_over()
    }
}

//! The supervisor: starts units in order, reports the state of each, and stops them in reverse order within a
//! deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::Stop;
use super::claim::{Claim, Claims};
use super::drain::Drain;
use super::error::SupervisorError;
use super::policy::RestartPolicy;
use super::settings::Settings;
use super::spawn::{self, Spawned};
use super::unit::{State, Unit, UnitRunner, UnitStatus};
use super::watchdog::Heart;

/// Longest time that the last instructions of a thread may take on a busy machine.
const JOIN: Duration = Duration::from_secs(5);

/// Why the service ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The stop token that `run` was given was stopped.
    Stopped,
    /// Every unit marked as work has ended.
    WorkDone,
}

/// Owns all units: adds, restarts, replaces and removes them by name. Clones share the same units.
#[derive(Clone)]
pub struct Supervisor(Arc<RegistryInner>);

struct RegistryInner {
    settings: Settings,
    registry: Mutex<Registry>,
    /// A claim is taken before the unit of a name is added, stopped or replaced. While one caller waits for a
    /// unit to stop, no two others can start a successor.
    claims: Claims,
}

#[derive(Default)]
struct Registry {
    /// The entries, in the order of their start.
    entries: Vec<UnitEntry>,
    closing: bool,
    /// Stopped when the end of a unit may end the service.
    wake: Stop,
}

struct UnitEntry {
    runner: Arc<UnitRunner>,
    thread: Option<Spawned<()>>,
}

impl Supervisor {
    /// Creates a supervisor that has no units yet and follows `settings` for those that are added.
    pub fn new(settings: Settings) -> Supervisor {
        Supervisor(Arc::new(RegistryInner {
            settings,
            registry: Mutex::default(),
            claims: Claims::default(),
        }))
    }

    /// Starts `unit`, after all that were added before it.
    pub fn add(&self, unit: Unit) -> Result<(), SupervisorError> {
        let _claim = self.claimed(&unit.name)?;
        let mut registry = self.registry();
        if registry.closing {
            return Err(SupervisorError::Stopping(unit.name));
        }
        if registry.entries.iter().any(|entry| entry.runner.unit.name == unit.name) {
            return Err(SupervisorError::Known(unit.name));
        }
        let entry = self.start(Arc::new(unit))?;
        registry.entries.push(entry);
        Ok(())
    }

    /// Stops the unit and forgets it. Errors: unknown, or still running after the drain time.
    /// In a reload first add and replace, then remove: when nothing but ended work is left, the service ends.
    pub fn remove(&self, name: &str) -> Result<(), SupervisorError> {
        let claim = self.claimed(name)?;
        self.stop_unit(&claim)?;
        let mut registry = self.registry();
        registry.entries.retain(|entry| &*entry.runner.unit.name != name);
        registry.wake.stop();
        Ok(())
    }

    /// Stops the unit and starts it again, also one that was given up; its restarts count from zero. Waits
    /// while another change of the unit is under way.
    pub fn restart(&self, name: &str) -> Result<(), SupervisorError> {
        self.restart_claimed(&self.claimed(name)?)
    }

    /// Like [`Supervisor::restart`], for a unit whose claim the caller holds.
    pub fn restart_claimed(&self, claim: &Claim) -> Result<(), SupervisorError> {
        let unit = self.stop_unit(claim)?.unit.clone();
        self.refill(claim, unit)
    }

    /// Stops the unit with the name of `unit`, and starts `unit` in its place.
    pub fn replace(&self, unit: Unit) -> Result<(), SupervisorError> {
        let claim = self.claimed(&unit.name)?;
        self.stop_unit(&claim)?;
        self.refill(&claim, Arc::new(unit))
    }

    /// Reserves the unit `name` for a change that begins later; `None` while another change of it is under
    /// way. Does not check that the unit exists: the change does.
    pub fn claim(&self, name: &str) -> Option<Claim> {
        self.0.claims.try_take(name)
    }

    /// The state of every unit, in the order of their start.
    pub fn status(&self) -> Vec<UnitStatus> {
        self.registry().entries.iter().map(|entry| entry.runner.status()).collect()
    }

    /// The beats that the watchdog waits for: one for each watched unit that is starting or running.
    pub fn hearts(&self) -> Vec<Heart> {
        let registry = self.registry();
        let watched = registry.entries.iter().filter(|entry| entry.runner.unit.watched);
        let hearts = watched.filter_map(|entry| {
            let (life, beat) = entry.runner.beat()?;
            Some(Heart { name: entry.runner.unit.name.clone(), life, count: beat.count() })
        });
        hearts.collect()
    }

    /// Waits until `stop`, until all work is over, or until an essential unit is given up.
    /// The units still run when it returns; [`Supervisor::shutdown`] ends them.
    pub fn run(&self, stop: &Stop) -> Result<Ended, SupervisorError> {
        loop {
            // Registered before the states are read, so that a change after the reading wakes this loop.
            let wake = stop.child();
            self.registry().wake = wake.clone();
            if stop.is_stopped() {
                return Ok(Ended::Stopped);
            }
            if let Some(verdict) = self.verdict() {
                return verdict;
            }
            wake.wait(Duration::from_secs(3_600));
        }
    }

    /// Stops every unit, the last started first; each must end before the next is asked, except within a
    /// group. A unit that makes progress is waited for, up to `drain_max` of the settings; one that makes
    /// none for `drain` hangs and is abandoned. Returns the names of those; their threads end with the
    /// process.
    pub fn shutdown(&self) -> Vec<Arc<str>> {
        let mut entries = {
            let mut registry = self.registry();
            registry.closing = true;
            std::mem::take(&mut registry.entries)
        };
        let mut drain = Drain::new(&self.0.settings, Instant::now());
        drain.look(entries.iter().map(|entry| &*entry.runner));
        let mut stragglers = Vec::new();
        while let Some(mut entry) = entries.pop() {
            entry.runner.stop.stop();
            let group = entry.runner.unit.group;
            let together = entries.iter().filter(|other| group.is_some() && other.runner.unit.group == group);
            together.for_each(|other| other.runner.stop.stop());
            if !drain.wait(&entry.runner, || entries.iter().map(|entry| &*entry.runner)) || !entry.join() {
                tracing::error!(unit = &*entry.runner.unit.name, "did not stop in time; abandoned");
                stragglers.push(entry.runner.unit.name.clone());
            }
        }
        stragglers
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.registry.lock()
    }

    fn start(&self, unit: Arc<Unit>) -> Result<UnitEntry, SupervisorError> {
        let runner = Arc::new(UnitRunner::new(unit));
        let (running, supervisor, policy) =
            (runner.clone(), self.clone(), RestartPolicy::new(&self.0.settings));
        let thread = spawn::spawn(&runner.unit.name, runner.unit.core, move || {
            running.run(policy);
            supervisor.registry().wake.stop();
        });
        let thread =
            thread.map_err(|source| SupervisorError::Spawn { unit: runner.unit.name.clone(), source })?;
        Ok(UnitEntry { runner, thread: Some(thread) })
    }

    /// Takes the claim to `name`; waits as long as one change of a unit may take.
    fn claimed(&self, name: &str) -> Result<Claim, SupervisorError> {
        let claim = self.0.claims.take(name, self.0.settings.drain_max.max(self.0.settings.drain));
        claim.ok_or_else(|| SupervisorError::Busy(name.into()))
    }

    /// Starts `unit` in the entry of the stopped unit of the same name.
    fn refill(&self, _: &Claim, unit: Arc<Unit>) -> Result<(), SupervisorError> {
        let mut registry = self.registry();
        if registry.closing {
            return Err(SupervisorError::Stopping(unit.name.clone()));
        }
        let fresh = self.start(unit)?;
        match registry.entries.iter_mut().find(|entry| entry.runner.unit.name == fresh.runner.unit.name) {
            Some(entry) => *entry = fresh,
            None => registry.entries.push(fresh),
        }
        Ok(())
    }

    fn stop_unit(&self, claim: &Claim) -> Result<Arc<UnitRunner>, SupervisorError> {
        let name = &**claim.name();
        let runner = self
            .registry()
            .entries
            .iter()
            .find(|entry| &*entry.runner.unit.name == name)
            .map(|entry| entry.runner.clone());
        let Some(runner) = runner else { return Err(self.unknown(name)) };
        runner.stop.stop();
        // The lock is not held here, so that the states of the other units stay readable while this one
        // drains.
        match Drain::new(&self.0.settings, Instant::now()).wait(&runner, std::iter::empty) {
            true => Ok(runner),
            false => Err(SupervisorError::StillRunning(runner.unit.name.clone(), self.0.settings.drain)),
        }
    }

    fn unknown(&self, name: &str) -> SupervisorError {
        let known: Vec<_> = self.status().iter().map(|status| status.name.to_string()).collect();
        SupervisorError::Unknown { name: name.to_owned(), known: known.join(", ") }
    }

    fn verdict(&self) -> Option<Result<Ended, SupervisorError>> {
        let registry = self.registry();
        let all: Vec<_> =
            registry.entries.iter().map(|entry| (&entry.runner.unit, entry.runner.status())).collect();
        if let Some((unit, status)) =
            all.iter().find(|(unit, status)| unit.essential && status.state == State::Failed)
        {
            let cause = status.last_error.clone().unwrap_or_default();
            return Some(Err(SupervisorError::Essential { unit: unit.name.clone(), cause }));
        }
        let work: Vec<_> = all.iter().filter(|(unit, _)| unit.work).map(|(_, status)| status).collect();
        // A unit that was stopped on request is about to be replaced or removed, so its end does not mean
        // that the work is done.
        let asked =
            registry.entries.iter().any(|entry| entry.runner.unit.work && entry.runner.stop.is_stopped());
        if asked || work.is_empty() || !work.iter().all(|status| status.state.is_over()) {
            return None;
        }
        let failed: Vec<_> = work.iter().filter(|status| status.state == State::Failed).collect();
        Some(match failed.first() {
            None => Ok(Ended::WorkDone),
            Some(first) => Err(SupervisorError::Work {
                units: failed.iter().map(|status| status.name.to_string()).collect(),
                cause: first.last_error.clone().unwrap_or_default(),
            }),
        })
    }
}

impl UnitEntry {
    /// Joins the thread of a unit that has ended; the thread only has to return.
    fn join(&mut self) -> bool {
        let deadline = Instant::now() + JOIN;
        self.thread.take().is_none_or(|thread| thread.join_until(deadline).is_ok())
    }
}

//! The supervisor: starts units in order, knows how each is, and stops them in reverse order within a deadline.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Stop;
use super::policy::Policy;
use super::spawn::{self, SpawnError, Spawned};
use super::unit::{Keeper, State, Unit, UnitStatus};
use super::watchdog::Heart;
use crate::config;

/// What the supervisor could not do, or why it ended.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Two units of one name.
    #[error("there is already a unit {0}; remove it first")]
    Known(Arc<str>),
    /// No unit of that name.
    #[error("there is no unit {name}; there are: {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The unit did not obey within the drain time.
    #[error("unit {0} did not stop within {1:?}; it may hold a device or a lock, and ends with the process")]
    StillRunning(Arc<str>, Duration),
    /// The service is ending.
    #[error("the service is stopping; no unit {0} is started any more")]
    Stopping(Arc<str>),
    /// The unit's thread could not be started.
    #[error("unit {unit}: {source}")]
    Spawn {
        /// The unit.
        unit: Arc<str>,
        /// Why.
        source: SpawnError,
    },
    /// An essential unit was given up.
    #[error("essential unit {unit} was given up: {cause}")]
    Essential {
        /// The unit.
        unit: Arc<str>,
        /// Its last failure.
        cause: String,
    },
    /// All work is over, and part of it failed.
    #[error("all work is over, and {} failed: {cause}", .units.join(", "))]
    Work {
        /// The units that failed.
        units: Vec<String>,
        /// The first one's last failure.
        cause: String,
    },
}

/// Why the service ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Somebody asked.
    Stopped,
    /// Every unit marked as work has ended.
    WorkDone,
}

/// The keeper of all units. Clones are the same supervisor.
#[derive(Clone)]
pub struct Supervisor(Arc<Inner>);

struct Inner {
    config: config::Supervisor,
    house: Mutex<House>,
}

#[derive(Default)]
struct House {
    /// In the order of their start.
    rooms: Vec<Room>,
    closing: bool,
    /// Stopped when a unit's end may end the service.
    wake: Stop,
}

struct Room {
    keeper: Arc<Keeper>,
    thread: Option<Spawned<()>>,
}

impl Supervisor {
    /// A supervisor without units.
    pub fn new(config: config::Supervisor) -> Supervisor {
        Supervisor(Arc::new(Inner { config, house: Mutex::default() }))
    }

    /// Starts `unit`, after all that were added before it.
    pub fn add(&self, unit: Unit) -> Result<(), SupervisorError> {
        let mut house = self.house();
        if house.closing {
            return Err(SupervisorError::Stopping(unit.name));
        }
        if house.rooms.iter().any(|room| room.keeper.unit.name == unit.name) {
            return Err(SupervisorError::Known(unit.name));
        }
        let room = self.start(Arc::new(unit))?;
        house.rooms.push(room);
        Ok(())
    }

    /// Stops the unit and forgets it. Errors: unknown, or still running after the drain time.
    /// In a reload first add and replace, then remove: when nothing but ended work is left, the service ends.
    pub fn remove(&self, name: &str) -> Result<(), SupervisorError> {
        self.stop_unit(name)?;
        let mut house = self.house();
        house.rooms.retain(|room| &*room.keeper.unit.name != name);
        house.wake.stop();
        Ok(())
    }

    /// Stops the unit and starts it again, also one that was given up; its restarts count from zero.
    pub fn restart(&self, name: &str) -> Result<(), SupervisorError> {
        let unit = self.stop_unit(name)?.unit.clone();
        self.refill(unit)
    }

    /// Stops the unit that is called as `unit` is, and starts `unit` in its place.
    pub fn replace(&self, unit: Unit) -> Result<(), SupervisorError> {
        self.stop_unit(&unit.name)?;
        self.refill(Arc::new(unit))
    }

    /// How every unit is, in the order of their start.
    pub fn status(&self) -> Vec<UnitStatus> {
        self.house().rooms.iter().map(|room| room.keeper.status()).collect()
    }

    /// The beats that the watchdog waits for: of watched units that are alive.
    pub fn hearts(&self) -> Vec<Heart> {
        let house = self.house();
        let watched = house.rooms.iter().filter(|room| room.keeper.unit.watched);
        let hearts = watched.filter_map(|room| {
            let (life, beat) = room.keeper.beat()?;
            Some(Heart { name: room.keeper.unit.name.clone(), life, count: beat.count() })
        });
        hearts.collect()
    }

    /// Waits until `stop`, until all work is over, or until an essential unit is given up.
    /// The units still run when it returns; [`Supervisor::shutdown`] ends them.
    pub fn run(&self, stop: &Stop) -> Result<Ended, SupervisorError> {
        loop {
            // Hung up before the look, so that what happens after the look wakes us.
            let wake = stop.child();
            self.house().wake = wake.clone();
            if stop.is_stopped() {
                return Ok(Ended::Stopped);
            }
            if let Some(verdict) = self.verdict() {
                return verdict;
            }
            wake.wait(Duration::from_secs(3_600));
        }
    }

    /// Stops every unit, the last started first, within the drain time of the configuration.
    /// Returns the names of those that did not end; their threads end with the process.
    pub fn shutdown(&self) -> Vec<Arc<str>> {
        let deadline = Instant::now() + self.0.config.drain;
        let mut rooms = {
            let mut house = self.house();
            house.closing = true;
            std::mem::take(&mut house.rooms)
        };
        let mut stragglers = Vec::new();
        while let Some(mut room) = rooms.pop() {
            room.keeper.stop.stop();
            // One that hangs may not eat the time of those that drain after it (the outbox is first in, last out).
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            let until = now + if rooms.is_empty() { left } else { left / 2 };
            if !room.end_by(until) {
                tracing::error!(unit = &*room.keeper.unit.name, "did not stop in time; left behind");
                stragglers.push(room.keeper.unit.name.clone());
            }
        }
        stragglers
    }

    fn house(&self) -> MutexGuard<'_, House> {
        self.0.house.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn start(&self, unit: Arc<Unit>) -> Result<Room, SupervisorError> {
        let keeper = Arc::new(Keeper::new(unit));
        let (kept, house, policy) = (keeper.clone(), self.clone(), Policy::new(&self.0.config));
        let thread = spawn::spawn(&keeper.unit.name, keeper.unit.core, move || {
            kept.keep(policy);
            house.house().wake.stop();
        });
        let thread =
            thread.map_err(|source| SupervisorError::Spawn { unit: keeper.unit.name.clone(), source })?;
        Ok(Room { keeper, thread: Some(thread) })
    }

    /// Starts `unit` in the room of the stopped one of its name.
    fn refill(&self, unit: Arc<Unit>) -> Result<(), SupervisorError> {
        let mut house = self.house();
        if house.closing {
            return Err(SupervisorError::Stopping(unit.name.clone()));
        }
        let fresh = self.start(unit)?;
        match house.rooms.iter_mut().find(|room| room.keeper.unit.name == fresh.keeper.unit.name) {
            Some(room) => *room = fresh,
            None => house.rooms.push(fresh),
        }
        Ok(())
    }

    fn stop_unit(&self, name: &str) -> Result<Arc<Keeper>, SupervisorError> {
        let keeper = self
            .house()
            .rooms
            .iter()
            .find(|room| &*room.keeper.unit.name == name)
            .map(|room| room.keeper.clone());
        let Some(keeper) = keeper else { return Err(self.unknown(name)) };
        keeper.stop.stop();
        // Not under the lock: the others' states stay readable while this one drains.
        match keeper.wait_over(Instant::now() + self.0.config.drain) {
            true => Ok(keeper),
            false => Err(SupervisorError::StillRunning(keeper.unit.name.clone(), self.0.config.drain)),
        }
    }

    fn unknown(&self, name: &str) -> SupervisorError {
        let known: Vec<_> = self.status().iter().map(|status| status.name.to_string()).collect();
        SupervisorError::Unknown { name: name.to_owned(), known: known.join(", ") }
    }

    fn verdict(&self) -> Option<Result<Ended, SupervisorError>> {
        let house = self.house();
        let all: Vec<_> = house.rooms.iter().map(|room| (&room.keeper.unit, room.keeper.status())).collect();
        if let Some((unit, status)) =
            all.iter().find(|(unit, status)| unit.essential && status.state == State::Failed)
        {
            let cause = status.last_error.clone().unwrap_or_default();
            return Some(Err(SupervisorError::Essential { unit: unit.name.clone(), cause }));
        }
        let work: Vec<_> = all.iter().filter(|(unit, _)| unit.work).map(|(_, status)| status).collect();
        // A unit that somebody stopped is about to be replaced or removed: its end says nothing about the work.
        let asked = house.rooms.iter().any(|room| room.keeper.unit.work && room.keeper.stop.is_stopped());
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

impl Room {
    fn end_by(&mut self, deadline: Instant) -> bool {
        self.keeper.wait_over(deadline)
            && self.thread.take().is_none_or(|thread| thread.join_until(deadline).is_ok())
    }
}

//! The supervisor: starts units in order, knows how each is, and stops them in reverse order within a deadline.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Stop;
use super::claim::{Claim, Claims};
use super::drain::Drain;
use super::error::SupervisorError;
use super::policy::Policy;
use super::settings::Settings;
use super::spawn::{self, Spawned};
use super::unit::{Keeper, State, Unit, UnitStatus};
use super::watchdog::Heart;

/// How long the last instructions of a thread may take, on the busiest machine.
const JOIN: Duration = Duration::from_secs(5);

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
    config: Settings,
    house: Mutex<House>,
    /// Taken before the unit of a name is added, stopped or replaced, so that a unit that is being stopped by one
    /// cannot be filled again by two.
    claims: Claims,
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
    pub fn new(config: Settings) -> Supervisor {
        Supervisor(Arc::new(Inner { config, house: Mutex::default(), claims: Claims::default() }))
    }

    /// Starts `unit`, after all that were added before it.
    pub fn add(&self, unit: Unit) -> Result<(), SupervisorError> {
        let _claim = self.claimed(&unit.name)?;
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
        let claim = self.claimed(name)?;
        self.stop_unit(&claim)?;
        let mut house = self.house();
        house.rooms.retain(|room| &*room.keeper.unit.name != name);
        house.wake.stop();
        Ok(())
    }

    /// Stops the unit and starts it again, also one that was given up; its restarts count from zero. Waits while
    /// another change of the unit is under way.
    pub fn restart(&self, name: &str) -> Result<(), SupervisorError> {
        self.restart_claimed(&self.claimed(name)?)
    }

    /// The same for a unit whose claim the caller holds.
    pub fn restart_claimed(&self, claim: &Claim) -> Result<(), SupervisorError> {
        let unit = self.stop_unit(claim)?.unit.clone();
        self.refill(claim, unit)
    }

    /// Stops the unit that is called as `unit` is, and starts `unit` in its place.
    pub fn replace(&self, unit: Unit) -> Result<(), SupervisorError> {
        let claim = self.claimed(&unit.name)?;
        self.stop_unit(&claim)?;
        self.refill(&claim, Arc::new(unit))
    }

    /// The claim to the unit `name`, for a change that begins later; `None` while another change of it is under way.
    /// Whether there is such a unit shows when it is changed.
    pub fn claim(&self, name: &str) -> Option<Claim> {
        self.0.claims.try_take(name)
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

    /// Stops every unit, the last started first; each is over before the next is asked, but for those of a group. One
    /// that makes progress is waited for, up to `drain_max` of the configuration; one that makes none for `drain` hangs
    /// and is left behind. Returns the names of those; their threads end with the process.
    pub fn shutdown(&self) -> Vec<Arc<str>> {
        let mut rooms = {
            let mut house = self.house();
            house.closing = true;
            std::mem::take(&mut house.rooms)
        };
        let mut drain = Drain::new(&self.0.config);
        drain.look(rooms.iter().map(|room| &*room.keeper));
        let mut stragglers = Vec::new();
        while let Some(mut room) = rooms.pop() {
            room.keeper.stop.stop();
            let group = room.keeper.unit.group;
            let together = rooms.iter().filter(|other| group.is_some() && other.keeper.unit.group == group);
            together.for_each(|other| other.keeper.stop.stop());
            if !drain.wait(&room.keeper, || rooms.iter().map(|room| &*room.keeper)) || !room.join() {
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

    /// The claim to `name`; waits as long as one change of a unit may take.
    fn claimed(&self, name: &str) -> Result<Claim, SupervisorError> {
        let claim = self.0.claims.take(name, self.0.config.drain_max.max(self.0.config.drain));
        claim.ok_or_else(|| SupervisorError::Busy(name.into()))
    }

    /// Starts `unit` in the room of the stopped one of its name.
    fn refill(&self, _: &Claim, unit: Arc<Unit>) -> Result<(), SupervisorError> {
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

    fn stop_unit(&self, claim: &Claim) -> Result<Arc<Keeper>, SupervisorError> {
        let name = &**claim.name();
        let keeper = self
            .house()
            .rooms
            .iter()
            .find(|room| &*room.keeper.unit.name == name)
            .map(|room| room.keeper.clone());
        let Some(keeper) = keeper else { return Err(self.unknown(name)) };
        keeper.stop.stop();
        // Not under the lock: the others' states stay readable while this one drains.
        match Drain::new(&self.0.config).wait(&keeper, std::iter::empty) {
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
    /// Joins the thread of a unit that is over: nothing but its end is left of it.
    fn join(&mut self) -> bool {
        let deadline = Instant::now() + JOIN;
        self.thread.take().is_none_or(|thread| thread.join_until(deadline).is_ok())
    }
}

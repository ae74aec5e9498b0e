//! Who works on what, when: pinned workers, classes of work, fan-out and join, and order at the end.
//!
//! A worker is a thread pinned to one core with a [`Station`] of its own for each stage, so N workers give
//! N times the throughput and nothing is shared while a model runs. Free workers ask the [`Board`] for the
//! highest [`Class`](crate::types::Class) that waits; [`Reorder`] puts what they finish back in order.

mod board;
mod fan;
mod join;
mod reorder;
mod worker;

use std::sync::Arc;

pub use board::{Board, Feed, Permit, Rank, Stage};
pub use fan::Fan;
pub use join::Join;
pub use reorder::Reorder;
pub use worker::{Factory, Gauges, Item, Station, Worker};

use crate::ring::Bell;
use worker::{Bench, Change};

/// The workers and their board.
pub struct Scheduler<I> {
    board: Arc<Board<I>>,
    bell: Arc<Bell>,
    workers: Vec<Arc<Worker<I>>>,
}

/// A station could not be built.
#[derive(Debug, thiserror::Error)]
#[error("stage {stage}, worker on core {core}: {cause}")]
pub struct StationError {
    /// The stage.
    pub stage: Arc<str>,
    /// The worker's core.
    pub core: usize,
    /// What the factory said.
    pub cause: String,
}

impl<I: Item> Scheduler<I> {
    /// One worker for each of `cores`; `bell` is rung by whoever brings work.
    pub fn new(cores: &[usize], bell: Arc<Bell>) -> Scheduler<I> {
        let board = Arc::new(Board::new(cores.len()));
        let workers =
            cores.iter().map(|core| Arc::new(Worker::new(*core, board.clone(), bell.clone()))).collect();
        Scheduler { board, bell, workers }
    }

    /// The workers; each is to be [`run`](Worker::run) on a thread of its own.
    pub fn workers(&self) -> &[Arc<Worker<I>>] {
        &self.workers
    }

    /// The stages, highest class first.
    pub fn stages(&self) -> Arc<Vec<Arc<Stage<I>>>> {
        self.board.stages()
    }

    /// Adds a stage: builds a station for each of its workers, all at once and off the workers' threads, so
    /// that those already running go on, then opens it. `inbox` bounds what other stages may send it.
    ///
    /// # Errors
    /// The first station that could not be built; nothing is changed then.
    pub fn add(
        &self,
        rank: Rank,
        inbox: usize,
        factory: Arc<Factory<I>>,
    ) -> Result<Arc<Stage<I>>, StationError> {
        let chosen = &self.workers[..rank.max.min(self.workers.len())];
        let built: Vec<_> = std::thread::scope(|scope| {
            let building: Vec<_> = chosen.iter().map(|_| scope.spawn(|| factory())).collect();
            building.into_iter().map(|thread| thread.join()).collect()
        });
        let stage = Arc::new(Stage::new(rank, inbox));
        let mut stations = Vec::with_capacity(built.len());
        for (worker, outcome) in chosen.iter().zip(built) {
            let outcome = outcome.unwrap_or_else(|_| Err("building the station panicked".into()));
            let stage = stage.rank.name.clone();
            stations.push(outcome.map_err(|cause| StationError { stage, core: worker.core, cause })?);
        }
        for (worker, station) in chosen.iter().zip(stations) {
            let bench = Bench { stage: stage.clone(), factory: factory.clone(), station, renewed: false };
            worker.changes.lock().unwrap_or_else(|e| e.into_inner()).push(Change::Add(bench));
        }
        self.board.add(stage.clone());
        self.bell.ring_all();
        Ok(stage)
    }

    /// Takes a stage away. What runs ends as usual; the workers drop their stations before their next item.
    pub fn remove(&self, name: &str) {
        self.board.remove(name);
        for worker in &self.workers {
            worker.changes.lock().unwrap_or_else(|e| e.into_inner()).push(Change::Remove(name.into()));
        }
        self.bell.ring_all();
    }
}

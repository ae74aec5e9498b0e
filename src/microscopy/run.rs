//! A run: prepared, then carried out by workers that take its items.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::RunError;
use super::before::{check_space, new_id, same, share, skip};
use super::files::remove_partial;
use super::fov::FovRun;
use super::input;
use super::journal::{Header, Journal, Lock, Record, Recorded, RunOrigin, fovs_done};
use super::model::CellModel;
use super::plan::{ItemKey, Plan, Step};
use super::progress::{Due, Progress, ProgressSink};
use super::stack::open_stack;
use super::steps::{Job, Tools};
use super::summary::{self, Summary};
use super::table;
use crate::config::{ChannelFeatures, Experiment};
use crate::ring::Bell;
use crate::scheduler::{Cause, Executor, Factory, Feed, Scheduler, StageSpec, WorkItem};
use crate::supervisor::{Beat, Stop, lower_priority, spawn, usable_cores};
use crate::types::priority;

/// The schema of the journal.
const SCHEMA: &str = "ocellus.batch/1";
/// How often the thread that waits for the end looks whether it was asked to cancel.
const LOOK: Duration = Duration::from_millis(50);

/// How a run is begun.
pub struct RunOptions {
    /// Where its parameters come from.
    pub origin: RunOrigin,
    /// Only this share: number from 1, of how many.
    pub shard: Option<[usize; 2]>,
    /// Whether a run that is in the folder goes on; else it is refused.
    pub resume: bool,
    /// The name of a new run, if it has one already.
    pub id: Option<String>,
    /// Whether the service carries it out, which then must not be ended to cancel it.
    pub in_service: bool,
}

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Fields of view, their states and causes, and what was dropped.
    pub summary: Summary,
    /// Whether it was cancelled before its end.
    pub cancelled: bool,
}

/// A run that is prepared: the folder is locked, the stack is open, and what an earlier run completed is known.
pub struct Run {
    inner: Arc<Inner>,
    out: PathBuf,
}

struct Inner {
    job: Job,
    fovs: Vec<FovRun>,
    header: Header,
    plan: Mutex<Plan>,
    journal: Mutex<Journal>,
    records: Mutex<Vec<Record>>,
    sink: Box<dyn ProgressSink>,
    in_service: bool,
    due: Due,
    bell: Arc<Bell>,
}

impl Run {
    /// Opens the stack, checks everything that can be checked before the work, and locks the results folder.
    ///
    /// # Errors
    /// Every fault of [`RunError`]; nothing has been changed then.
    pub fn prepare(
        experiment: Experiment,
        options: RunOptions,
        sink: Box<dyn ProgressSink>,
    ) -> Result<Run, RunError> {
        let stack = open_stack(&experiment.input, &experiment.stack)?;
        let channels = input::channels(&stack, &experiment)?;
        let all = input::fovs(&stack, &experiment)?;
        let model = experiment.segment_model.as_ref().map(CellModel::load).transpose()?;
        let mut parameters = input::parameters(&experiment, &channels, &all);
        let of_model = model.iter().flat_map(CellModel::parameters);
        parameters.extend(of_model.map(|(name, value)| (name.to_owned(), value)));
        let fovs = match options.shard {
            Some([number, of]) => share(&all, number, of),
            None => all,
        };
        let out = std::path::absolute(&experiment.out)
            .map_err(|error| RunError::io("find", &experiment.out, error))?;
        let numbers: Vec<usize> = channels.iter().map(|one| one.channel).collect();
        let runs = fovs.iter().map(|fov| input::fov_run(&stack, &numbers, *fov, &out));
        let runs = runs.collect::<Result<Vec<_>, RunError>>()?;
        let known = Recorded::read(&out)?;
        if let (Some(known), false) = (&known, options.resume) {
            return Err(RunError::Exists { out, id: known.header.id.clone() });
        }
        let lock = Lock::take(&out, options.in_service)?;
        let workers = experiment.workers.unwrap_or_else(|| usable_cores().len());
        let inputs = input::sums(stack.files(), workers)?;
        let id = known.as_ref().map(|known| known.header.id.clone()).or(options.id);
        let id = id.unwrap_or_else(new_id);
        let header = Header {
            schema: SCHEMA.into(),
            id,
            version: env!("CARGO_PKG_VERSION").into(),
            origin: options.origin,
            shard: options.shard,
            parameters,
            phase: named(&channels[0]),
            fluorescence: channels[1..].iter().map(named).collect(),
            inputs,
        };
        let mut plan =
            Plan::new(&runs.iter().map(|fov| fov.shape.frames).collect::<Vec<_>>(), experiment.batch_size);
        let mut records = Vec::new();
        let journal = match known {
            Some(known) => {
                same(&known.header, &header)?;
                for (at, fov) in runs.iter().enumerate() {
                    remove_partial(&fov.paths.folder())?;
                    records.extend(skip(&mut plan, at, fov, &known));
                }
                Journal::resume(lock, &out)?
            }
            None => {
                check_space(&experiment, &runs, &out)?;
                Journal::begin(lock, &out, &header)?
            }
        };
        let features = channels.iter().map(|one| one.features.clone()).collect();
        let cancelled = AtomicBool::new(false);
        let job = Job { stack, experiment, channels: numbers, model, features, cancelled };
        let inner = Inner {
            job,
            fovs: runs,
            header,
            plan: Mutex::new(plan),
            journal: Mutex::new(journal),
            records: Mutex::new(records),
            sink,
            in_service: options.in_service,
            due: Due::new(),
            bell: Bell::new(),
        };
        Ok(Run { inner: Arc::new(inner), out })
    }

    /// The name of the run.
    pub fn id(&self) -> &str {
        &self.inner.header.id
    }

    /// What was understood of the stack, and which model finds the cells, for a person.
    pub fn description(&self) -> String {
        let Job { stack, model, .. } = &self.inner.job;
        let mut description = stack.description();
        if let (Some(model), Some(fov)) = (model, self.inner.fovs.first()) {
            description.push_str(&model.description(fov.shape.width, fov.shape.height));
        }
        description
    }

    /// The folder of the results.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// Fields of view, and how many of them an earlier run completed.
    pub fn fovs(&self) -> (usize, usize) {
        (self.inner.fovs.len(), fovs_done(&self.inner.records.lock()).0)
    }

    /// Carries it out on workers of its own, and waits for the end. `cancel` ends it within a frame's work.
    ///
    /// # Errors
    /// The workers cannot be started, or the results' summary cannot be written. What failed in a field of view
    /// is in the outcome.
    pub fn execute(&self, cancel: &Stop) -> Result<Outcome, RunError> {
        let inner = &self.inner;
        let cores = usable_cores();
        let workers = inner.job.experiment.workers.unwrap_or(cores.len()).max(1);
        let cores: Vec<usize> = cores.iter().copied().cycle().take(workers).collect();
        let scheduler = Scheduler::new(&cores, inner.bell.clone());
        let spec = StageSpec { name: "batch".into(), priority: priority::BATCH, min: 0, max: workers };
        let factory: Arc<Factory<BatchItem>> = Arc::new(|| Ok(Box::new(Tools::default())));
        let stage = scheduler.add(spec, factory).map_err(|error| RunError::Workers(error.to_string()))?;
        stage.attach(Arc::new(RunFeed(inner.clone())));
        let (stop, in_service) = (Stop::new(), inner.in_service);
        let threads = scheduler.workers().iter().enumerate().map(|(at, worker)| {
            let (worker, stop) = (worker.clone(), stop.clone());
            let name = format!("batch-{at}");
            let body = move || {
                if in_service {
                    lower_priority();
                }
                worker.run(&stop, &Beat::new());
            };
            spawn(&name, Some(cores[at]), body).map_err(|error| RunError::Workers(error.to_string()))
        });
        let threads = threads.collect::<Result<Vec<_>, _>>();
        let mut seen = inner.bell.seen();
        while threads.is_ok() && !inner.plan.lock().is_over() {
            inner.bell.wait(seen, Some(LOOK));
            seen = inner.bell.seen();
            if cancel.is_stopped() && !inner.job.cancelled.swap(true, Ordering::Relaxed) {
                inner.plan.lock().cancel();
            }
        }
        stop.stop();
        inner.bell.ring_all();
        for thread in threads? {
            thread.join().map_err(|error| RunError::Workers(error.to_string()))?;
        }
        self.end()
    }

    /// Writes the summary and the table of results.
    fn end(&self) -> Result<Outcome, RunError> {
        let inner = &self.inner;
        let cancelled = inner.job.cancelled.load(Ordering::Relaxed);
        let records = inner.records.lock();
        let shapes = inner.fovs.iter().map(|fov| (fov.shape.fov, fov.shape.frames));
        let summary = Summary::new(&inner.header, shapes, &records);
        if !cancelled {
            summary.write(&self.out)?;
            let complete = inner.fovs.iter().filter(|fov| summary.is_complete(fov.shape.fov));
            let paths = complete.map(|fov| (fov.shape.fov, fov.paths.clone())).collect();
            summary::write_results(&self.out, &inner.header, paths)?;
        }
        Ok(Outcome { summary, cancelled })
    }
}

/// A channel and the names of its features.
fn named(channel: &ChannelFeatures) -> (usize, Vec<String>) {
    (channel.channel, channel.features.iter().map(|feature| feature.name().to_owned()).collect())
}

/// The items of a run, as workers take them.
struct RunFeed(Arc<Inner>);

impl Feed<BatchItem> for RunFeed {
    fn take(&self) -> Option<BatchItem> {
        let key = self.0.plan.lock().take()?;
        Some(BatchItem { inner: self.0.clone(), key, failed: None })
    }

    fn waiting(&self) -> usize {
        self.0.plan.lock().waiting()
    }
}

/// A range of frames of one step of one field of view.
struct BatchItem {
    inner: Arc<Inner>,
    key: ItemKey,
    failed: Option<RunError>,
}

impl WorkItem for BatchItem {
    fn fail(&mut self, _: &str, cause: &str) {
        self.failed.get_or_insert_with(|| RunError::Item(cause.to_owned()));
    }
}

impl Executor<BatchItem> for Tools {
    fn run(&mut self, item: &mut BatchItem) -> Result<(), Cause> {
        if let Err(error) = item.run(self) {
            item.failed = Some(error);
        }
        Ok(())
    }
}

impl BatchItem {
    fn run(&self, tools: &mut Tools) -> Result<(), RunError> {
        let (at, step, range) = self.key;
        let inner = &self.inner;
        let fov = &inner.fovs[at];
        if step == Step::Table {
            let record = table::write(&inner.job, fov)?;
            inner.record(record)?;
            inner.report(fov, step, fov.shape.frames);
            return Ok(());
        }
        tools.run(&inner.job, fov, step, range, || {
            let t = fov.frame_done(step);
            if inner.due.is_due(t, fov.shape.frames) {
                inner.report(fov, step, t);
            }
        })
    }
}

impl Drop for BatchItem {
    fn drop(&mut self) {
        let inner = &self.inner;
        let (at, step, _) = self.key;
        match self.failed.take() {
            None => {
                let last = inner.plan.lock().complete(self.key);
                if last && !matches!(step, Step::Measure | Step::Table) {
                    inner.publish(at, step);
                }
                inner.plan.lock().release(self.key);
            }
            Some(RunError::Cancelled) => inner.plan.lock().give_back(self.key),
            Some(error) => {
                let first = inner.plan.lock().fail(self.key);
                inner.failed(at, &error, first);
            }
        }
        inner.bell.ring_all();
    }
}

impl Inner {
    /// Gives the stacks of a step their names, and notes it.
    fn publish(&self, at: usize, step: Step) {
        let fov = &self.fovs[at];
        let number = fov.shape.fov;
        let published = fov.publish(step).and_then(|()| self.record(Record::Step { fov: number, step }));
        if let Err(error) = published {
            let first = self.plan.lock().fail_fov(at);
            self.failed(at, &error, first);
        }
    }

    fn record(&self, record: Record) -> Result<(), RunError> {
        self.journal.lock().add(&record)?;
        self.records.lock().push(record);
        Ok(())
    }

    /// A field of view failed: the others go on.
    fn failed(&self, at: usize, error: &RunError, first: bool) {
        if !first {
            return;
        }
        let fov = self.fovs[at].shape.fov;
        let cause = match error.remedy() {
            Some(remedy) => format!("{error}; next: {remedy}"),
            None => error.to_string(),
        };
        tracing::error!(fov, "the field of view failed: {cause}");
        let record = Record::Failed { fov, cause };
        // A full disk takes no record either; the summary in memory has it.
        if let Err(error) = self.record(record.clone()) {
            tracing::warn!(fov, "the failure is not in the journal: {error}");
            self.records.lock().push(record);
        }
    }

    fn report(&self, fov: &FovRun, step: Step, t: usize) {
        let (done, all) = self.plan.lock().ranges_done();
        let (frames, number) = (fov.shape.frames, fov.shape.fov);
        let (complete, failed) = fovs_done(&self.records.lock());
        self.sink.progress(&Progress {
            step: step.name(),
            fov: number,
            t,
            frames,
            message: format!("fov {number}: {} {t} of {frames} frames", step.name()),
            complete,
            failed,
            permille: done * 1000 / all.max(1),
        });
    }
}

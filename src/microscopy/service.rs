//! Runs of recipes inside the service: one at a time, begun, watched and cancelled by commands.
//!
//! A run has workers of its own, of the lowest priority, which the kernel preempts when the service needs the core. On the
//! service's workers an item of some hundred ms, once begun, would hold up an inspection until its end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::command::{BatchAnswer, BatchCommand, BatchOut};
use super::look::Look;
use super::progress::{Progress, ProgressSink};
use super::recipes::{self, KnownRecipe};
use super::{Outcome, Run, RunError, RunOptions, RunOrigin, new_id};
use crate::config::Experiment;
use crate::contract::{BatchProgress, BatchState};
use crate::supervisor::{Beat, Stop, usable_cores};
use crate::timelapse::tables::TableError;
use crate::types::Refusal;

/// How often the unit that runs looks at its stop token while nothing is to be run.
const LOOK: Duration = Duration::from_millis(500);

/// Takes the progress of a run, and whether its state has changed, to publish it; called by the run's workers, so it must
/// not wait.
pub type ReportProgress = Box<dyn Fn(&BatchProgress, bool) + Send + Sync>;

/// The recipes of a folder, and the run of one of them.
pub struct BatchService {
    /// Folder of the recipes.
    folder: PathBuf,
    /// Most threads of a run.
    most_workers: usize,
    report: ReportProgress,
    state: Mutex<State>,
    begun: Condvar,
}

#[derive(Default)]
struct State {
    /// A run that waits for the unit.
    waiting: Option<WaitingRun>,
    /// Cancels the run that is under way.
    cancel: Option<Stop>,
    /// The run that is under way, or the last one.
    progress: Option<BatchProgress>,
}

/// A run that was asked for.
struct WaitingRun {
    experiment: Experiment,
    options: RunOptions,
}

impl BatchService {
    /// Of the recipes in `folder`, with at most `workers` threads; `report` publishes how far a run is.
    pub fn new(folder: PathBuf, workers: Option<usize>, report: ReportProgress) -> Arc<BatchService> {
        let (state, begun) = (Mutex::default(), Condvar::new());
        let most_workers = workers.unwrap_or(usize::MAX);
        Arc::new(BatchService { folder, most_workers, report, state, begun })
    }

    /// Does what `command` asks for.
    ///
    /// # Errors
    /// A refusal, with what to do next.
    pub fn answer(&self, command: &BatchCommand) -> Result<BatchAnswer, Refusal> {
        match command {
            BatchCommand::Status => self.status().map(BatchAnswer::from),
            BatchCommand::Run { recipe } => {
                self.begin(recipes::find(&self.folder, recipe)?, false).map(BatchAnswer::from)
            }
            BatchCommand::Resume { run } => {
                self.begin(recipes::of_run(&self.folder, run)?, true).map(BatchAnswer::from)
            }
            BatchCommand::Cancel { run } => self.cancel(run.as_deref()),
            BatchCommand::Results { recipe } => answered(self.look(recipe)?.results()),
            BatchCommand::Traces { recipe, fov, feature } => {
                answered(self.look(recipe)?.traces(*fov, feature.as_deref()))
            }
            BatchCommand::Overlay { recipe, fov, frame } => {
                answered(self.look(recipe)?.overlay(*fov, *frame))
            }
            BatchCommand::Mark { recipe, fov, cell, good } => {
                answered(self.look(recipe)?.mark(*fov, *cell, *good))
            }
            BatchCommand::Fit { recipe, model, feature } => {
                answered(self.look(recipe)?.fit(model, feature.as_deref()))
            }
            BatchCommand::Tables { recipe } => answered(self.look(recipe)?.tables()),
        }
    }

    /// Whether there is a recipe `recipe` that can be read.
    ///
    /// # Errors
    /// There is none, or it has faults.
    pub fn check_recipe(&self, recipe: &str) -> Result<(), Refusal> {
        recipes::find(&self.folder, recipe).map(drop)
    }

    /// Begins a run of `recipe`, or goes on with the one whose results are in its folder.
    ///
    /// # Errors
    /// `batch_busy` while another run is under way; the recipe or its results cannot be used.
    pub fn begin_or_resume(&self, recipe: &str) -> Result<BatchProgress, Refusal> {
        let known = recipes::find(&self.folder, recipe)?;
        let is_begun = super::Recorded::read(&known.experiment.out).map_err(refused)?.is_some();
        self.begin(known, is_begun)
    }

    /// The run that is under way, or the last one since the service started.
    pub fn progress(&self) -> Option<BatchProgress> {
        self.state.lock().progress.clone()
    }

    fn look(&self, recipe: &str) -> Result<Look, Refusal> {
        let known = recipes::find(&self.folder, recipe)?;
        Look::new(known.name, &known.experiment.out).map_err(refused)
    }

    fn status(&self) -> Result<BatchOut, Refusal> {
        let run = self.state.lock().progress.clone();
        recipes::list(&self.folder, run)
    }

    /// Checks what is quickly checked, and leaves the rest to the unit.
    fn begin(&self, known: KnownRecipe, resume: bool) -> Result<BatchProgress, Refusal> {
        let KnownRecipe { name, path, mut experiment } = known;
        let recorded = super::Recorded::read(&experiment.out).map_err(refused)?;
        let id = match (&recorded, resume) {
            (Some(recorded), false) => {
                let id = recorded.header.id.clone();
                return Err(refused(RunError::Exists { out: experiment.out, id }));
            }
            (None, true) => return Err(refused(RunError::NoRun { out: experiment.out })),
            (Some(recorded), true) => recorded.header.id.clone(),
            (None, false) => new_id(),
        };
        let shard = recorded.and_then(|recorded| recorded.header.shard);
        experiment.workers = Some(self.workers(&experiment));
        let mut state = self.state.lock();
        if let Some(busy) = state.progress.as_ref().filter(|progress| !progress.state.is_over()) {
            let message = format!("the run {} of {:?} is under way", busy.id, busy.recipe);
            return Err(Refusal::new("batch_busy", message, "wait for its end, or cancel it"));
        }
        let options = RunOptions {
            origin: RunOrigin::Recipe(path),
            shard,
            resume,
            id: Some(id.clone()),
            in_service: true,
        };
        let progress = BatchProgress {
            id,
            recipe: name,
            state: BatchState::Preparing,
            step: None,
            fov: None,
            t: None,
            frames: None,
            message: "the stack is opened, and its files are hashed".into(),
            permille: 0,
            fovs: 0,
            complete: 0,
            failed: 0,
            eta_s: None,
            cause: None,
            remedy: None,
        };
        state.waiting = Some(WaitingRun { experiment, options });
        state.progress = Some(progress.clone());
        drop(state);
        (self.report)(&progress, true);
        self.begun.notify_one();
        Ok(progress)
    }

    /// As many threads as the recipe says, or one for each core, but no more than the configuration allows.
    fn workers(&self, experiment: &Experiment) -> usize {
        let asked = experiment.workers.unwrap_or_else(|| usable_cores().len());
        asked.min(self.most_workers).max(1)
    }

    fn cancel(&self, run: Option<&str>) -> Result<BatchAnswer, Refusal> {
        let mut state = self.state.lock();
        let meant = state.progress.as_ref().filter(|progress| {
            !progress.state.is_over() && run.is_none_or(|run| run == progress.id || run == progress.recipe)
        });
        let Some(progress) = meant else {
            let message = match run {
                Some(run) => format!("the run {run:?} is not under way"),
                None => "no run is under way".into(),
            };
            return Err(Refusal::new("no_run", message, "see what there is with `ocellus batch status`"));
        };
        let progress = progress.clone();
        // A run that the unit has not taken yet has nothing to be ended.
        if state.waiting.take().is_some() {
            drop(state);
            return Ok(self.change(set_cancelled).unwrap_or(progress).into());
        }
        if let Some(cancel) = &state.cancel {
            cancel.stop();
        }
        Ok(progress.into())
    }

    /// Carries out the runs that are asked for, until `stop`; a run that is under way then can be resumed.
    pub fn run(self: &Arc<BatchService>, stop: &Stop, beat: &Beat) {
        self.forget_dead_run();
        while !stop.is_stopped() {
            beat.beat();
            let cancel = stop.child();
            let mut state = self.state.lock();
            if state.waiting.is_none() {
                self.begun.wait_for(&mut state, LOOK);
            }
            let Some(waiting) = state.waiting.take() else { continue };
            state.cancel = Some(cancel.clone());
            drop(state);
            let outcome = self.carry_out(waiting, &cancel);
            self.end(outcome);
        }
    }

    /// A run whose unit died and was built again is not under way any more, or no other could ever begin.
    fn forget_dead_run(&self) {
        let is_dead = {
            let state = self.state.lock();
            state.waiting.is_none() && state.progress.as_ref().is_some_and(|run| !run.state.is_over())
        };
        if is_dead {
            self.end(Err(RunError::Item("a fault of the program ended it; see the log".into())));
        }
    }

    fn carry_out(self: &Arc<BatchService>, waiting: WaitingRun, cancel: &Stop) -> Result<Outcome, RunError> {
        let WaitingRun { experiment, options } = waiting;
        let sink = ServiceSink { service: self.clone(), began: Mutex::default() };
        let run = Run::prepare(experiment, options, Box::new(sink))?;
        let (fovs, complete) = run.fovs();
        tracing::info!(run = run.id(), fovs, complete, "batch: {}", run.description().trim_end());
        self.change(|progress| {
            progress.state = BatchState::Running;
            progress.message = format!("{fovs} fields of view, {complete} of them complete");
            (progress.fovs, progress.complete) = (fovs, complete);
        });
        run.execute(cancel)
    }

    fn end(&self, outcome: Result<Outcome, RunError>) {
        self.change(|progress| {
            progress.eta_s = None;
            match outcome {
                Ok(Outcome { cancelled: true, summary }) => {
                    [progress.complete, progress.failed, _] = summary.counts();
                    set_cancelled(progress);
                }
                Ok(Outcome { summary, .. }) => {
                    let [complete, failed, _] = summary.counts();
                    progress.state = if failed > 0 { BatchState::Failed } else { BatchState::Complete };
                    (progress.permille, progress.complete, progress.failed) = (1000, complete, failed);
                    progress.message =
                        format!("{complete} of {} fields of view complete", summary.fovs.len());
                    let first =
                        summary.fovs.iter().find_map(|fov| fov.cause.as_ref().map(|why| (fov.fov, why)));
                    progress.cause = first.map(|(fov, why)| format!("field of view {fov}: {why}"));
                    progress.remedy =
                        progress.cause.as_ref().map(|_| "resume it to try the failed ones again".into());
                }
                Err(error) => {
                    progress.state = BatchState::Failed;
                    progress.message = "the run did not begin, or could not end".into();
                    progress.remedy = error.remedy().map(str::to_owned);
                    progress.cause = Some(error.to_string());
                }
            }
        });
        let mut state = self.state.lock();
        state.cancel = None;
        if let Some(progress) = &state.progress {
            let (run, recipe) = (&progress.id, &progress.recipe);
            match (&progress.cause, progress.state) {
                (Some(cause), _) => tracing::error!(run, recipe, "batch: failed: {cause}"),
                (None, state) => tracing::info!(run, recipe, "batch: {}", state.as_str()),
            }
        }
    }

    /// Changes the progress, if there is a run, and reports it.
    fn change(&self, change: impl FnOnce(&mut BatchProgress)) -> Option<BatchProgress> {
        let mut state = self.state.lock();
        let progress = state.progress.as_mut()?;
        let before = progress.state;
        change(progress);
        let progress = progress.clone();
        drop(state);
        (self.report)(&progress, progress.state != before);
        Some(progress)
    }
}

fn set_cancelled(progress: &mut BatchProgress) {
    progress.state = BatchState::Cancelled;
    progress.message = "cancelled; it can be resumed".into();
}

/// Carries the reports of a run's workers to the service.
struct ServiceSink {
    service: Arc<BatchService>,
    /// When the first report came, and what was complete then: from these the rest is estimated.
    began: Mutex<Option<(Instant, usize)>>,
}

impl ProgressSink for ServiceSink {
    fn progress(&self, report: &Progress) {
        let (began, at) = *self.began.lock().get_or_insert_with(|| (Instant::now(), report.permille));
        let done = report.permille.saturating_sub(at);
        let left = 1000usize.saturating_sub(report.permille);
        let eta_s =
            (done > 0).then(|| (began.elapsed().as_secs_f64() * left as f64 / done as f64).ceil() as u64);
        self.service.change(|progress| {
            progress.step = Some(report.step.to_owned());
            (progress.fov, progress.t, progress.frames) =
                (Some(report.fov), Some(report.t), Some(report.frames));
            progress.message.clone_from(&report.message);
            progress.permille = progress.permille.max(report.permille);
            (progress.complete, progress.failed) = (report.complete, report.failed);
            progress.eta_s = eta_s;
        });
    }
}

/// The answer about results, or why there is none.
fn answered<T: Into<BatchAnswer>>(answer: Result<T, RunError>) -> Result<BatchAnswer, Refusal> {
    answer.map(T::into).map_err(refused)
}

/// The refusal for a run that cannot begin, or for results that are not there.
fn refused(error: RunError) -> Refusal {
    let code = match &error {
        RunError::Exists { .. } => "batch_exists",
        RunError::NoRun { .. } => "no_run",
        RunError::NotOfRun { .. } => "unknown_fov",
        RunError::NoFrame { .. } => "unknown_frame",
        RunError::NoFeature { .. } => "unknown_feature",
        RunError::Fit(_) => "unknown_model",
        RunError::Table(TableError::NoCell { .. }) => "unknown_cell",
        RunError::InUse { .. } => "batch_busy",
        _ => "batch_refused",
    };
    Refusal::new(code, error.to_string(), error.remedy().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service with the recipe `movie`, whose unit does not run, and every report that it made.
    fn service(folder: &std::path::Path) -> (Arc<BatchService>, Arc<Mutex<Vec<BatchProgress>>>) {
        let recipe = "[experiment]\ninput = \"absent.tif\"\nout = \"results\"\n";
        std::fs::write(folder.join("movie.toml"), recipe).unwrap();
        let reports = Arc::<Mutex<Vec<BatchProgress>>>::default();
        let kept = reports.clone();
        let report = move |progress: &BatchProgress, _| kept.lock().push(progress.clone());
        (BatchService::new(folder.to_owned(), None, Box::new(report)), reports)
    }

    fn begin(service: &BatchService) {
        service.answer(&BatchCommand::Run { recipe: "movie".into() }).unwrap();
    }

    /// Lets the unit live for one turn at most.
    fn run_stopped(service: &Arc<BatchService>) {
        let stop = Stop::new();
        stop.stop();
        service.run(&stop, &Beat::new());
    }

    #[test]
    fn a_run_that_waits_is_cancelled_at_once_and_never_begins() {
        let folder = tempfile::tempdir().unwrap();
        let (service, reports) = service(folder.path());
        begin(&service);
        let answer = service.answer(&BatchCommand::Cancel { run: None }).unwrap();
        assert!(matches!(answer, BatchAnswer::Progress(run) if run.state == BatchState::Cancelled));
        assert!(service.state.lock().waiting.is_none());
        assert_eq!(reports.lock().last().unwrap().state, BatchState::Cancelled);
        // The next one is not refused as if this one were under way.
        begin(&service);
    }

    #[test]
    fn a_run_whose_unit_died_does_not_keep_others_from_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let (service, reports) = service(folder.path());
        begin(&service);
        // The unit took the run and died with it.
        drop(service.state.lock().waiting.take());
        run_stopped(&service);
        let last = reports.lock().last().unwrap().clone();
        assert_eq!((last.state, last.cause.is_some()), (BatchState::Failed, true), "{last:?}");
        begin(&service);
        // A run that waits has not died: the next life of the unit takes it.
        run_stopped(&service);
        assert!(service.state.lock().waiting.is_some());
    }
}

//! Studio jobs: what their queue needs of the rest of the service, its units, and the microscopy run as a kind of job.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::batch::Batch;
use super::interfaces::Interfaces;
use crate::commands::batch::BatchCommand;
use crate::commands::jobs::{BatchIn, FleetJobIn};
use crate::config::{Config, ModelConfig};
use crate::contract::{BatchProgress, BatchState, BatchedOut, JobOut, JobResult};
use crate::jobs::{
    ClipKind, FetchKind, GenerateKind, HttpClient, Inbox, JobDone, JobFailure, JobKind, JobsAround, JobsHost,
    JobsService, LazyModel, PictureFolders, PictureSettings, PlannedJob, ReportKind, Task, UploadKind,
    UpscaleKind, VariationsKind, parameters,
};
use crate::microscopy::BatchService;
use crate::pipeline::SharedRuntime;
use crate::store::Store;
use crate::supervisor::{Unit, UnitContext, UnitError, usable_cores};
use crate::types::{Delivered, Explanation, Origin, Refusal, SystemClock};

/// The alarm while the store does not take what the queue writes.
const ALARM: &str = "jobs";
/// The folder of what jobs make, in the state directory.
const OUT: &str = "jobs";
/// The folder of pictures that came with requests, in the state directory.
const IN: &str = "jobs-in";
/// How often a job looks at the run that it waits for.
const LOOK: Duration = Duration::from_millis(100);
/// Pause before a run is tried again while another one is under way.
const BUSY_MS: u64 = 5_000;
/// Time limit of a run, which may take hours: the longest one that a job may have.
const DAY_MS: u64 = 86_400_000;

/// The queue of `config`; `None` where it has none.
pub(super) fn build(
    config: &Config,
    interfaces: &Interfaces,
    store: &Store,
    runtime: &Arc<SharedRuntime>,
    batch: Option<&Batch>,
) -> Option<Arc<JobsService>> {
    let settings = &config.jobs;
    if !settings.enabled {
        return None;
    }
    let threads = settings.threads.unwrap_or_else(|| usable_cores().len()).max(1);
    let out = settings.out.clone().unwrap_or_else(|| config.device.state_dir.join(OUT));
    let folders =
        PictureFolders { pictures: settings.pictures.clone(), inbox: config.device.state_dir.join(IN), out };
    let with = |model: &Option<ModelConfig>| PictureSettings {
        model: LazyModel::new(model.clone(), runtime, &config.runtime),
        threads,
        folders: folders.clone(),
    };
    let upscale = UpscaleKind::new(with(&settings.upscale_model));
    let variations = VariationsKind::new(with(&settings.segment_model));
    let clip = ClipKind::new(folders.clone());
    let client = HttpClient::new(&settings.http);
    let fetch = FetchKind::new(&client, folders.out.clone());
    let upload = UploadKind::new(&client, folders.clone());
    let generate = settings.generate.clone();
    let generate = generate
        .map(|service| Arc::new(GenerateKind::new(&client, service, folders.clone())) as Arc<dyn JobKind>);
    let report = ReportKind::new(folders.out);
    let mut kinds: Vec<Arc<dyn JobKind>> = vec![
        Arc::new(upscale),
        Arc::new(variations),
        Arc::new(clip),
        Arc::new(report),
        Arc::new(fetch),
        Arc::new(upload),
    ];
    kinds.extend(generate);
    kinds.extend(batch.map(|batch| Arc::new(BatchKind(batch.service())) as Arc<dyn JobKind>));
    let fleet = settings.fleet.as_ref().map(|fleet| fleet.prefix.clone());
    let host = Arc::new(Host { interfaces: interfaces.clone(), fleet });
    let inbox = Arc::new(Inbox::new(folders.inbox, settings.upload_bytes, settings.uploads_bytes));
    interfaces.web.take_pictures(inbox.clone());
    let around = JobsAround { store: store.clone(), clock: Arc::new(SystemClock), host, kinds, inbox };
    Some(JobsService::new(settings, around))
}

/// The owner of the queue, then its workers: they are stopped before it, so that what they did is stored. None of them is
/// watched: a slow disk may hold up the owner, reading a large picture a worker, and a share the thread that removes files.
pub(super) fn units(jobs: &Arc<JobsService>) -> Vec<Unit> {
    let owner = jobs.clone();
    let owner = Unit::new("jobs", move |context| {
        owner.run(&context.stop, &context.beat).map_err(|error| UnitError::from(error).lasting())
    });
    let workers = (1..=jobs.workers()).map(|number| {
        let jobs = jobs.clone();
        let body = move |context: &UnitContext| {
            jobs.work(&context.stop, &context.beat);
            Ok(())
        };
        Unit::new(format!("jobs-worker/{number}"), body).unwatched().together("jobs-workers")
    });
    let tidy = jobs.clone();
    let tidy = Unit::new("jobs-files", move |context| {
        tidy.tidy(&context.stop, &context.beat);
        Ok(())
    });
    [owner.unwatched(), tidy.unwatched()].into_iter().chain(workers).collect()
}

/// The service around the queue.
struct Host {
    interfaces: Interfaces,
    /// The beginning of the fleet's topics, where there is a fleet.
    fleet: Option<String>,
}

impl JobsHost for Host {
    fn changed(&self, job: &JobOut) {
        self.interfaces.publisher.job(job);
    }

    fn deliver(&self, job: &JobOut) -> oneshot::Receiver<Delivered> {
        // A job of the fleet is known by the id that its sender gave it.
        let id = job.unique_key.as_deref().and_then(FleetJobIn::id_of);
        let topic = self.fleet.as_ref().zip(id).map(|(prefix, id)| format!("{prefix}/jobs/{id}"));
        self.interfaces.publisher.job_end(job, topic)
    }

    fn store_fault(&self, why: Option<&Explanation>) {
        self.interfaces.publisher.alarm_while(ALARM, why);
    }
}

/// The kind `batch`: a run of a microscopy recipe. A run that was cut short goes on where it was.
struct BatchKind(Arc<BatchService>);

impl JobKind for BatchKind {
    fn name(&self) -> &'static str {
        "batch"
    }

    fn plan(&self, asked: Map<String, Value>, _: Origin) -> Result<PlannedJob, Refusal> {
        let asked: BatchIn = parameters(self.name(), asked)?;
        self.0.check_recipe(&asked.recipe)?;
        // A text under a text key: nothing in it can fail.
        let payload = serde_json::to_vec(&asked).unwrap_or_default();
        Ok(PlannedJob { name: asked.recipe, payload, time_limit_ms: Some(DAY_MS) })
    }

    fn run(&self, task: &Task<'_>) -> Result<JobDone, JobFailure> {
        let BatchIn { recipe } = task.payload()?;
        let begun = match self.0.begin_or_resume(&recipe) {
            Ok(begun) => begun,
            Err(busy) if busy.code == "batch_busy" => return Err(JobFailure::Later { after_ms: BUSY_MS }),
            Err(refusal) => return Err(JobFailure::lasting(refusal.explanation())),
        };
        let over = self.follow(task, &begun)?;
        match over.state {
            BatchState::Complete => {
                let fovs = over.fovs as u64;
                let result = JobResult::Batch(BatchedOut { run: over.id, recipe: over.recipe, fovs });
                // A run is answered by what is in its folder, which people may remove or mark.
                Ok(JobDone::Made { result, cache_key: None })
            }
            _ if task.is_stopped() => Err(JobFailure::Stopped),
            BatchState::Cancelled => {
                let why =
                    Explanation::new("the run was cancelled as a run", "retry the job to go on with it");
                Err(JobFailure::lasting(why))
            }
            _ => {
                let cause = over.cause.unwrap_or(over.message);
                Err(JobFailure::lasting(Explanation::new(
                    cause,
                    "retry the job to try the failed part again",
                )))
            }
        }
    }

    fn most_at_once(&self) -> usize {
        1
    }
}

impl BatchKind {
    /// Waits for the end of the run `begun`. If the job is to stop, the run is cancelled; if the service stops, its own unit
    /// ends it.
    fn follow(&self, task: &Task<'_>, begun: &BatchProgress) -> Result<BatchProgress, JobFailure> {
        let mut is_cancelled = false;
        loop {
            let run = self.0.progress().filter(|run| run.id == begun.id);
            // Somebody has begun another run since this one ended: what became of it is in its folder.
            let Some(run) = run else { return Err(JobFailure::Later { after_ms: BUSY_MS }) };
            if run.state.is_over() {
                return Ok(run);
            }
            if task.is_revoked() && !is_cancelled {
                is_cancelled = true;
                // The run may have ended at this moment, which the next look shows.
                let _ = self.0.answer(&BatchCommand::Cancel { run: Some(run.id.clone()) });
            } else if task.is_stopped() && !is_cancelled {
                return Err(JobFailure::Stopped);
            }
            let step = run.step.as_deref().unwrap_or("prepare");
            task.progress(run.permille as f32 / 1000.0, step);
            task.wait(LOOK);
        }
    }
}

//! Wiring only: builds the parts from the configuration, joins them, and hands every loop to the supervisor.
//!
//! ```text
//!  start: store ▶ broker ▶ ┬ models load and warm up          ┬ gate opens ▶ frames pass ▶ READY=1
//!                          └ cameras open, first frame waits  ┘
//! ```
//! Cameras open while the models load, so that the service is ready when the slower of the two is; the gate
//! holds the first frames until there is somebody to look at them.

mod alarm_commands;
mod attendance;
mod boot;
mod camera;
mod change;
mod commands;
mod exit;
mod faces;
mod faces_commands;
mod figures;
mod gate;
mod golden_commands;
mod health;
mod health_log;
mod inspect_commands;
mod last_applied;
mod loading;
mod models;
mod noted;
mod parts;
mod preview;
mod provisioning;
mod publisher;
mod reload;
mod status;
mod stored;
mod target;
mod units;
mod web_commands;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::audit::Audit;
use crate::commands::CommandRequest;
use crate::config::{Config, Faults};
use crate::engine::EngineError;
use crate::inspection::evidence::Evidence;
use crate::mqtt::{Link, Mqtt};
use crate::pipeline::Sink;
use crate::ring::Bell;
use crate::scheduler::{ExecutorError, Scheduler};
use crate::store::{Numbers, Opened, Store, StoreError};
use crate::supervisor::{Ended, Signals, SpawnError, Stop, Supervisor, SupervisorError, notify};
use crate::telemetry::{Log, share_heaps};
use crate::types::{Clock, Stamp, SystemClock};
use crate::web::Web;

use crate::attendance::Attendance;
use boot::Basis;
pub use boot::Boot;
use camera::Camera;
use change::Part;
pub use exit::Exit;
use faces::Faces;
use faces_commands::FacesInbox;
pub use faces_commands::{finish_erasures, forget_alone};
use gate::StartGate;
use health::HealthModel;
use loading::Loading;
use models::Models;
use preview::Views;
pub use provisioning::{ProvisionOutcome, ProvisionRecord};
use publisher::StatusPublisher;

/// How long the first frames wait for the broker's first answer; a broker on the same machine needs 2 ms.
const LINK_PATIENCE: Duration = Duration::from_millis(300);
const LINK_LOOK: Duration = Duration::from_millis(1);
/// Commands that may wait while one is executed; further ones are refused with that reason.
const COMMANDS: usize = 16;

/// Why the service could not start, or ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration has faults.
    #[error(transparent)]
    Config(#[from] Faults),
    /// The runtime or a model cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A model cannot be loaded on a worker.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The state directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A unit could not be started, or an essential one was given up.
    #[error(transparent)]
    Supervisor(#[from] SupervisorError),
    /// A thread could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[from] crate::supervisor::SignalError),
    /// The new log level cannot be set.
    #[error(transparent)]
    Log(#[from] crate::telemetry::LogError),
    /// Units that did not end within the drain time.
    #[error("{} did not end within the drain time; they end with the process", .0.join(", "))]
    Drain(Vec<String>),
}

/// The options of a run of the service.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file, read again at each reload; without one the built-in default.
    pub config: Option<PathBuf>,
    /// Replaces `device.state_dir` of the configuration.
    pub state_dir: Option<PathBuf>,
    /// End the service if the configuration cannot be used, instead of starting from the last one that was
    /// applied.
    pub strict: bool,
}

impl Options {
    /// Reads the configuration that these options name.
    pub fn load(&self) -> Result<Config, Faults> {
        let mut config = match &self.config {
            Some(path) => Config::load(path)?,
            None => Config::parse(Config::default_text(), Path::new("built-in default"), Path::new("."))?,
        };
        if let Some(dir) = &self.state_dir {
            config.device.state_dir = dir.clone();
        }
        Ok(config)
    }
}

/// The running service: everything that outlives a reload.
struct App {
    options: Options,
    /// The configuration in force: after a change that failed in part, with the old settings of those parts.
    config: Mutex<Config>,
    /// The configuration that the service was started from.
    basis: Basis,
    /// Parts whose last change failed half-way: they match neither the old nor the new file.
    unsettled: Mutex<Vec<Part>>,
    /// Stopped to build the service again from its file.
    anew: Stop,
    supervisor: Supervisor,
    mqtt: Mqtt,
    web: Web,
    publisher: StatusPublisher,
    health: HealthModel,
    audit: Arc<Audit>,
    store: Store,
    /// The numbers of acquisitions and of tracked objects.
    numbers: Numbers,
    /// Whether the store is still closed because the disk was full at the start.
    store_waits: AtomicBool,
    sinks: Arc<[Arc<dyn Sink>]>,
    evidence: Evidence,
    attendance: Attendance,
    scheduler: Arc<Scheduler>,
    bell: Arc<Bell>,
    gate: Arc<StartGate>,
    models: Mutex<Models>,
    faces: Faces,
    /// Requests about the people of the gallery.
    people: FacesInbox,
    cameras: Mutex<Vec<Arc<Camera>>>,
    /// The previews of all cameras.
    views: Arc<Views>,
    /// The queue into which MQTT and the other interfaces put commands.
    commands: SyncSender<CommandRequest>,
    /// Set by SIGHUP: reload the configuration.
    hangup: Arc<AtomicBool>,
    logging: Log,
    started: Stamp,
}

/// Runs the service from `boot` until it is stopped, all its work is done, or it fails. If models of `boot`
/// cannot be used, it starts from the rest; if it runs without a usable file, it starts again once the file
/// can be read.
pub fn run(options: Options, boot: Boot, logging: Log) -> Result<(), AppError> {
    share_heaps();
    let stop = Stop::new();
    let hangup = Arc::new(AtomicBool::new(false));
    let _signals = {
        let hangup = hangup.clone();
        Signals::listen(stop.clone(), Exit::Forced.code(), move || hangup.store(true, Ordering::Release))?
    };
    let (mut boot, mut home) = (boot, None);
    loop {
        let (commands, inbox) = sync_channel(COMMANDS);
        logging.set_level(&boot.config.log.level)?;
        let anew = stop.child();
        let opened = open_store(&mut home, &boot.config.device.state_dir)?;
        let app =
            App::build(&options, &boot, logging.clone(), opened, (commands, hangup.clone(), anew.clone()))?;
        let outcome = app.start(inbox, &anew).and_then(|()| Ok(app.supervisor.run(&anew)?));
        notify::stopping("draining");
        let stragglers = app.supervisor.shutdown();
        app.finish_store();
        app.audit.close();
        boot = match outcome {
            // Threads that did not end hold parts of the former service, so only a new process is free of
            // them.
            outcome if stop.is_stopped() || !stragglers.is_empty() => return ended(outcome?, &stragglers),
            Ok(_) if anew.is_stopped() => Boot::choose(&options)?,
            Err(error) if error.is_of_a_model() => boot.after(&options, &error.to_string()).ok_or(error)?,
            outcome => return ended(outcome?, &stragglers),
        };
    }
}

/// The store of the state directory `dir`, opened once for all starts of this process from it.
fn open_store<'a>(home: &'a mut Option<(PathBuf, Opened)>, dir: &Path) -> Result<&'a Opened, AppError> {
    // The store of another directory is closed before this one is opened.
    let opened = match home.take().filter(|(known, _)| known == dir) {
        Some(kept) => kept,
        None => (dir.to_owned(), Store::open(dir)?),
    };
    Ok(&home.insert(opened).1)
}

fn ended(ended: Ended, stragglers: &[Arc<str>]) -> Result<(), AppError> {
    match ended {
        Ended::Stopped => tracing::info!("stopped"),
        Ended::WorkDone => tracing::info!("every camera has ended"),
    }
    if stragglers.is_empty() {
        return Ok(());
    }
    Err(AppError::Drain(stragglers.iter().map(|name| name.to_string()).collect()))
}

impl App {
    fn build(
        options: &Options,
        boot: &Boot,
        logging: Log,
        opened: &Opened,
        (commands, hangup, anew): (SyncSender<CommandRequest>, Arc<AtomicBool>, Stop),
    ) -> Result<Arc<App>, AppError> {
        let started = SystemClock.now();
        let config = boot.config.clone();
        let mqtt = Mqtt::new(&config.mqtt, &config.device, Arc::new(SystemClock));
        let audit = Arc::new(Audit::new(&config.device.state_dir, Arc::new(SystemClock)));
        mqtt.count_refusals_in(audit.clone());
        let web = Web::new(&config.device.name, Arc::new(SystemClock), audit.clone());
        web.describe(figures::described());
        let publisher = StatusPublisher::new(&mqtt, &web);
        stored::report(opened, &publisher);
        if let Some(fault) = &boot.fault {
            publisher.alarm(reload::ALARM, fault);
        }
        let evidence = Evidence::new(&config.evidence, &config.device.state_dir, &config.hash);
        // MQTT comes first, because evidence copies the frame. The page comes last, because a reload may
        // remove it.
        let sinks: Arc<[Arc<dyn Sink>]> = Arc::new([
            Arc::new(mqtt.clone()) as Arc<dyn Sink>,
            Arc::new(evidence.clone()),
            Arc::new(web.clone()),
        ]);
        let bell = Bell::new();
        let scheduler = Arc::new(Scheduler::new(&config.workers.cores, bell.clone()));
        let views = Views::new(&scheduler, &config, bell.clone())?;
        web.show(views.clone());
        views.keep_parts(Arc::new(web.clone()));
        Ok(Arc::new(App {
            supervisor: Supervisor::new(config.supervisor.settings),
            scheduler,
            models: Mutex::new(Models::default()),
            faces: Faces::default(),
            people: FacesInbox::default(),
            attendance: Attendance::new(&config.attendance, &config.cameras),
            config: Mutex::new(config),
            numbers: Numbers::new(opened.store.clone()),
            store_waits: AtomicBool::new(opened.waiting.is_some()),
            basis: boot.basis,
            unsettled: Mutex::default(),
            anew,
            store: opened.store.clone(),
            sinks,
            evidence,
            gate: Arc::new(StartGate::default()),
            cameras: Mutex::default(),
            views,
            options: options.clone(),
            mqtt,
            web,
            publisher,
            health: HealthModel::new(Arc::new(SystemClock)),
            audit,
            bell,
            commands,
            hangup,
            logging,
            started,
        }))
    }

    /// Starts store and broker, then models and cameras side by side, then the interfaces and the watchdog.
    /// Stops early if `stop` comes meanwhile.
    fn start(self: &Arc<App>, inbox: Receiver<CommandRequest>, stop: &Stop) -> Result<(), AppError> {
        let mut config = self.config().clone();
        let mut loading = Some(self.load_aside(&config, stop)?);
        self.supervisor.add(self.mqtt_unit(&config))?;
        self.supervisor.add(self.store_unit())?;
        self.supervisor.add(self.evidence_unit())?;
        self.supervisor.add(self.attendance_unit())?;
        for unit in self.worker_units() {
            self.supervisor.add(unit)?;
        }
        if self.basis == Basis::Partly
            && let Some(unusable) = loading.take().map(Loading::end).transpose()?
        {
            config = self.leave_out(&config, &unusable);
        }
        for camera in &config.cameras {
            self.add_camera(camera, &config)?;
        }
        self.select_first_products();
        let unusable = loading.map(Loading::end).transpose()?.unwrap_or_default();
        if stop.is_stopped() {
            return Ok(());
        }
        if let Some(error) = unusable.into_iter().find_map(|model| model.error) {
            return Err(error);
        }
        self.refresh_gallery();
        self.attach_all();
        self.await_first_link(stop);
        self.gate.open();
        self.supervisor.add(self.faces_unit())?;
        self.supervisor.add(self.commands_unit(inbox))?;
        self.supervisor.add(self.control_unit(&config))?;
        self.describe_to_web();
        if let Some(unit) = self.web_unit(&config) {
            self.supervisor.add(unit)?;
        }
        for trigger in &config.triggers {
            self.supervisor.add(self.trigger_unit(trigger, &config))?;
        }
        self.supervisor.add(self.status_unit())?;
        if let Some(unit) = self.watchdog_unit() {
            self.supervisor.add(unit)?;
        }
        if self.basis == Basis::File {
            self.keep_as_applied();
        }
        Ok(())
    }

    /// Gives the broker a moment to accept the connection (or to be found absent), so that the first reports
    /// are not dropped while the connection is being made.
    fn await_first_link(&self, stop: &Stop) {
        let (first, deadline) = (self.mqtt.link(), Instant::now() + LINK_PATIENCE);
        while self.mqtt.link() == first && first != Link::Up && Instant::now() < deadline {
            if stop.wait(LINK_LOOK) {
                return;
            }
        }
    }

    fn config(&self) -> MutexGuard<'_, Config> {
        lock(&self.config)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

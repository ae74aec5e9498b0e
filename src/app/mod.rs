//! Wiring only: builds the parts from the configuration, joins them, and hands every loop to the supervisor.
//!
//! ```text
//!  start: store ▶ broker ▶ ┬ models load and warm up          ┬ gate opens ▶ frames pass ▶ READY=1
//!                          └ cameras open, first frame waits  ┘
//! ```
//! Cameras open while the models load, so that the service is ready when the slower of the two is; the gate
//! holds the first frames until there is somebody to look at them.

mod alarm_commands;
pub mod attendance;
mod commands;
mod desk;
mod faces;
mod faces_commands;
mod figures;
mod gate;
mod golden_commands;
mod health;
mod health_log;
mod inspect_commands;
mod models;
mod parts;
pub mod people;
mod preview;
mod reload;
mod rig;
mod status;
mod stored;
mod units;
mod voice;
mod web_commands;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::config::{Config, Faults};
use crate::engine::EngineError;
use crate::pipeline::Item;
use crate::ring::Bell;
use crate::scheduler::{Scheduler, StationError};
use crate::sinks::Sink;
use crate::sinks::evidence::Evidence;
use crate::sinks::mqtt::{Link, Mqtt};
use crate::sinks::web::Web;
use crate::store::{Numbers, Store, StoreError};
use crate::supervisor::{Ended, Signals, SpawnError, Stop, Supervisor, SupervisorError, notify, spawn};
use crate::telemetry::{Log, share_heaps};
use crate::types::{Clock, Command, Stamp, SystemClock};

use attendance::Attendance;
use faces::Faces;
use faces_commands::FacesInbox;
pub use faces_commands::{finish_erasures, forget_alone};
use gate::Gate;
use health::HealthModel;
use models::Models;
use preview::Views;
use rig::Rig;
use voice::Voice;

/// How long the first frames wait for the broker's first answer; a broker on the same machine needs 2 ms.
const LINK_PATIENCE: Duration = Duration::from_millis(300);
const LINK_LOOK: Duration = Duration::from_millis(1);
/// Commands that may wait while one is executed; the requester of one more is told so.
const COMMANDS: usize = 16;

/// Why the service could not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration has faults.
    #[error(transparent)]
    Config(#[from] Faults),
    /// The runtime or a model cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A model cannot be made ready on a worker.
    #[error(transparent)]
    Station(#[from] StationError),
    /// The state directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part could not be started, or an essential one was given up.
    #[error(transparent)]
    Supervisor(#[from] SupervisorError),
    /// A thread could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[from] crate::supervisor::SignalError),
    /// The log's new level cannot be set.
    #[error(transparent)]
    Log(#[from] crate::telemetry::LogError),
    /// Parts that did not end within the drain time.
    #[error("{} did not end within the drain time; they end with the process", .0.join(", "))]
    Drain(Vec<String>),
}

/// How the service is to be run.
#[derive(Debug, Default)]
pub struct Options {
    /// The configuration file, read again at each reload; the built-in default without one.
    pub config: Option<PathBuf>,
    /// Takes the place of `device.state_dir`.
    pub state_dir: Option<PathBuf>,
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
    config: Mutex<Config>,
    supervisor: Supervisor,
    mqtt: Mqtt,
    web: Web,
    voice: Voice,
    health: HealthModel,
    store: Store,
    /// Those of acquisitions and of tracked objects.
    numbers: Numbers,
    /// It could not be opened at the start, because the disk is full.
    store_waits: AtomicBool,
    sinks: Arc<[Arc<dyn Sink>]>,
    evidence: Evidence,
    attendance: Attendance,
    scheduler: Arc<Scheduler<Item>>,
    bell: Arc<Bell>,
    gate: Arc<Gate>,
    models: Mutex<Models>,
    faces: Faces,
    /// Requests about the people of the gallery.
    people: FacesInbox,
    rigs: Mutex<Vec<Arc<Rig>>>,
    /// What people see of the cameras.
    views: Arc<Views>,
    /// Where the broker's side puts commands.
    commands: SyncSender<Command>,
    /// Set by SIGHUP.
    hangup: Arc<AtomicBool>,
    logging: Log,
    started: Stamp,
}

/// Runs the service until it is told to stop, all its work is done, or it cannot go on.
pub fn run(options: Options, config: Config, logging: Log) -> Result<(), AppError> {
    share_heaps();
    let stop = Stop::new();
    let hangup = Arc::new(AtomicBool::new(false));
    let _signals = {
        let hangup = hangup.clone();
        Signals::listen(stop.clone(), move || hangup.store(true, Ordering::Release))?
    };
    let (commands, inbox) = sync_channel(COMMANDS);
    let app = App::build(options, config, logging, (commands, hangup))?;
    let outcome = app.start(inbox, &stop).and_then(|()| Ok(app.supervisor.run(&stop)?));
    notify::stopping("draining");
    let stragglers = app.supervisor.shutdown();
    app.finish_store();
    match outcome? {
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
        options: Options,
        config: Config,
        logging: Log,
        (commands, hangup): (SyncSender<Command>, Arc<AtomicBool>),
    ) -> Result<Arc<App>, AppError> {
        let started = SystemClock.now();
        let opened = Store::open(&config.device.state_dir)?;
        let mqtt = Mqtt::new(&config.mqtt, &config.device, Arc::new(SystemClock));
        let web = Web::new(&config.device.name, Arc::new(SystemClock));
        web.describe(figures::described());
        let voice = Voice::new(&mqtt, &web);
        stored::report(&opened, &voice);
        let evidence = Evidence::new(&config.evidence, &config.device.state_dir, &config.hash);
        // The plant first: evidence copies the frame. The page last, where it is served: a reload may change that.
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
            supervisor: Supervisor::new(config.supervisor.clone()),
            scheduler,
            models: Mutex::new(Models::default()),
            faces: Faces::default(),
            people: FacesInbox::default(),
            attendance: Attendance::new(&config.attendance, &config.cameras),
            config: Mutex::new(config),
            numbers: Numbers::new(opened.store.clone()),
            store_waits: AtomicBool::new(opened.waiting.is_some()),
            store: opened.store,
            sinks,
            evidence,
            gate: Arc::new(Gate::default()),
            rigs: Mutex::default(),
            views,
            options,
            mqtt,
            web,
            voice,
            health: HealthModel::new(Arc::new(SystemClock)),
            bell,
            commands,
            hangup,
            logging,
            started,
        }))
    }

    /// Store and broker first, then models and cameras side by side, then the ears and the watchdog.
    /// Asked to stop meanwhile, it leaves off where it is.
    fn start(self: &Arc<App>, inbox: Receiver<Command>, stop: &Stop) -> Result<(), AppError> {
        let config = self.config().clone();
        // Wakes us when the models are loaded, and when somebody asks to stop: compiling for an accelerator may
        // take minutes.
        let loaded = stop.child();
        let loading = {
            let (app, config, loaded) = (self.clone(), config.clone(), StopOnDrop(loaded.clone()));
            spawn("models", None, move || {
                let _loaded = loaded;
                app.load_models(&config)
            })?
        };
        self.supervisor.add(self.mqtt_unit(&config))?;
        self.supervisor.add(self.store_unit())?;
        self.supervisor.add(self.evidence_unit())?;
        self.supervisor.add(self.attendance_unit())?;
        for unit in self.worker_units() {
            self.supervisor.add(unit)?;
        }
        for camera in &config.cameras {
            self.add_camera(camera, &config)?;
        }
        self.select_first_products();
        while !loaded.wait(Duration::from_secs(3_600)) {}
        if stop.is_stopped() {
            return Ok(());
        }
        loading.join().unwrap_or_else(|panic| Err(AppError::Supervisor(models::load_panicked(&panic))))?;
        self.refresh_gallery();
        self.attach_all()?;
        self.await_first_link(stop);
        self.gate.open();
        self.supervisor.add(self.faces_unit())?;
        self.supervisor.add(self.commands_unit(inbox))?;
        self.supervisor.add(self.control_unit(&config))?;
        self.tell_web();
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
        Ok(())
    }

    /// Gives the broker a moment to accept us (or to be found absent), so that the first reports are not dropped
    /// for want of a connection that is just being made.
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

/// Stops its token also when its thread panics.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

//! Wiring only: builds the parts from the configuration, joins them, and hands every loop to the supervisor.
//!
//! ```text
//!  start: store ▶ broker ▶ ┬ models load and warm up          ┬ gate opens ▶ page, frames ▶ READY=1
//!                          └ cameras open, first frame waits  ┘
//! ```
//! Cameras open while the models load, so that the service is ready when the slower of the two is; the gate
//! holds the first frames until there is somebody to look at them.

mod alarm_commands;
mod audited;
mod batch;
mod boot;
mod bundle;
mod camera;
mod camera_report;
mod cameras;
mod change;
mod command_port;
mod commands;
mod configuration;
mod degradation;
mod domains;
mod error;
mod exit;
mod figures;
mod gate;
mod health;
mod health_log;
mod hour;
mod intake;
mod interfaces;
mod jobs;
mod last_applied;
mod loading;
mod log_commands;
mod models;
mod options;
mod outputs;
mod overview;
mod people;
mod pid_file;
mod provisioning;
mod publisher;
mod reload;
mod restart;
mod status;
mod stored;
mod top;
mod units;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::commands::CommandRequest;
use crate::config::Config;
use crate::inspection::evidence::Evidence;
use crate::jobs::JobsService;
use crate::mqtt::{Link, Mqtt};
use crate::pipeline::Sink;
use crate::recorder::Recorders;
use crate::ring::Bell;
use crate::store::{Opened, Store};
use crate::supervisor::{Ended, Signals, Stop, Supervisor, notify};
use crate::telemetry::{Log, share_heaps};

use crate::types::{Degradation, Explanation};
use batch::Batch;
use boot::Basis;
pub use boot::Boot;
use cameras::{CameraAround, Cameras};
use commands::Dispatcher;
use configuration::Configuration;
use degradation::{DegradationState, LoadWatch};
use domains::{Domains, DomainsAround};
pub use error::ServiceError;
pub use exit::Exit;
use gate::StartGate;
use intake::IntakeRequests;
use interfaces::Interfaces;
pub use options::Options;
use people::{PeopleHost, PeopleQueue};
use pid_file::PidFile;
pub use provisioning::{ProvisionOutcome, ProvisionRecord};
use status::{Reporter, ReporterAround};
use stored::OpenStore;
use units::Commands;

/// How long the first frames wait for the broker's first answer; a broker on the same machine needs 2 ms.
const LINK_PATIENCE: Duration = Duration::from_millis(300);
const LINK_LOOK: Duration = Duration::from_millis(1);
/// Commands that may wait while one is executed; further ones are refused with that reason.
const COMMANDS: usize = 16;

/// The running service: its parts, each built once.
struct Service {
    configuration: Configuration,
    supervisor: Supervisor,
    interfaces: Interfaces,
    store: Arc<OpenStore>,
    domains: Arc<Domains>,
    cameras: Arc<Cameras>,
    reporter: Arc<Reporter>,
    load_watch: Arc<LoadWatch>,
    /// Runs of microscopy recipes, where the configuration has some.
    batch: Option<Batch>,
    /// The queue of studio jobs, where the configuration has one.
    jobs: Option<Arc<JobsService>>,
    /// Requests about telemetry from files and topics.
    intake: IntakeRequests,
    commands: Commands,
    /// Held while an archive for support is made: one at a time.
    bundling: Arc<AtomicBool>,
}

/// Runs the service from `boot` until it is stopped, all its work is done, or it fails. If models of `boot`
/// cannot be used, it starts from the rest; if it runs without a usable file, it starts again once the file
/// can be read.
pub fn run(options: Options, boot: Boot, logging: Log) -> Result<(), ServiceError> {
    share_heaps();
    let stop = Stop::new();
    let hangup = Arc::new(AtomicBool::new(false));
    let _signals = {
        let hangup = hangup.clone();
        Signals::listen(stop.clone(), Exit::Forced.code(), move || hangup.store(true, Ordering::Release))?
    };
    let (mut boot, mut home, mut pid_file) = (boot, None, None);
    loop {
        let (commands, inbox) = sync_channel(COMMANDS);
        logging.set_level(&boot.config.log.level)?;
        logging.write_to(options.log_file(&boot.config));
        let opened = open_store(&mut home, &boot.config.device.state_dir)?;
        if pid_file.is_none()
            && let Some(path) = &options.pid_file
        {
            pid_file = Some(PidFile::write(path)?);
        }
        let configuration = Configuration::new(&options, &boot, logging.clone(), &stop);
        let anew = configuration.anew.clone();
        let service = Arc::new(Service::build(configuration, boot.fault.as_deref(), opened, commands)?);
        let outcome =
            service.start(inbox, hangup.clone()).and_then(|()| Ok(service.supervisor.run(&anew)?));
        notify::stopping("draining");
        // Units end one after the other, and that of the outputs nearly last.
        service.domains.outputs.begin_end();
        let stragglers = service.supervisor.shutdown();
        service.store.finish();
        service.interfaces.audit.close();
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
fn open_store<'a>(home: &'a mut Option<(PathBuf, Opened)>, dir: &Path) -> Result<&'a Opened, ServiceError> {
    // The store of another directory is closed before this one is opened.
    let opened = match home.take().filter(|(known, _)| known == dir) {
        Some(kept) => kept,
        None => (dir.to_owned(), Store::open(dir)?),
    };
    Ok(&home.insert(opened).1)
}

fn ended(ended: Ended, stragglers: &[Arc<str>]) -> Result<(), ServiceError> {
    match ended {
        Ended::Stopped => tracing::info!("stopped"),
        Ended::WorkDone => tracing::info!("every camera has ended"),
    }
    if stragglers.is_empty() {
        return Ok(());
    }
    Err(ServiceError::Drain(stragglers.iter().map(|name| name.to_string()).collect()))
}

impl Service {
    /// Builds the parts and joins them; nothing runs yet. `fault` says why another configuration than the
    /// file's is in force.
    fn build(
        configuration: Configuration,
        fault: Option<&str>,
        opened: &Opened,
        queue: SyncSender<CommandRequest>,
    ) -> Result<Service, ServiceError> {
        let in_force = configuration.in_force.clone();
        let config = in_force.get();
        let interfaces = Interfaces::new(&config);
        let publisher = interfaces.publisher.clone();
        let lost = stored::report(opened, &publisher);
        if let Some(fault) = fault {
            // Each fault names its own remedy.
            publisher.alarm(reload::ALARM, &Explanation::new(fault, ""));
        }
        let (bell, store) = (Bell::new(), Arc::new(OpenStore::new(opened, lost)));
        let (numbers, supervisor) = (store.numbers.clone(), Supervisor::new(config.supervisor.settings));
        // One series of numbers for all cameras, so that they rise with time.
        let recorders = Recorders::new(
            &config.recorder,
            &config.device.state_dir,
            store.store.recordings(),
            numbers.of("recording", "all"),
            Degradation::default(),
        );
        let evidence = Evidence::new(&config.evidence, &config.device.state_dir, &config.hash);
        // MQTT comes first, because evidence copies the frame. The page comes last, because a reload may
        // remove it.
        let sinks: Arc<[Arc<dyn Sink>]> = Arc::new([
            Arc::new(interfaces.mqtt.clone()) as Arc<dyn Sink>,
            Arc::new(evidence.clone()),
            recorders.clone(),
            Arc::new(interfaces.web.clone()),
        ]);
        let domains = Arc::new(Domains::new(
            &in_force,
            DomainsAround {
                store: store.store.clone(),
                numbers: numbers.clone(),
                sinks: sinks.clone(),
                evidence,
                recorders,
                bell: bell.clone(),
                publisher: publisher.clone(),
                outputs: outputs::host(&interfaces, &store),
                zmq: interfaces.zmq.clone(),
            },
        )?);
        interfaces.web.show(domains.previews.clone());
        interfaces.web.show_recordings(Arc::new(domains.recorders.library().clone()));
        domains.previews.keep_parts(Arc::new(interfaces.web.clone()));
        let cameras = Arc::new(Cameras::new(CameraAround {
            supervisor: supervisor.clone(),
            domains: domains.clone(),
            numbers,
            sinks,
            bell,
            gate: StartGate::default(),
            publisher: publisher.clone(),
            audit: interfaces.audit.clone(),
        }));
        let batch = Batch::new(&config.batch, publisher);
        let jobs = jobs::build(&config, &interfaces, &store.store, &domains.runtime, batch.as_ref());
        let degradation = DegradationState::default();
        let load_watch = Arc::new(LoadWatch {
            config: in_force.clone(),
            domains: domains.clone(),
            cameras: cameras.clone(),
            publisher: interfaces.publisher.clone(),
            state: degradation.clone(),
        });
        let intake = IntakeRequests::new(&domains.intake);
        let commands = Commands::new(queue, outputs::entry(&domains.outputs));
        let reporter = Arc::new(Reporter::new(ReporterAround {
            config: in_force,
            supervisor: supervisor.clone(),
            store: store.store.clone(),
            interfaces: interfaces.clone(),
            domains: domains.clone(),
            cameras: cameras.clone(),
            jobs: jobs.clone(),
            degradation,
            logging: configuration.logging.clone(),
        }));
        Ok(Service {
            configuration,
            supervisor,
            interfaces,
            store,
            domains,
            cameras,
            reporter,
            load_watch,
            batch,
            jobs,
            intake,
            commands,
            bundling: Arc::default(),
        })
    }

    /// Starts store and broker, then models and cameras side by side, then the interfaces and the watchdog.
    /// Returns early if the service is stopped meanwhile.
    fn start(
        self: &Arc<Service>,
        inbox: Receiver<CommandRequest>,
        hangup: Arc<AtomicBool>,
    ) -> Result<(), ServiceError> {
        let Service { configuration, interfaces, domains, cameras, .. } = &**self;
        let (in_force, stop) = (&configuration.in_force, &configuration.anew);
        let mut loading = Some(loading::load_aside(domains, &in_force.get(), stop)?);
        self.start_basics(&in_force.get())?;
        if configuration.basis == Basis::Partly
            && let Some(unusable) = loading.take().map(loading::Loading::end).transpose()?
        {
            loading::leave_out(configuration, &interfaces.publisher, &unusable);
        }
        let config = in_force.get();
        for camera in &config.cameras {
            cameras.add(camera, &config)?;
        }
        domains.inspection.select_first();
        let unusable = loading.map(loading::Loading::end).transpose()?.unwrap_or_default();
        if stop.is_stopped() {
            return Ok(());
        }
        if let Some(model) = unusable.into_iter().next() {
            return Err(model.error);
        }
        domains.recognition.refresh_gallery();
        cameras.attach_all();
        await_first_link(&interfaces.mqtt, stop);
        cameras.around.gate.open();
        self.start_interfaces(&config, inbox, hangup)?;
        if configuration.basis == Basis::File {
            configuration.keep_as_applied();
        }
        Ok(())
    }

    /// Starts what the cameras need: broker, store, evidence, attendance and the workers.
    fn start_basics(&self, config: &Config) -> Result<(), ServiceError> {
        let Service { supervisor, interfaces, store, domains, cameras, commands, .. } = self;
        supervisor.add(units::mqtt_unit(config, &interfaces.mqtt, &store.store, commands))?;
        supervisor.add(store.unit(domains, &interfaces.publisher))?;
        // Before the cameras: what an earlier process left on is turned off first.
        supervisor.add(outputs::unit(&domains.outputs))?;
        supervisor.add(units::evidence_unit(&domains.evidence, interfaces.publisher.clone()))?;
        supervisor.add(units::recorder_unit(&domains.recorders))?;
        supervisor.add(units::attendance_unit(&domains.attendance, cameras, &store.store, interfaces))?;
        // Not the first unit: the last one to stop is the outbox, which needs the patience for the last.
        supervisor.add(units::log_unit(&self.configuration.logging))?;
        for unit in units::worker_units(&domains.scheduler) {
            supervisor.add(unit)?;
        }
        Ok(())
    }

    /// Starts what is asked and what reports: commands, command line, page, triggers, status and watchdog.
    fn start_interfaces(
        self: &Arc<Service>,
        config: &Config,
        inbox: Receiver<CommandRequest>,
        hangup: Arc<AtomicBool>,
    ) -> Result<(), ServiceError> {
        let Service { supervisor, interfaces, domains, reporter, batch, jobs, commands, .. } = &**self;
        let people = PeopleQueue::new();
        supervisor.add(people.unit(PeopleHost {
            config: self.configuration.in_force.clone(),
            store: self.store.store.clone(),
            interfaces: interfaces.clone(),
            domains: domains.clone(),
            cameras: self.cameras.clone(),
        }))?;
        for unit in batch.iter().flat_map(Batch::units).chain(jobs.iter().flat_map(jobs::units)) {
            supervisor.add(unit)?;
        }
        supervisor.add(Dispatcher { service: self.clone(), people, hangup }.unit(inbox))?;
        supervisor.add(units::control_unit(config, commands))?;
        reporter.describe_to_web();
        let optional = [units::web_unit, units::zmq_unit, units::fleet_unit];
        for unit in optional.into_iter().filter_map(|unit| unit(config, interfaces, commands)) {
            supervisor.add(unit)?;
        }
        domains.intake.arrange(&config.intake, &config.intake_store);
        supervisor.add(self.intake.unit())?;
        for source in &config.intake {
            supervisor.add(intake::source_unit(source, &domains.intake))?;
        }
        for trigger in &config.triggers {
            supervisor.add(units::trigger_unit(trigger, config, &domains.inspection, commands))?;
        }
        supervisor.add(reporter.unit())?;
        supervisor.add(self.load_watch.unit())?;
        if let Some(unit) = units::watchdog_unit(supervisor) {
            supervisor.add(unit)?;
        }
        Ok(())
    }
}

/// Gives the broker a moment to accept the connection (or to be found absent), so that the first reports are
/// not dropped while the connection is being made.
fn await_first_link(mqtt: &Mqtt, stop: &Stop) {
    let (first, deadline) = (mqtt.link(), Instant::now() + LINK_PATIENCE);
    while mqtt.link() == first && first != Link::Up && Instant::now() < deadline {
        if stop.wait(LINK_LOOK) {
            return;
        }
    }
}

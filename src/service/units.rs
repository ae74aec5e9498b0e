//! The units that the supervisor runs, except those of the cameras and of requests. Each gets only the parts
//! that it needs.

use std::sync::Arc;

use super::cameras::Cameras;
use super::interfaces::Interfaces;
use super::publisher::StatusPublisher;
use crate::attendance::{Around, Attendance};
use crate::commands::{Command, CommandQueue, CommandRequest, inspection};
use crate::config::trigger::Source;
use crate::config::{Config, TriggerConfig};
use crate::control;
use crate::inspection::evidence::Evidence;
use crate::inspection::{CameraTarget, InspectionService, SelectLater};
use crate::mqtt::{self, FleetAround, Mqtt};
use crate::recorder::{self, CameraRecorder, RecorderOutlet, Recorders};
use crate::scheduler::Scheduler;
use crate::store::Store;
use crate::supervisor::{Supervisor, Unit, UnitContext, UnitError, watchdog};
use crate::telemetry::Log;
use crate::trigger::{self, TriggerTarget};
use crate::types::{Alarms, Clock, Explanation, Origin, Responder, SystemClock};
use crate::web;
use crate::zmq;

/// The queue into which MQTT and the other interfaces put commands.
pub(super) type Commands = CommandQueue;

/// The MQTT unit. Not essential: without a broker the service runs on and keeps its events.
pub(super) fn mqtt_unit(config: &Config, mqtt: &Mqtt, store: &Store, commands: &Commands) -> Unit {
    let (handle, store, commands) = (mqtt.clone(), store.clone(), commands.clone());
    let (mqtt, outbox, device) = (config.mqtt.clone(), config.outbox.clone(), config.device.clone());
    let essential = config.supervisor.essential.iter().any(|name| name == "mqtt");
    Unit::new("mqtt", move |context| {
        let (store, commands) = (Some(store.clone()), commands.clone());
        mqtt::run(&mqtt, &outbox, &device, &handle, store, commands, &context.stop, &context.beat)
            .map_err(|error| UnitError::explained(error.explanation()))
    })
    .essential(essential)
}

/// Takes jobs that boxes share, where the configuration names a fleet.
pub(super) fn fleet_unit(config: &Config, interfaces: &Interfaces, commands: &Commands) -> Option<Unit> {
    let fleet = config.jobs.fleet.clone().filter(|_| config.jobs.enabled)?;
    let (mqtt, publisher, commands) = (config.mqtt.clone(), interfaces.publisher.clone(), commands.clone());
    Some(Unit::new("jobs-fleet", move |context| {
        let alarm = |why: Option<&Explanation>| publisher.alarm_while("jobs_fleet", why);
        let around = FleetAround {
            mqtt: &mqtt,
            fleet: &fleet,
            commands: &commands,
            clock: &SystemClock,
            alarm: &alarm,
        };
        mqtt::run_fleet(&around, &context.stop, &context.beat)
            .map_err(|error| UnitError::explained(error.explanation()))
    }))
}

/// Writes evidence, and removes what exceeds its limits.
pub(super) fn evidence_unit(evidence: &Evidence, alarms: impl Alarms + 'static) -> Unit {
    let evidence = evidence.clone();
    Unit::new("evidence", move |context| {
        let alarm = |why: Option<&Explanation>| match why {
            Some(why) => alarms.raise("evidence", why),
            None => alarms.clear("evidence"),
        };
        evidence.run(&context.stop, &context.beat, &alarm);
        Ok(())
    })
}

/// Looks after recordings: what was left by an earlier process, their age and their index. Not essential.
pub(super) fn recorder_unit(recorders: &Arc<Recorders>) -> Unit {
    let recorders = recorders.clone();
    Unit::new("recorder", move |context| {
        let time = recorder::Time { clock: &SystemClock, synchronised: &crate::telemetry::synchronised };
        let run = recorders.run(&time, &context.stop, &context.beat);
        run.map_err(|error| UnitError::explained(error.explanation()))
    })
}

/// Records one camera. Not essential: without a disk the service runs on and reports the fault.
pub(super) fn camera_recorder_unit(recorder: &Arc<CameraRecorder>, publisher: &StatusPublisher) -> Unit {
    let (recorder, publisher) = (recorder.clone(), publisher.clone());
    Unit::new(recorder_unit_name(&recorder.camera), move |context| {
        let name = recorder_alarm(&recorder.camera);
        let outlet = RecorderOutlet {
            alarm: &|why| publisher.alarm_while(&name, why),
            announce: &|notice| publisher.recording(notice),
            clock: &SystemClock,
        };
        let run = recorder.run(&outlet, &context.stop, &context.beat);
        run.map_err(|error| UnitError::explained(error.explanation()))
    })
    .together("camera")
}

/// Name of the unit that records camera `name`.
pub(super) fn recorder_unit_name(name: &str) -> String {
    format!("recorder/{name}")
}

/// Name of the alarm about the recorder of camera `name`.
pub(super) fn recorder_alarm(name: &str) -> String {
    format!("recorder-{name}")
}

/// The unit that runs the attendance worker. Not essential: without a disk the service runs on and reports the
/// fault.
pub(super) fn attendance_unit(
    attendance: &Attendance,
    cameras: &Arc<Cameras>,
    store: &Store,
    interfaces: &Interfaces,
) -> Unit {
    let (attendance, cameras) = (attendance.clone(), cameras.clone());
    let (store, interfaces) = (store.clone(), interfaces.clone());
    Unit::new("attendance", move |context| {
        let alarm = |name: &str, why: Option<&Explanation>| interfaces.publisher.alarm_while(name, why);
        let around = Around {
            store: &store,
            sinks: &cameras.around.sinks,
            durable: &interfaces.mqtt,
            kept: &Mqtt::attendance_kept,
            clock: &SystemClock,
            synchronised: &crate::telemetry::synchronised,
            looks: &|camera| cameras.looks(camera),
            recordings: &*cameras.around.domains.recorders,
            alarm: &alarm,
        };
        attendance.run(&around, &context.stop, &context.beat);
        Ok(())
    })
}

/// Writes the log to its file. Nothing else waits for that disk.
pub(super) fn log_unit(log: &Log) -> Unit {
    let log = log.clone();
    Unit::new("log", move |context| {
        log.run(&context.stop, &context.beat);
        Ok(())
    })
}

/// The socket for the command line.
pub(super) fn control_unit(config: &Config, commands: &Commands) -> Unit {
    let (dir, commands) = (config.device.state_dir.clone(), commands.clone());
    Unit::new("control", move |context| {
        control::serve(&dir, &commands, &context.stop, &context.beat)
            .map_err(|error| UnitError::explained(error.explanation()))
    })
}

/// The workers, one pinned thread for each core. Without them the service cannot work.
pub(super) fn worker_units(scheduler: &Scheduler) -> Vec<Unit> {
    let workers = scheduler.workers().iter().enumerate();
    workers
        .map(|(at, worker)| {
            let worker = worker.clone();
            let core = worker.core;
            let body = move |context: &UnitContext| {
                worker.run(&context.stop, &context.beat);
                Ok(())
            };
            Unit::new(format!("worker/{at}"), body).essential(true).on_core(core).together("worker")
        })
        .collect()
}

/// Feeds systemd's watchdog while every other unit makes progress; only if systemd asks for it.
pub(super) fn watchdog_unit(supervisor: &Supervisor) -> Option<Unit> {
    let interval = watchdog::interval()?;
    let supervisor = supervisor.clone();
    let body = move |context: &UnitContext| {
        watchdog::run(|| supervisor.hearts(), interval, &context.stop, &context.beat);
        Ok(())
    };
    Some(Unit::new("watchdog", body).unwatched())
}

/// The unit of the page and REST; `None` where they are switched off. Not essential: without them the service
/// runs on.
pub(super) fn web_unit(config: &Config, interfaces: &Interfaces, commands: &Commands) -> Option<Unit> {
    let settings = config.web.clone();
    interfaces.web.set_enabled(settings.enabled);
    if !settings.enabled {
        return None;
    }
    let (interfaces, commands) = (interfaces.clone(), commands.clone());
    let state_dir = config.device.state_dir.clone();
    let essential = config.supervisor.essential.iter().any(|name| name == "web");
    let body = move |context: &UnitContext| {
        let alarm = |why: Option<&Explanation>| interfaces.publisher.alarm_while("web", why);
        let (web, commands) = (&interfaces.web, commands.clone());
        web::run(&settings, &state_dir, web, commands, &alarm, &context.stop, &context.beat)
            .map_err(|error| UnitError::explained(error.explanation()))
    };
    Some(Unit::new("web", body).essential(essential))
}

/// The ZeroMQ bridge; `None` where no address is configured. Not essential: without it the service runs on.
pub(super) fn zmq_unit(config: &Config, interfaces: &Interfaces, commands: &Commands) -> Option<Unit> {
    if !config.zmq.is_on() {
        return None;
    }
    let (interfaces, commands) = (interfaces.clone(), commands.clone());
    Some(Unit::new("zmq", move |context| {
        let alarm = |why: Option<&Explanation>| interfaces.publisher.alarm_while("zmq", why);
        zmq::run(&interfaces.zmq, &commands, &alarm, &context.stop, &context.beat)
            .map_err(|error| UnitError::explained(error.explanation()))
    }))
}

/// The unit of one `[[trigger]]`.
pub(super) fn trigger_unit(
    settings: &TriggerConfig,
    config: &Config,
    inspection: &Arc<InspectionService>,
    commands: &Commands,
) -> Unit {
    let name = trigger_unit_name(&settings.name);
    let essential = config.supervisor.essential.contains(&name);
    let target = CameraTarget::new(inspection.clone(), &settings.camera, select_later(commands));
    let target: Arc<dyn TriggerTarget> = Arc::new(target);
    let mut settings = settings.clone();
    if let Source::Serial(serial) = &mut settings.source {
        // An absolute path stays; a relative one belongs to a virtual port, beside the socket and the store.
        serial.port.path = config.device.state_dir.join(&serial.port.path);
    }
    let body = move |context: &UnitContext| {
        trigger::run(&settings, &target, &SystemClock, &context.stop, &context.beat)
            .map_err(|error| UnitError::explained(error.explanation()))
    };
    Unit::new(name, body).essential(essential)
}

/// Name of the unit that listens to trigger `name`.
pub(super) fn trigger_unit_name(name: &str) -> String {
    format!("trigger/{name}")
}

/// Puts the selection of a product into the queue of commands.
fn select_later(commands: &Commands) -> SelectLater {
    let commands = commands.clone();
    Arc::new(move |camera, product, report| {
        let asked =
            inspection::ProductRequest { camera: Some(camera.to_owned()), product: Some(product.to_owned()) };
        let request = CommandRequest {
            command: Command::Product(asked),
            origin: Origin::Serial,
            at: SystemClock.now(),
            id: format!("camera {camera}"),
            reply: Responder::new(move |reply| report(reply.map(drop))),
        };
        commands.try_send(request).is_ok()
    })
}

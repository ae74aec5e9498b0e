//! Dispatches commands to the domains that execute them; SIGHUP also causes a reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use base64::Engine as _;
use parking_lot::Mutex;

use super::Service;
use super::audited::{note_signal, noted};
use super::bundle::bundle;
use super::hour::hour_command;
use super::log_commands::{expire_level, log_command, logs_command};
use super::people::{PeopleQueue, PeopleRequest};
use super::reload::reload;
use super::restart::restart;
use super::top::{stop_command, top_command};
use crate::attendance;
use crate::commands::batch::BatchCommand;
use crate::commands::inspection::TriggerRequest;
use crate::commands::jobs::JobsCommand;
use crate::commands::preview::{SnapshotOut, SnapshotRequest};
use crate::commands::service::ConfigOut;
use crate::commands::{Command, CommandAnswer, CommandRequest, InspectionRecord};
use crate::contract::topic;
use crate::preview::command::snapshot;
use crate::supervisor::{Beat, Stop, Unit};
use crate::types::{
    Attachment, Clock, Inspection, OnComplete, Origin, Refusal, Reply, Responder, Stamp, SystemClock,
};

/// How often the loop beats and checks for SIGHUP while no command comes.
const PATIENCE: Duration = Duration::from_millis(100);

/// Executes commands, one after the other.
pub(super) struct Dispatcher {
    pub(super) service: Arc<Service>,
    /// Requests about people, which another unit executes.
    pub(super) people: PeopleQueue,
    /// Set by SIGHUP: reload the configuration.
    pub(super) hangup: Arc<AtomicBool>,
}

impl Dispatcher {
    /// The unit that executes the commands of `inbox`.
    pub(super) fn unit(self, inbox: Receiver<CommandRequest>) -> Unit {
        let inbox = Mutex::new(inbox);
        Unit::new("commands", move |context| {
            self.serve(&inbox.lock(), &context.stop, &context.beat);
            Ok(())
        })
    }

    fn serve(&self, inbox: &Receiver<CommandRequest>, stop: &Stop, beat: &Beat) {
        while !stop.is_stopped() {
            beat.beat();
            expire_level(&self.service.configuration.logging);
            if self.hangup.swap(false, Ordering::AcqRel) {
                // The log and an alarm report the outcome; nobody waits for an answer to a signal.
                let outcome = reload(&self.service);
                note_signal(&self.service.interfaces.audit, outcome.is_ok());
            }
            match inbox.recv_timeout(PATIENCE) {
                Ok(request) => self.execute(request),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn execute(&self, request: CommandRequest) {
        let Service { interfaces, domains, reporter, configuration, store, .. } = &*self.service;
        let request = noted(request, &interfaces.audit, interfaces.mqtt.topics());
        let CommandRequest { command, origin, at, id, reply } = request;
        let outcome = match command {
            Command::Ping => Ok(CommandAnswer::Done(())),
            Command::Reload => reload(&self.service).map(CommandAnswer::from),
            Command::Snapshot(asked) => return self.snapshot(&asked, origin, reply),
            Command::Product(asked) => domains.inspection.product(&asked).map(CommandAnswer::from),
            Command::Golden(asked) => domains.inspection.golden(asked).map(CommandAnswer::from),
            Command::Status => Ok(Box::new(reporter.status_now()).into()),
            Command::Config => self.config(origin).map(CommandAnswer::from),
            Command::Backup => store.dump(origin).map(CommandAnswer::from),
            Command::Top => top_command(&self.service, origin).map(CommandAnswer::from),
            Command::Hour => hour_command(&self.service, origin).map(CommandAnswer::from),
            // The answer leaves before the unit that carries it ends.
            Command::Stop => return self.stop(origin, reply),
            Command::Log(asked) => log_command(&self.service, origin, &asked).map(CommandAnswer::from),
            Command::Logs(asked) => logs_command(&self.service, origin, &asked).map(CommandAnswer::from),
            Command::Alarm(asked) => interfaces.publisher.alarm_command(origin, &asked),
            // The unit of people answers.
            Command::Faces(command) => return self.people.pass(PeopleRequest { command, origin, reply }),
            Command::Attendance(asked) => {
                let settings = &configuration.in_force.get().attendance;
                let now_ns = SystemClock.now().wall_ns;
                attendance::answer(&store.store, settings, &asked, now_ns).map(CommandAnswer::from)
            }
            // Answered when the acquisition has ended.
            Command::Trigger(asked) => return self.trigger(asked, (origin, at, &id), reply),
            // The unit of batches answers.
            Command::Batch(asked) => return self.batch(asked, reply),
            // The owner of the queue answers.
            Command::Jobs(asked) => return self.jobs(asked, origin, reply),
            // Answered when its parts are gathered.
            Command::Bundle => return bundle(&self.service, origin, reply),
            // Answered when the instrument has answered.
            Command::Output(asked) => return domains.outputs.ask(asked, origin, &id, answered(reply)),
            // The unit of telemetry answers: a history is read from disk.
            Command::Intake(asked) => return self.service.intake.pass(asked, reply),
            // A restart may end the unit that carries the answer.
            Command::Restart(asked) => return restart(&self.service, asked.unit, reply),
        };
        reply.answer(outcome);
    }

    fn stop(&self, origin: Origin, reply: Responder<CommandAnswer>) {
        let outcome = stop_command(&self.service, origin);
        let is_stopping = outcome.is_ok();
        reply.answer(outcome.map(CommandAnswer::from));
        if is_stopping {
            self.service.configuration.whole.stop();
        }
    }

    fn trigger(&self, asked: TriggerRequest, from: (Origin, Stamp, &str), reply: Responder<CommandAnswer>) {
        match self.service.domains.inspection.meant(asked.camera.as_deref()) {
            Ok(camera) => camera.trigger(asked, from, Arc::new(Waiter(Mutex::new(Some(reply))))),
            Err(refusal) => reply.failed(refusal),
        }
    }

    fn batch(&self, asked: BatchCommand, reply: Responder<CommandAnswer>) {
        match &self.service.batch {
            Some(batch) => batch.pass(asked, reply),
            None => reply.failed(batch_off()),
        }
    }

    fn jobs(&self, asked: JobsCommand, origin: Origin, reply: Responder<CommandAnswer>) {
        match &self.service.jobs {
            Some(jobs) => jobs.pass(asked, origin, answered(reply)),
            None => reply.failed(jobs_off()),
        }
    }

    /// Sends the picture as an attachment whose topic the answer names. The picture is part of the answer
    /// only on request, or where the interface has no attachments.
    fn snapshot(&self, asked: &SnapshotRequest, origin: Origin, reply: Responder<CommandAnswer>) {
        let inline = origin != Origin::Mqtt || asked.inline == Some(true);
        let (mut answer, bytes) = match self.picture(asked) {
            Ok(picture) => picture,
            Err(reason) => return reply.failed(reason),
        };
        if inline {
            answer.jpeg_base64 = Some(base64::engine::general_purpose::STANDARD.encode(bytes));
            return reply.successful(answer.into());
        }
        let retain = asked.retain_picture == Some(true);
        let shot = Attachment { suffix: topic::picture(&answer.camera), bytes, retain };
        answer.topic = Some(self.service.interfaces.mqtt.topics().full(&shot.suffix));
        reply.answer_with(Ok(answer.into()), Some(shot));
    }

    /// The newest frame of the camera that is meant, as JPEG.
    fn picture(&self, asked: &SnapshotRequest) -> Result<(SnapshotOut, Vec<u8>), Refusal> {
        let camera = self.service.cameras.meant(asked.camera.as_deref())?;
        asked.usable_quality()?;
        let frame = camera.ring.newest().ok_or("the camera has not delivered a frame yet")?;
        snapshot(&camera.settings.name, &frame, asked)
    }

    /// `config`: the file in force, without secrets and comments. Not over MQTT, where every subscriber could
    /// read it.
    fn config(&self, origin: Origin) -> Result<ConfigOut, Refusal> {
        if origin == Origin::Mqtt {
            let message = "the configuration is not sent over MQTT";
            return Err(Refusal::new("not_here", message, "ask the page or REST"));
        }
        let configuration = &self.service.configuration;
        let config = configuration.in_force.get();
        let path = configuration.options.config.as_ref();
        Ok(ConfigOut {
            text: config.text.clone(),
            hash: config.hash.clone(),
            path: path.map_or("built-in default".into(), |path| path.display().to_string()),
        })
    }
}

/// Passes the answer of a domain on as that of a command.
pub(super) fn answered<A>(reply: Responder<CommandAnswer>) -> Responder<A>
where
    A: Into<CommandAnswer> + 'static,
{
    Responder::new(move |answer: Reply<A>| reply.answer(answer.map(Into::into)))
}

/// The refusal where the service runs no recipes.
fn batch_off() -> Refusal {
    let remedy =
        "write recipes = \"experiments\" below [batch] in the configuration, and restart the service";
    Refusal::new("not_here", "the service has no folder of recipes", remedy)
}

/// The refusal where the service has no queue of jobs.
fn jobs_off() -> Refusal {
    let remedy = "write enabled = true below [jobs] in the configuration, and restart the service";
    Refusal::new("not_here", "the service has no queue of jobs", remedy)
}

/// The request for a trigger, until the acquisition has ended.
struct Waiter(Mutex<Option<Responder<CommandAnswer>>>);

impl OnComplete for Waiter {
    fn completed(&self, inspection: &Arc<Inspection>) {
        if let Some(reply) = self.0.lock().take() {
            reply.successful(InspectionRecord(inspection.clone()).into());
        }
    }
}

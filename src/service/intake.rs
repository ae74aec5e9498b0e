//! Joins telemetry from files to the service: a unit for each source, and one that publishes for all of them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use parking_lot::Mutex;

use super::publisher::StatusPublisher;
use crate::commands::CommandAnswer;
use crate::commands::intake::IntakeCommand;
use crate::config::{Config, IntakeConfig};
use crate::intake::{IntakeAround, IntakeService};
use crate::store::Store;
use crate::supervisor::{Unit, UnitContext, UnitError};
use crate::types::{Explanation, Refusal, Responder, SystemClock};
use crate::zmq::Zmq;

/// The intake of `config`, which runs once its units do.
pub(super) fn new(
    config: &Config,
    store: &Store,
    publisher: &StatusPublisher,
    zmq: &Zmq,
) -> Arc<IntakeService> {
    let (reports, mqtt, zmq) = (publisher.clone(), publisher.mqtt.clone(), zmq.clone());
    IntakeService::new(
        &config.intake_store,
        IntakeAround {
            store: store.clone(),
            alarms: Arc::new(publisher.clone()),
            clock: Arc::new(SystemClock),
            report: Box::new(move |way, message| reports.intake(way, message)),
            subscribe: Box::new(move |queue| match zmq.has_topics(queue.filter()) {
                true => zmq.subscribe(queue),
                false => mqtt.subscribe(queue),
            }),
            synchronised: crate::telemetry::synchronised,
        },
    )
}

/// The unit that reads one source. It is not watched: a share that hangs holds up a look for as long as it likes.
pub(super) fn source_unit(config: &IntakeConfig, intake: &Arc<IntakeService>) -> Unit {
    let (config, intake, name) = (Arc::new(config.clone()), intake.clone(), source_unit_name(&config.name));
    let body = move |context: &UnitContext| {
        intake
            .run(&config, &context.stop, &context.beat)
            .map_err(|error| UnitError::explained(Explanation::new(error.to_string(), "")))
    };
    Unit::new(name, body).unwatched()
}

/// Name of the unit that reads source `name`.
pub(super) fn source_unit_name(name: &str) -> String {
    format!("intake/{name}")
}

/// Requests that may wait while one is answered.
const WAITING: usize = 32;

/// The queue of requests, and the unit that answers them beside its other work.
pub(super) struct IntakeRequests {
    intake: Arc<IntakeService>,
    sender: SyncSender<IntakeRequest>,
    inbox: Arc<Mutex<Receiver<IntakeRequest>>>,
}

/// A request, and where its answer goes.
struct IntakeRequest {
    command: IntakeCommand,
    reply: Responder<CommandAnswer>,
}

impl IntakeRequests {
    pub(super) fn new(intake: &Arc<IntakeService>) -> IntakeRequests {
        let (sender, inbox) = sync_channel(WAITING);
        IntakeRequests { intake: intake.clone(), sender, inbox: Arc::new(Mutex::new(inbox)) }
    }

    /// Passes a request to the unit that answers it.
    pub(super) fn pass(&self, command: IntakeCommand, reply: Responder<CommandAnswer>) {
        match self.sender.try_send(IntakeRequest { command, reply }) {
            Ok(()) => self.intake.wake(),
            Err(TrySendError::Full(request) | TrySendError::Disconnected(request)) => {
                let why = "too many requests about telemetry wait";
                request.reply.failed(Refusal::new("busy", why, "try again later"));
            }
        }
    }

    /// The unit that publishes, raises alarms, removes old history and answers, for all sources.
    pub(super) fn unit(&self) -> Unit {
        let (intake, inbox) = (self.intake.clone(), self.inbox.clone());
        Unit::new("intake", move |context| {
            let inbox = inbox.lock();
            while !context.stop.is_stopped() {
                context.beat.beat();
                let pause = intake.tend();
                // One at a time, so that many requests do not delay what is published.
                match inbox.try_recv() {
                    Ok(IntakeRequest { command, reply }) => {
                        reply.answer(intake.answer(&command).map(CommandAnswer::from));
                    }
                    Err(_) => intake.wait(pause),
                }
            }
            Ok(())
        })
    }
}

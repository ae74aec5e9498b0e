//! Runs of microscopy recipes: one unit carries them out, another answers requests about them, so that neither a
//! run nor a large folder of results delays other commands.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;

use super::publisher::StatusPublisher;
use crate::commands::{CommandAnswer, batch::BatchCommand};
use crate::config::BatchConfig;
use crate::microscopy::BatchService;
use crate::supervisor::Unit;
use crate::types::{Refusal, Responder};

/// Requests that may wait while one is answered.
const WAITING: usize = 16;
/// How often the unit of requests checks its stop token.
const LOOK: Duration = Duration::from_millis(500);

/// The recipes of `[batch]`, and the queue of requests about them.
pub(super) struct Batch {
    service: Arc<BatchService>,
    sender: SyncSender<BatchRequest>,
    inbox: Arc<Mutex<Receiver<BatchRequest>>>,
}

/// A request, and where its answer goes.
struct BatchRequest {
    command: BatchCommand,
    reply: Responder<CommandAnswer>,
}

impl Batch {
    /// `None` where the configuration names no folder of recipes.
    pub(super) fn new(settings: &BatchConfig, publisher: StatusPublisher) -> Option<Batch> {
        let folder = settings.recipes.clone()?;
        let report = move |progress: &_, changed| publisher.batch(progress, changed);
        let service = BatchService::new(folder, settings.workers, Box::new(report));
        let (sender, inbox) = sync_channel(WAITING);
        Some(Batch { service, sender, inbox: Arc::new(Mutex::new(inbox)) })
    }

    /// The runs themselves, for the jobs that are such runs.
    pub(super) fn service(&self) -> Arc<BatchService> {
        self.service.clone()
    }

    /// Passes a request to the unit that answers it.
    pub(super) fn pass(&self, command: BatchCommand, reply: Responder<CommandAnswer>) {
        let refused = match self.sender.try_send(BatchRequest { command, reply }) {
            Ok(()) => return,
            Err(TrySendError::Full(request) | TrySendError::Disconnected(request)) => request,
        };
        refused.reply.failed(Refusal::new("busy", "too many requests about batches wait", "try again later"));
    }

    /// The unit that carries out runs, and the one that answers. Neither is watched: a run takes hours, and a slow disk
    /// may hold up an answer.
    pub(super) fn units(&self) -> [Unit; 2] {
        let service = self.service.clone();
        let runs = Unit::new("batch", move |context| {
            service.run(&context.stop, &context.beat);
            Ok(())
        });
        let (service, inbox) = (self.service.clone(), self.inbox.clone());
        let answers = Unit::new("batch-requests", move |context| {
            let inbox = inbox.lock();
            while !context.stop.is_stopped() {
                context.beat.beat();
                match inbox.recv_timeout(LOOK) {
                    Ok(BatchRequest { command, reply }) => {
                        reply.answer(service.answer(&command).map(CommandAnswer::from));
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
            }
            Ok(())
        });
        [runs.unwatched(), answers.unwatched()]
    }
}

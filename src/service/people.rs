//! Requests about people while the service runs. A separate unit executes them, so that embedding pictures
//! does not delay other commands.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;

use super::cameras::Cameras;
use super::domains::Domains;
use super::interfaces::Interfaces;
use crate::commands::{CommandAnswer, faces};
use crate::config::{Config, InForce};
use crate::engine::{EngineError, Model};
use crate::recognition::people::{GalleryHost, GalleryService, erasure_pending};
use crate::ring::Lease;
use crate::store::{Erasing, Forgotten, Gallery, Store};
use crate::supervisor::Unit;
use crate::types::{Frame, Origin, Refusal, Responder};

/// Requests that may wait while one is answered.
const WAITING: usize = 16;
/// How often the unit checks its stop token.
const LOOK: Duration = Duration::from_millis(100);
/// How long the outbox may take to release the store, and the store to be rewritten.
const PATIENCE: Duration = Duration::from_secs(90);

/// The queue of requests about people.
pub(super) struct PeopleQueue {
    sender: SyncSender<PeopleRequest>,
    inbox: Arc<Mutex<Receiver<PeopleRequest>>>,
}

/// A request about people.
pub(super) struct PeopleRequest {
    pub(super) command: faces::GalleryCommand,
    pub(super) origin: Origin,
    pub(super) reply: Responder<CommandAnswer>,
}

/// What recognition needs of the running service to execute its commands.
pub(super) struct PeopleHost {
    pub(super) config: InForce,
    pub(super) store: Store,
    pub(super) interfaces: Interfaces,
    pub(super) domains: Arc<Domains>,
    pub(super) cameras: Arc<Cameras>,
}

impl PeopleQueue {
    pub(super) fn new() -> PeopleQueue {
        let (sender, inbox) = sync_channel(WAITING);
        PeopleQueue { sender, inbox: Arc::new(Mutex::new(inbox)) }
    }

    /// Passes a request to the unit, which answers it.
    pub(super) fn pass(&self, request: PeopleRequest) {
        let refused = match self.sender.try_send(request) {
            Ok(()) => return,
            Err(TrySendError::Full(request) | TrySendError::Disconnected(request)) => request,
        };
        refused.reply.failed(Refusal::new("busy", "too many requests about faces wait", "try again later"));
    }

    /// The unit that answers requests, one after the other. Embedding a whole gallery again takes minutes, so
    /// the watchdog does not wait for it.
    pub(super) fn unit(&self, host: PeopleHost) -> Unit {
        let inbox = self.inbox.clone();
        Unit::new("faces", move |context| {
            let inbox = inbox.lock();
            while !context.stop.is_stopped() {
                context.beat.beat();
                match inbox.recv_timeout(LOOK) {
                    Ok(PeopleRequest { command, origin, reply }) => {
                        let answer = GalleryService(&host).answer_to(origin, command);
                        reply.answer(answer.map(CommandAnswer::from));
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
            }
            Ok(())
        })
        .unwatched()
    }
}

impl GalleryHost for PeopleHost {
    fn gallery(&self) -> Gallery {
        self.store.gallery()
    }

    fn config(&self) -> Config {
        Config::clone(&self.config.get())
    }

    fn model(&self, config: &Config, name: &str) -> Result<Arc<Model>, EngineError> {
        if let Some(model) = self.domains.recognition.model().filter(|model| model.name() == name) {
            return Ok(model);
        }
        if let Some((model, _)) = self.domains.detection.ready(name) {
            return Ok(model);
        }
        let known = config.models.iter().find(|model| model.name == name);
        let known = known.ok_or_else(|| EngineError::NoTask { model: name.into() })?;
        self.domains.runtime.open(&config.runtime)?.load(known)
    }

    fn frame(&self, camera: Option<&str>) -> Result<(Lease<Frame>, String), Refusal> {
        self.cameras.frame(camera)
    }

    fn changed(&self) {
        self.domains.recognition.refresh_gallery();
    }

    fn forget(&self, erasing: &Erasing) -> Result<(u64, Forgotten), Refusal> {
        erasing.ids().for_each(|person| self.interfaces.web.forget(person));
        let pending = |error: String| erasure_pending(erasing, &error);
        let events = self.store.forget_events(erasing).map_err(|error| pending(error.to_string()))?;
        let forgotten = self.interfaces.mqtt.forget(vec![erasing.clone()], PATIENCE);
        Ok((events, forgotten.map_err(|error| pending(error.to_string()))?))
    }
}

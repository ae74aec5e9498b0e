//! Gallery commands while the service runs. A separate unit runs them, so that embedding pictures does not
//! delay other commands.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use super::{App, lock};
use crate::commands::{CommandAnswer, faces};
use crate::config::Config;
use crate::engine::{EngineError, Model};
use crate::recognition::people::{self, GalleryHost};
use crate::ring::Lease;
use crate::store::{Erasing, Forgotten, Gallery, GalleryError, Store, StoreError};
use crate::supervisor::Unit;
use crate::types::{Frame, Origin, Refusal, Responder};

/// Requests that may wait while one is answered.
const WAITING: usize = 16;
/// How often the unit checks its stop token.
const LOOK: Duration = Duration::from_millis(100);
/// How long the outbox may take to release the store, and the store to be rewritten.
const PATIENCE: Duration = Duration::from_secs(90);
/// The alarm while faces of another model are left out.
const ALARM: &str = "gallery-model";

/// The queue of requests about faces.
pub(super) struct FacesInbox {
    sender: SyncSender<FacesRequest>,
    inbox: Arc<parking_lot::Mutex<Receiver<FacesRequest>>>,
}

/// A request to the gallery.
pub(super) struct FacesRequest {
    pub(super) command: faces::GalleryCommand,
    pub(super) origin: Origin,
    pub(super) reply: Responder<CommandAnswer>,
}

impl Default for FacesInbox {
    fn default() -> FacesInbox {
        let (sender, inbox) = sync_channel(WAITING);
        FacesInbox { sender, inbox: Arc::new(parking_lot::Mutex::new(inbox)) }
    }
}

impl App {
    /// Answers requests about faces, one after the other. Embedding a whole gallery again takes minutes, so
    /// the watchdog does not wait for this unit.
    pub(super) fn faces_unit(self: &Arc<App>) -> Unit {
        let app = self.clone();
        Unit::new("faces", move |context| {
            let inbox = lock(&app.people.inbox);
            while !context.stop.is_stopped() {
                context.beat.beat();
                match inbox.recv_timeout(LOOK) {
                    Ok(request) => app.faces_command(request),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
            }
            Ok(())
        })
        .unwatched()
    }

    /// Passes a request to the unit, which answers it.
    pub(super) fn pass_faces(&self, request: FacesRequest) {
        let refused = match self.people.sender.try_send(request) {
            Ok(()) => return,
            Err(TrySendError::Full(request) | TrySendError::Disconnected(request)) => request,
        };
        refused.reply.failed(Refusal::new("busy", "too many requests about faces wait", "try again later"));
    }

    fn faces_command(&self, request: FacesRequest) {
        let FacesRequest { command, origin, reply } = request;
        // Every subscriber of a broker can read what it forwards, and brokers can retain it.
        if origin == Origin::Mqtt && command.carries_faces() {
            let message = format!("faces are not sent over MQTT ({})", command.action());
            return reply.failed(Refusal::new("not_over_mqtt", message, "use `ocellus faces` or the page"));
        }
        reply.answer(people::GalleryService(self).answer(command).map(CommandAnswer::from));
    }

    /// Loads the gallery from disk into use. Faces that another model embedded are left out, and an alarm
    /// reports that.
    pub(super) fn refresh_gallery(&self) {
        let Some(recognition) = self.recognition() else { return self.publisher.clear_alarm(ALARM) };
        let model = &recognition.model;
        match people::gather(&self.store.gallery(), model.sha256()) {
            Ok((index, stale)) => {
                let faces = index.faces();
                self.set_gallery(Arc::new(index));
                if stale == 0 {
                    return self.publisher.clear_alarm(ALARM);
                }
                let all = faces + stale;
                let cause = format!(
                    "{stale} of {all} faces were embedded by another model than [model.{}] and are left out; \
                     run `ocellus faces reenrol`",
                    model.name()
                );
                self.publisher.alarm(ALARM, &cause);
            }
            Err(error) => self.publisher.alarm(ALARM, &format!("the gallery cannot be read: {error}")),
        }
    }
}

/// Finishes erasures that a crash interrupted, and overwrites crops that no record names. Call it after
/// opening the store and before any other use. Returns how many people were erased.
///
/// # Errors
/// Those of the store. The erasures stay pending then.
pub fn finish_erasures(store: &Store) -> Result<usize, GalleryError> {
    let gallery = store.gallery();
    let pending = gallery.pending_erasures()?;
    for erasing in &pending {
        // The crash came before the records were deleted: the erasure is repeated from the beginning.
        match gallery.begin_erasure(erasing.person) {
            Err(GalleryError::NoPerson { .. }) | Ok(_) => {}
            Err(other) => return Err(other),
        }
        store.forget_events(erasing)?;
    }
    if !pending.is_empty() {
        store.erase_alone(&pending)?;
    }
    gallery.tidy()?;
    Ok(pending.len())
}

impl GalleryHost for App {
    fn gallery(&self) -> Gallery {
        self.store.gallery()
    }

    fn config(&self) -> Config {
        App::config(self).clone()
    }

    fn model(&self, config: &Config, name: &str) -> Result<Arc<Model>, EngineError> {
        if let Some(recognition) = self.recognition().filter(|ready| ready.model.name() == name) {
            return Ok(recognition.model);
        }
        if let Some(ready) = self.ready_model(name) {
            return Ok(ready.model);
        }
        let known = config.models.iter().find(|model| model.name == name);
        self.open_runtime(config)?.load(known.ok_or_else(|| EngineError::NoTask { model: name.into() })?)
    }

    fn frame(&self, camera: Option<&str>) -> Result<(Lease<Frame>, String), Refusal> {
        let cameras = lock(&self.cameras);
        let known =
            || cameras.iter().map(|camera| camera.settings.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = cameras.iter().find(|known| camera == Some(&*known.settings.name));
        let Some(camera) = found else {
            let message = match camera {
                Some(name) => format!("there is no camera {name:?}"),
                None => "neither pictures nor a camera is given".into(),
            };
            let remedy = format!("send pictures, or name a camera; there are: {}", known());
            return Err(Refusal::new("unknown_camera", message, remedy));
        };
        let name = &camera.settings.name;
        let frame = camera.ring.newest().ok_or_else(|| {
            let message = format!("camera {name} has not given a frame yet");
            Refusal::new("no_frame", message, "wait until it is online")
        })?;
        let source = format!("camera {name}, frame {}", frame.seq);
        Ok((frame, source))
    }

    fn changed(&self) {
        self.refresh_gallery();
    }

    fn forget(&self, erasing: &Erasing) -> Result<(u64, Forgotten), Refusal> {
        erasing.ids().for_each(|person| self.web.forget(person));
        let pending = |error: String| pending(erasing, &error);
        let events = self.store.forget_events(erasing).map_err(|error| pending(error.to_string()))?;
        let forgotten = self.mqtt.forget(vec![erasing.clone()], PATIENCE);
        Ok((events, forgotten.map_err(|error| pending(error.to_string()))?))
    }
}

/// As above, for a command line that holds the store itself.
///
/// # Errors
/// `erasure_pending`, with the cause.
pub fn forget_alone(store: &Store, erasing: &Erasing) -> Result<(u64, Forgotten), Refusal> {
    let done = || -> Result<_, StoreError> {
        let events = store.forget_events(erasing)?;
        Ok((events, store.erase_alone(std::slice::from_ref(erasing))?))
    };
    done().map_err(|error| pending(erasing, &error.to_string()))
}

/// The refusal for a person who is gone from the gallery, but not yet from every file.
fn pending(erasing: &Erasing, cause: &str) -> Refusal {
    let person = erasing.person;
    let message = format!(
        "person {person} is out of the gallery, but bytes of them are still in the files of the store: {cause}"
    );
    let remedy = format!("erase person {person} again; the next start of the service finishes it, too");
    Refusal::new("erasure_pending", message, remedy)
}

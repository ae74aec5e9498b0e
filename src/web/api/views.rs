//! Cameras, their pictures and live views.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use serde_json::json;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError::Lagged;

use super::super::answer::{self, Handled, WebFault, bytes, json_text, mime};
use super::super::feed::Listening;
use super::super::handle::{CameraFacts, WebShared};
use super::super::live;
use super::super::routes::Call;
use super::super::snapshot::SnapshotState;
use super::state::ask;
use crate::commands::Command;
use crate::commands::inspection::TriggerRequest;
use crate::contract::CameraState;
use crate::contract::rest::{CameraOut, TriggerIn};
use crate::types::{Layer, LiveView};

/// A `ping` at this interval keeps proxies from closing an idle stream, and shows the page that the service
/// is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long to wait for a picture.
const PICTURE: Duration = Duration::from_secs(5);
const RECENT: usize = 50;
pub(in super::super) const MOST_RECENT: usize = 256;

pub(in super::super) async fn cameras(call: Call) -> Handled {
    let snapshot = call.server.shared.snapshot.lock();
    let cameras: Vec<_> = snapshot.cameras.iter().map(|facts| camera(&snapshot, facts)).collect();
    answer::json(&cameras)
}

pub(in super::super) fn camera(snapshot: &SnapshotState, facts: &CameraFacts) -> CameraOut {
    let status = snapshot.camera_states.get(&facts.name);
    CameraOut {
        name: facts.name.clone(),
        source: facts.source.clone(),
        state: status.map_or(CameraState::Offline, |status| status.state),
        cause: status.and_then(|status| status.cause.clone()),
        fps: status.map_or(0.0, |status| status.fps),
        frames: status.map_or(0, |status| status.frames),
        drops: status.map_or(0, |status| status.drops),
        width: facts.size.0,
        height: facts.size.1,
        detects: facts.detects,
        recognises: facts.recognises,
        inspects: facts.inspects,
    }
}

/// The camera that the path names.
fn known(call: &Call) -> Result<String, WebFault> {
    let name = call.param("camera");
    let snapshot = call.server.shared.snapshot.lock();
    if snapshot.cameras.iter().any(|camera| camera.name == name) {
        return Ok(name.to_owned());
    }
    let names: Vec<_> = snapshot.cameras.iter().map(|camera| camera.name.as_str()).collect();
    let message = format!("there is no camera {name:?}");
    Err(WebFault::unknown("unknown_camera", message, format!("there are: {}", names.join(", "))))
}

/// The camera's live view.
fn view(call: &Call) -> Result<Arc<dyn LiveView>, WebFault> {
    let camera = known(call)?;
    let view = call.server.shared.views.get().and_then(|views| views.find(&camera));
    view.ok_or_else(|| {
        WebFault::busy(format!("no stage draws the pictures of {camera} now"), "try again in a moment")
    })
}

pub(in super::super) async fn live(call: Call) -> Handled {
    let (view, layer) = (view(&call)?, layer(&call)?);
    let shared = &call.server.shared;
    let place = StreamPlace::take(shared, |shared| &shared.viewers, call.server.settings.max_viewers)?;
    Ok(live::response(view.watch(layer), place))
}

/// Whether detections are drawn into the picture.
fn layer(call: &Call) -> Result<Layer, WebFault> {
    match call.asked("raw") {
        None | Some("0") => Ok(Layer::Drawn),
        Some("1") => Ok(Layer::Plain),
        Some(word) => Err(WebFault::bad(format!("raw is {word:?}"), "write 0 or 1")),
    }
}

pub(in super::super) async fn picture(call: Call) -> Handled {
    let layer = layer(&call)?;
    let mut watch = view(&call)?.watch(layer);
    match tokio::time::timeout(PICTURE, watch.next()).await {
        Ok(Some(picture)) => Ok(bytes(mime::JPEG, picture.jpeg)),
        Ok(None) => Err(WebFault::busy("the camera is being reconfigured", "try again in a moment")),
        Err(_) => {
            let message = format!("the camera gave no picture within {} s", PICTURE.as_secs());
            Err(WebFault::new(
                StatusCode::GATEWAY_TIMEOUT,
                "no_picture",
                message,
                "GET /api/v1/cameras shows its state",
            ))
        }
    }
}

pub(in super::super) async fn trigger(mut call: Call) -> Handled {
    let camera = known(&call)?;
    let TriggerIn { text } = call.short_json().await?;
    let trigger = TriggerRequest { camera: Some(camera), text };
    answer::json(&ask(&call.server, Command::Trigger(trigger)).await?)
}

pub(in super::super) async fn recent(call: Call) -> Handled {
    let recent = call.server.shared.snapshot.recent(call.limit(RECENT, MOST_RECENT)?);
    Ok(json_text(StatusCode::OK, answer::list(recent)))
}

pub(in super::super) async fn events(call: Call) -> Handled {
    let shared = call.server.shared.clone();
    let place = StreamPlace::take(&shared, |shared| &shared.listeners, call.server.settings.max_viewers)?;
    // A browser that reconnects names the last message that it has.
    let last = call.headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let Listening { lost, missed, coming } = shared.feed.listen(last);
    let lost = (lost > 0).then_some(Err(Lagged(lost)));
    let before = tokio_stream::iter(lost.into_iter().chain(missed.into_iter().map(Ok)));
    let events = before.chain(BroadcastStream::new(coming)).map(move |messages| {
        let event = match messages {
            Ok(message) => Event::default()
                .id(place.shared.feed.id(&message))
                .event(message.kind)
                .data(String::from_utf8_lossy(&message.data)),
            Err(Lagged(count)) => {
                place.shared.totals.events_missed.add(count);
                Event::default().event("missed").data(json!({ "count": count }).to_string())
            }
        };
        Ok::<_, Infallible>(event)
    });
    let ping = KeepAlive::new().interval(KEEP_ALIVE).event(Event::default().event("ping").data("{}"));
    Ok(Sse::new(events).keep_alive(ping).into_response())
}

/// A slot for a viewer or listener, released when dropped.
pub(in super::super) struct StreamPlace {
    pub(in super::super) shared: Arc<WebShared>,
    of: fn(&WebShared) -> &AtomicUsize,
}

impl StreamPlace {
    pub(in super::super) fn take(
        shared: &Arc<WebShared>,
        of: fn(&WebShared) -> &AtomicUsize,
        most: usize,
    ) -> Result<StreamPlace, WebFault> {
        // Counted before the check, because the drop below takes it back.
        let before = of(shared).fetch_add(1, Ordering::Relaxed);
        let place = StreamPlace { shared: shared.clone(), of };
        if before < most {
            return Ok(place);
        }
        shared.totals.viewers_refused.inc();
        let message = format!("{most} views are open already, and no more are allowed at one time");
        Err(WebFault::busy(message, "close another view, or raise web.max_viewers"))
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        (self.of)(&self.shared).fetch_sub(1, Ordering::Relaxed);
    }
}

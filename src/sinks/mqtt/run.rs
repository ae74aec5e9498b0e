//! The connection's thread: connects for ever, serves, and leaves in order when asked to stop.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use rumqttc::{ConnectionError, Disconnect, EventLoop, Request, StateError};

use super::connect;
use super::connection::{TICK, Wire, flush, send};
use super::handle::{Mqtt, Shared};
use super::keeper::Keeper;
use super::link::{Cause, Link, MqttError, explain_connect, explain_loss, place};
use crate::config;
use crate::contract::topic;
use crate::store::Store;
use crate::supervisor::{Beat, Spawned, Stop, spawn};
use crate::types::Command;

/// First pause before a new attempt; doubles up to [`BACKOFF_MAX`], less up to half by chance.
const BACKOFF: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// How long the end waits for what is under way.
const DRAIN: Duration = Duration::from_millis(1_500);

/// Runs the sink until `stop`: blocks, reconnects for ever.
///
/// `store` is the opened store; with `None` it is opened here as soon as `device.state_dir` lets us, and
/// events wait in memory meanwhile. `commands` gets `reload` and `snapshot`; when it is full the requester
/// is told so. At the end `offline` is published and acknowledgements are awaited for 1.5 s at most.
#[allow(clippy::too_many_arguments, reason = "the parts of one unit, each from another owner")]
pub fn run(
    cfg: &config::Mqtt,
    outbox: &config::Outbox,
    device: &config::Device,
    handle: &Mqtt,
    store: Option<Store>,
    commands: SyncSender<Command>,
    stop: &Stop,
    beat: &Beat,
) -> Result<(), MqttError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(MqttError::Start)?;
    let shared = handle.shared.clone();
    let keeper = KeeperThread::start(&shared, store, &device.state_dir, outbox.max_bytes)?;
    let mut wire = Wire::new(shared, outbox.inflight, commands);
    runtime.block_on(Unit { cfg, stop, beat, keeper: &keeper }.serve(&mut wire));
    keeper.finish()
}

/// The keeper's thread, ended and joined whatever happens to its owner.
struct KeeperThread {
    shared: Arc<Shared>,
    thread: Option<Spawned<()>>,
}

impl KeeperThread {
    fn start(
        shared: &Arc<Shared>,
        store: Option<Store>,
        dir: &Path,
        max_bytes: u64,
    ) -> Result<KeeperThread, MqttError> {
        shared.exchange.tell(|desk| desk.closing = false);
        let keeper = Keeper::new(shared.clone(), store, dir, max_bytes);
        let thread = spawn("outbox", None, move || keeper.run())?;
        Ok(KeeperThread { shared: shared.clone(), thread: Some(thread) })
    }

    fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(Spawned::is_finished)
    }

    fn finish(mut self) -> Result<(), MqttError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), MqttError> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.shared.exchange.tell(|desk| desk.closing = true);
        self.shared.bell.ring();
        Ok(thread.join()?)
    }
}

impl Drop for KeeperThread {
    fn drop(&mut self) {
        // Only after a panic of the connection's thread; that panic is what will be reported.
        let _ = self.join();
    }
}

struct Unit<'a> {
    cfg: &'a config::Mqtt,
    stop: &'a Stop,
    beat: &'a Beat,
    keeper: &'a KeeperThread,
}

impl Unit<'_> {
    /// Over means: asked to stop, or without a keeper, which `run` then reports.
    fn is_over(&self) -> bool {
        self.stop.is_stopped() || self.keeper.is_finished()
    }

    async fn serve(&self, wire: &mut Wire) {
        let mut backoff = BACKOFF;
        while !self.is_over() {
            let began = Instant::now();
            match self.connect(wire).await {
                Ok(Some(mut eventloop)) => {
                    let lost = self.session(wire, &mut eventloop).await;
                    // A connection that held for a while is no reason to be shy.
                    if began.elapsed() > BACKOFF_MAX {
                        backoff = BACKOFF;
                    }
                    if let Err(error) = lost {
                        self.down(wire, explain_loss(self.cfg, &error));
                    }
                }
                Ok(None) => return,
                Err(cause) => self.down(wire, cause),
            }
            self.pause(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
        let stopped = super::link::cause(self.cfg, "the service stopped", "start it");
        wire.shared.set_link(Link::Down { cause: stopped, since: wire.shared.clock.now() });
    }

    /// One attempt; `None` when asked to stop meanwhile.
    async fn connect(&self, wire: &Wire) -> Result<Option<EventLoop>, Cause> {
        let wall_ns = wire.shared.clock.now().wall_ns;
        let options = connect::options(self.cfg, &wire.shared.topics, wall_ns)?;
        let mut eventloop = EventLoop::new(options, 1);
        let mut network = rumqttc::NetworkOptions::new();
        network.set_tcp_nodelay(true);
        eventloop.set_network_options(network);
        let polled: Result<_, ConnectionError> = {
            let mut attempt = pin!(eventloop.poll());
            loop {
                self.beat.beat();
                if self.is_over() {
                    return Ok(None);
                }
                tokio::select! {
                    polled = &mut attempt => break polled,
                    () = tokio::time::sleep(TICK) => {}
                }
            }
        };
        polled.map_err(|error| explain_connect(self.cfg, &error))?;
        Ok(Some(eventloop))
    }

    /// An accepted connection, from greeting to loss or farewell.
    async fn session(&self, wire: &mut Wire, eventloop: &mut EventLoop) -> Result<(), StateError> {
        tracing::info!(broker = place(self.cfg), "connected");
        wire.turn_epoch(true);
        wire.mark_up();
        let served = match wire.greet(eventloop).await {
            Ok(()) => wire.serve(eventloop, self.beat, |_| self.is_over()).await,
            lost => lost,
        };
        let ended = match served {
            Ok(()) => self.farewell(wire, eventloop).await,
            lost => lost,
        };
        wire.turn_epoch(false);
        ended
    }

    /// Everything that was offered goes out, then `offline`, then DISCONNECT: without it the broker would
    /// publish the last will.
    async fn farewell(&self, wire: &mut Wire, eventloop: &mut EventLoop) -> Result<(), StateError> {
        let deadline = Instant::now() + DRAIN;
        let shared = wire.shared.clone();
        shared.exchange.hear(|desk| (desk.empty, desk.empty_awaited) = (false, true));
        shared.bell.ring();
        let kept =
            || shared.events.is_empty() && shared.exchange.hear(|desk| desk.empty && desk.live.is_empty());
        let late = || Instant::now() >= deadline;
        wire.serve(eventloop, self.beat, |wire| late() || (kept() && wire.session.is_drained())).await?;
        let offline = connect::offline("stopped");
        wire.session.put_state(shared.board.passing(topic::STATUS, shared.clock.now().wall_ns, &offline));
        wire.serve(eventloop, self.beat, |wire| late() || wire.session.is_drained()).await?;
        send(eventloop, Request::Disconnect(Disconnect)).await?;
        flush(eventloop).await
    }

    fn down(&self, wire: &Wire, cause: Cause) {
        let since = match &*wire.shared.link.lock().unwrap_or_else(|e| e.into_inner()) {
            // The same trouble as before: said once, not at every attempt.
            Link::Down { cause: known, .. } if *known == cause => return,
            Link::Down { since, .. } => *since,
            Link::Up => wire.shared.clock.now(),
        };
        tracing::warn!("{cause}; trying again, for ever");
        wire.shared.set_link(Link::Down { cause, since });
    }

    async fn pause(&self, backoff: Duration) {
        use std::hash::{BuildHasher, Hasher};
        // Boxes that lost one broker together must not come back together.
        let chance = std::hash::RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
        let until = Instant::now() + backoff.mul_f64(1.0 - chance / 2.0);
        while Instant::now() < until && !self.is_over() {
            self.beat.beat();
            tokio::time::sleep(TICK.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }
}

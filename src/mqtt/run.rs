//! The connection's thread: connects, serves, reconnects indefinitely, and leaves in order when stopped.

use std::cell::Cell;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BufMut;

use super::connect::{self, ConnectError, Connected};
use super::connection::{PingedConnection, TICK, Wire};
use super::handle::{Mqtt, MqttShared};
use super::link::{Cause, Link, MqttError, explain_connect, explain_loss, place};
use super::network::ConnectionLoss;
use super::packet::{self, Version};
use super::rights::Rights;
use super::staging::REFUSED;
use super::writer::OutboxWriter;
use crate::backoff::Backoff;
use crate::commands::CommandQueue;
use crate::config::{self, MqttProtocol};
use crate::contract::topic;
use crate::store::Store;
use crate::supervisor::{Beat, Spawned, Stop, spawn};

/// First pause before a new attempt, and the longest.
const BACKOFF: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// How long the end waits for messages in flight.
const DRAIN: Duration = Duration::from_millis(1_500);

/// Runs the sink until `stop`: blocks, and reconnects indefinitely.
///
/// `store` is the opened store; with `None` it is opened here as soon as `device.state_dir` allows it, and
/// events wait in memory meanwhile. `commands` receives the requests; when it is full they are refused with
/// that reason. At the end `offline` is published, and acknowledgements are awaited for 1.5 s at most.
#[allow(clippy::too_many_arguments, reason = "the parts of one unit, each from another owner")]
pub fn run(
    cfg: &config::MqttConfig,
    outbox: &config::OutboxConfig,
    device: &config::Device,
    handle: &Mqtt,
    store: Option<Store>,
    commands: CommandQueue,
    stop: &Stop,
    beat: &Beat,
) -> Result<(), MqttError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(MqttError::Start)?;
    let shared = handle.shared.clone();
    *shared.rights() = Rights::new(&cfg.commands);
    let writer = WriterThread::start(&shared, store, &device.state_dir, outbox.max_bytes)?;
    let mut wire = Wire::new(shared, outbox.inflight, commands);
    let version = Cell::new(match cfg.protocol {
        MqttProtocol::V311 => Version::V4,
        MqttProtocol::V5 | MqttProtocol::Auto => Version::V5,
    });
    // After a restart the broker may refuse other messages.
    wire.shared.clear_alarm(REFUSED);
    let unit = MqttUnit { cfg, stop, beat, writer: &writer, version, refuses_5: Cell::new(false) };
    runtime.block_on(unit.serve(&mut wire));
    writer.finish()
}

/// The writer's thread, which is stopped and joined whenever its owner is dropped.
struct WriterThread {
    shared: Arc<MqttShared>,
    thread: Option<Spawned<()>>,
}

impl WriterThread {
    fn start(
        shared: &Arc<MqttShared>,
        store: Option<Store>,
        dir: &Path,
        max_bytes: u64,
    ) -> Result<WriterThread, MqttError> {
        shared.exchange.with_to_writer(|state| state.closing = false);
        let writer = OutboxWriter::new(shared.clone(), store, dir, max_bytes);
        let thread = spawn("outbox", None, move || writer.run())?;
        Ok(WriterThread { shared: shared.clone(), thread: Some(thread) })
    }

    fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(Spawned::is_finished)
    }

    fn finish(mut self) -> Result<(), MqttError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), MqttError> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.shared.exchange.with_to_writer(|state| state.closing = true);
        self.shared.bell.ring();
        Ok(thread.join()?)
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        // This is reached only after a panic of the connection's thread, and that panic is reported.
        let _ = self.join();
    }
}

struct MqttUnit<'a> {
    cfg: &'a config::MqttConfig,
    stop: &'a Stop,
    beat: &'a Beat,
    writer: &'a WriterThread,
    /// The version of the next attempt.
    version: Cell<Version>,
    /// The broker itself reported that it does not speak MQTT 5.
    refuses_5: Cell<bool>,
}

impl MqttUnit<'_> {
    /// True when stopped, or when the writer has ended, which `run` then reports.
    fn is_over(&self) -> bool {
        self.stop.is_stopped() || self.writer.is_finished()
    }

    async fn serve(&self, wire: &mut Wire) {
        // Devices that lost one broker together must not reconnect at the same moment.
        let mut backoff = Backoff::new(BACKOFF, BACKOFF_MAX).jittered();
        while !self.is_over() {
            let began = Instant::now();
            match self.connect(wire).await {
                Ok(Some(connected)) => {
                    let lost = self.session(wire, connected).await;
                    if self.cfg.protocol == MqttProtocol::Auto && !self.refuses_5.get() {
                        // It may have closed the connection before for another reason.
                        self.version.set(Version::V5);
                    }
                    // The pause starts short again after a long connection, and while a message is being
                    // tried out.
                    if began.elapsed() > BACKOFF_MAX || wire.session.is_doubtful() {
                        backoff.reset();
                    }
                    if let Err(loss) = lost {
                        self.down(wire, explain_loss(self.cfg, &loss));
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    wire.session.unreachable();
                    if self.speaks_otherwise(&error) {
                        continue;
                    }
                    self.down(wire, explain_connect(self.cfg, &error));
                }
            }
            self.pause(backoff.pause()).await;
        }
        let stopped = super::link::cause(self.cfg, "the service stopped", "start it");
        wire.shared.set_link(Link::Down { cause: stopped, since: wire.shared.clock.now() });
    }

    /// Switches to the other version if the configuration allows it and the error may come from the version.
    /// True if the broker itself said so, so that the next attempt follows at once.
    fn speaks_otherwise(&self, error: &ConnectError) -> bool {
        if self.cfg.protocol != MqttProtocol::Auto || !error.may_be_the_version() {
            return false;
        }
        let (was, is) = match self.version.get() {
            Version::V5 => (Version::V5, Version::V4),
            Version::V4 => (Version::V4, Version::V5),
        };
        self.version.set(is);
        let refused = was == Version::V5 && matches!(error, ConnectError::Refused { .. });
        self.refuses_5.set(self.refuses_5.get() || refused);
        refused
    }

    /// One attempt; `None` if stopped meanwhile.
    async fn connect(&self, wire: &Wire) -> Result<Option<Connected>, ConnectError> {
        let wall_ns = wire.shared.clock.now().wall_ns;
        let mut attempt = pin!(connect::connect(self.cfg, &wire.shared.topics, wall_ns, self.version.get()));
        loop {
            self.beat.beat();
            if self.is_over() {
                return Ok(None);
            }
            tokio::select! {
                connected = &mut attempt => return connected.map(Some),
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// An accepted connection, from the greeting to its loss or the farewell.
    async fn session(&self, wire: &mut Wire, connected: Connected) -> Result<(), ConnectionLoss> {
        let protocol = if connected.network.version == Version::V5 { "5" } else { "3.1.1" };
        tracing::info!(broker = place(self.cfg), protocol, "connected");
        let accepted = connected.accepted.clone();
        let mut line = PingedConnection::new(connected);
        wire.turn_epoch(true);
        wire.mark_up();
        wire.greet(&mut line.network, &accepted);
        let ended = match wire.serve(&mut line, self.beat, |_| self.is_over()).await {
            Ok(()) => self.farewell(wire, &mut line).await,
            lost => lost,
        };
        wire.turn_epoch(false);
        wire.session.lost(ended.as_ref().is_err_and(ConnectionLoss::is_by_broker));
        ended
    }

    /// Sends everything that was offered, then the states of a stopped service, then DISCONNECT: without it
    /// the broker would publish the last will.
    async fn farewell(&self, wire: &mut Wire, line: &mut PingedConnection) -> Result<(), ConnectionLoss> {
        let deadline = Instant::now() + DRAIN;
        let shared = wire.shared.clone();
        shared.exchange.with_from_writer(|state| (state.empty, state.empty_awaited) = (false, true));
        shared.bell.ring();
        let kept = || {
            shared.events.is_empty()
                && shared.exchange.with_from_writer(|state| state.empty && state.live.is_empty())
        };
        let late = || Instant::now() >= deadline;
        wire.serve(line, self.beat, |wire| late() || (kept() && wire.session.is_drained())).await?;
        wire.parted = true;
        let now = shared.clock.now().wall_ns;
        shared.retained.parting(now).into_iter().for_each(|note| wire.session.put_state(note));
        let offline = connect::offline("stopped");
        wire.session.put_state(shared.retained.passing(topic::STATUS, now, &offline));
        wire.serve(line, self.beat, |wire| late() || wire.session.is_drained()).await?;
        line.network.out().put_slice(&packet::DISCONNECT);
        while !line.network.is_flushed() && !late() {
            tokio::time::timeout(TICK, line.network.turn()).await.unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    fn down(&self, wire: &Wire, cause: Cause) {
        let since = match &*wire.shared.link.lock() {
            // The same fault as before is logged once, not at every attempt.
            Link::Down { cause: known, .. } if *known == cause => return,
            Link::Down { since, .. } => *since,
            Link::Up => wire.shared.clock.now(),
        };
        tracing::warn!("{cause}; retrying indefinitely");
        wire.shared.set_link(Link::Down { cause, since });
    }

    async fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.is_over() {
            self.beat.beat();
            tokio::time::sleep(TICK.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }
}

//! One connection: moves messages between the session and the broker until either ends it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};

use super::commands::{self, RecentRequests};
use super::connect::Connected;
use super::handle::MqttShared;
use super::message::Outgoing;
use super::network::{ConnectionLoss, Transport};
use super::once::Once;
use super::oversize::Oversize;
use super::packet::{self, Publish, ReceivedPacket};
use super::session::MqttSession;
use crate::commands::CommandQueue;
use crate::contract::topic;
use crate::contract::{Detections, Envelope, Payload};
use crate::supervisor::Beat;
use crate::types::{Label, Report, rfc3339};

/// Stored messages sent between two looks at the reports: the results of a frame never wait behind more than
/// these.
const BURST: usize = 64;
/// How often an idle connection checks the stop token.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The buffers for one camera's detections, allocated once.
struct CameraBuffers {
    stream: usize,
    seq: u64,
}

/// A connection, with the times of its pings.
pub(super) struct PingedConnection {
    pub(super) network: Transport,
    keep_alive: Duration,
    ping_at: Instant,
    /// When the unanswered pings were sent.
    pings: VecDeque<Instant>,
}

impl PingedConnection {
    pub(super) fn new(connected: Connected) -> PingedConnection {
        let Connected { network, keep_alive, .. } = connected;
        PingedConnection { network, keep_alive, ping_at: Instant::now() + keep_alive, pings: VecDeque::new() }
    }

    /// Sends a ping where it is time for one.
    ///
    /// # Errors
    /// The broker does not answer pings.
    pub(super) fn ping_in_time(&mut self) -> Result<(), ConnectionLoss> {
        if Instant::now() < self.ping_at {
            return Ok(());
        }
        if self.is_silent() {
            return Err(ConnectionLoss::Silent);
        }
        self.ping();
        Ok(())
    }

    /// The broker has answered a ping.
    pub(super) fn ponged(&mut self) {
        self.pings.pop_front();
    }

    fn ping(&mut self) {
        self.network.out().put_slice(&packet::PING);
        self.pings.push_back(Instant::now());
        self.ping_at = Instant::now() + self.keep_alive;
    }

    /// Whether the broker answers pings.
    fn is_silent(&self) -> bool {
        self.pings.front().is_some_and(|sent| sent.elapsed() > self.keep_alive)
    }
}

/// The I/O side's state that outlives a connection.
pub(super) struct Wire {
    pub(super) shared: Arc<MqttShared>,
    pub(super) session: MqttSession,
    pub(super) commands: CommandQueue,
    pub(super) memory: RecentRequests,
    cameras: HashMap<Label, CameraBuffers>,
    /// QoS 0 payloads are written here and copied out, so that the memory is used again.
    buffer: BytesMut,
    /// The stream of the message in the buffer that waits until it may be sent.
    held: Option<usize>,
    oversize: Oversize,
    seen_version: u64,
    /// The version of the subscriptions that this connection has.
    subscribed: u64,
    /// The farewell has been sent, so later changes of retained topics are not.
    pub(super) parted: bool,
    pub(super) epoch: u64,
}

impl Wire {
    pub(super) fn new(shared: Arc<MqttShared>, limit: u16, commands: CommandQueue) -> Wire {
        // A writer of an earlier run may have left its exchange behind: its epochs are not used again.
        let epoch = shared.exchange.with_to_writer(|state| state.epoch);
        Wire {
            session: MqttSession::new(shared.topics.clone(), limit),
            shared,
            commands,
            memory: RecentRequests::default(),
            cameras: HashMap::new(),
            buffer: BytesMut::with_capacity(16 << 10),
            held: None,
            oversize: Oversize::default(),
            seen_version: 0,
            subscribed: 0,
            parted: false,
            epoch,
        }
    }

    /// Serves an accepted connection until it is lost (`Err`) or `until` returns true (`Ok`).
    pub(super) async fn serve(
        &mut self,
        line: &mut PingedConnection,
        beat: &Beat,
        until: impl Fn(&Wire) -> bool,
    ) -> Result<(), ConnectionLoss> {
        while !until(self) {
            beat.beat();
            let more = self.write_waiting(&mut line.network);
            if self.session.wants_ping() || Instant::now() >= line.ping_at {
                if line.is_silent() {
                    return Err(ConnectionLoss::Silent);
                }
                line.ping();
                self.session.pinged();
            }
            self.oversize.tidy(&self.shared);
            let shared = self.shared.clone();
            let turned = if more {
                // `now or never`: a zero timeout would still wait for the timer's next millisecond.
                tokio::select! { biased;
                    turned = line.network.turn() => turned,
                    () = std::future::ready(()) => Ok(()),
                }
            } else {
                tokio::select! { biased;
                    turned = line.network.turn() => turned,
                    () = shared.wake.notified() => Ok(()),
                    () = tokio::time::sleep(TICK) => Ok(()),
                }
            };
            // What was read before a loss still counts.
            self.take_received(line)?;
            turned?;
        }
        Ok(())
    }

    /// Subscribes, and publishes every retained topic again.
    pub(super) fn greet(&mut self, network: &mut Transport, accepted: &packet::Accepted) {
        let version = network.version;
        // Our own answers should not come back, but alarms that an earlier process left behind should.
        for (filter, foreign) in
            [(self.shared.topics.all_commands(), true), (self.shared.topics.all_alarms(), false)]
        {
            let pkid = network.next_pkid();
            packet::write_subscribe(version, &filter, foreign, pkid, network.out());
        }
        // All filters are new to this connection.
        self.subscribed = 0;
        self.subscribe(network);
        self.oversize.begin_again(&self.shared);
        self.session.connected(version, accepted);
    }

    /// Subscribes to the filters of other parts of the service, where those have changed.
    fn subscribe(&mut self, network: &mut Transport) {
        let version = self.shared.subscriptions.version();
        if version == self.subscribed {
            return;
        }
        self.subscribed = version;
        let (filters, gone) = self.shared.subscriptions.filters();
        for filter in filters {
            let pkid = network.next_pkid();
            packet::write_subscribe(network.version, &filter, true, pkid, network.out());
        }
        for filter in gone {
            let pkid = network.next_pkid();
            packet::write_unsubscribe(network.version, &filter, pkid, network.out());
        }
    }

    /// Reports to the writer that a connection began or ended; entries that it handed out are void.
    pub(super) fn turn_epoch(&mut self, online: bool) {
        self.epoch += 1;
        let (epoch, acked, aside) = (self.epoch, self.session.take_acked(), self.session.take_aside());
        self.shared.exchange.with_to_writer(|state| {
            state.acked.extend(acked);
            state.aside.extend(aside);
            (state.epoch, state.online, state.fetch) = (epoch, online, None);
        });
        self.shared.bell.ring();
    }

    /// Collects the messages of the writer and the retained topics.
    pub(super) fn collect(&mut self) {
        if !self.parted {
            let (notes, version) = self.shared.retained.since(self.seen_version);
            self.seen_version = version;
            notes.into_iter().for_each(|note| self.session.put_state(note));
        }
        let answers = std::mem::take(&mut *self.shared.answers.lock());
        answers.into_iter().for_each(|answer| self.session.put_answer(answer));
        let (epoch, session) = (self.epoch, &mut self.session);
        let let_go = self.shared.exchange.with_from_writer(|state| {
            let let_go = session.forget(&std::mem::take(&mut state.forgotten));
            if state.epoch != epoch {
                return let_go;
            }
            session.put_live(state.live.drain(..));
            if let Some(backlog) = state.backlog.take() {
                session.put_backlog(backlog);
            }
            if std::mem::take(&mut state.more) {
                session.more_waits();
            }
            let_go
        });
        if let_go > 0 {
            self.shared.exchange.with_to_writer(|state| state.let_go += let_go);
        }
    }

    /// Passes acknowledgements and requests to the writer.
    fn report_back(&mut self) {
        let (acked, aside) = (self.session.take_acked(), self.session.take_aside());
        let fetch = self.session.wants();
        if acked.is_empty() && aside.is_empty() && fetch.is_none() {
            return;
        }
        self.shared.exchange.with_to_writer(|state| {
            state.acked.extend(acked);
            state.aside.extend(aside);
            state.fetch = fetch.or(state.fetch);
        });
        self.shared.bell.ring();
    }

    /// Writes the reports, then a burst of the session's messages. True if more could be written now.
    fn write_waiting(&mut self, network: &mut Transport) -> bool {
        self.write_reports(network);
        self.subscribe(network);
        self.collect();
        self.write_figures(network);
        let mut sent = 0;
        while sent < BURST && !network.is_full() {
            let Some(outgoing) = self.session.next(self.shared.clock.now()) else { break };
            self.write_kept(network, outgoing);
            sent += 1;
        }
        self.report_back();
        !network.is_full() && (sent == BURST || (self.held.is_none() && !self.shared.reports.is_empty()))
    }

    fn write_reports(&mut self, network: &mut Transport) {
        // At most one queue's worth, so that a flood of reports cannot delay reading acknowledgements.
        for _ in 0..self.shared.reports.capacity() {
            if network.is_full() || !self.write_held(network) {
                return;
            }
            let Some(report) = self.shared.reports.pop() else { return };
            self.held = Some(self.render(&report));
        }
        self.write_held(network);
    }

    fn write_figures(&mut self, network: &mut Transport) {
        while self.held.is_none() && !network.is_full() {
            let Some((suffix, payload)) = self.shared.retained.take_figures() else { return };
            let stream = self.session.stream(&suffix, || self.shared.topics.full(&suffix));
            self.buffer.extend_from_slice(&payload);
            self.held = Some(stream);
            self.write_held(network);
        }
    }

    /// Writes the held QoS 0 message, if there is one and it may be sent; true if none is held any more.
    fn write_held(&mut self, network: &mut Transport) -> bool {
        let Some(stream) = self.held else { return true };
        let bytes = self.buffer.len();
        match self.session.once(stream, bytes, self.shared.clock.now()) {
            Once::Later => return false,
            Once::Now => {
                network.publish(&self.session.streams[stream].topic, &self.buffer, false, false);
                self.session.sent_once(stream, bytes);
                if self.session.streams[stream].is_report {
                    self.shared.totals.reports_sent.inc();
                }
            }
            Once::Never => self.shared.totals.refused_dropped.inc(),
        }
        self.buffer.clear();
        self.held = None;
        true
    }

    /// Renders a report into the buffer; returns its stream.
    fn render(&mut self, report: &Report) -> usize {
        let camera = match self.cameras.get_mut(&report.camera) {
            Some(camera) => camera,
            None => {
                let suffix = topic::detections(&report.camera);
                let stream = self.session.stream(&suffix, || self.shared.topics.full(&suffix));
                self.session.streams[stream].is_report = true;
                self.cameras.entry(report.camera.clone()).or_insert(CameraBuffers { stream, seq: 0 })
            }
        };
        camera.seq += 1;
        let body = Detections::from(report);
        let envelope = Envelope {
            schema: Detections::SCHEMA,
            seq: camera.seq,
            time: rfc3339(report.captured.wall_ns),
            body: &body,
        };
        let written = serde_json::to_writer((&mut self.buffer).writer(), &envelope);
        debug_assert!(written.is_ok(), "{written:?}");
        camera.stream
    }

    fn write_kept(&mut self, network: &mut Transport, out: Outgoing) {
        if out.historical {
            self.shared.totals.events_historical.inc();
        }
        let pkid = network.publish(&out.topic, &out.payload, true, out.retain);
        self.session.sent(pkid, out);
    }

    /// Handles every packet that arrived.
    fn take_received(&mut self, line: &mut PingedConnection) -> Result<(), ConnectionLoss> {
        while let Some(received) = line.network.received()? {
            match received {
                ReceivedPacket::PubAck { pkid, refused } => {
                    self.session.acked(pkid, refused, self.shared.clock.now());
                }
                ReceivedPacket::Publish(message) => {
                    if message.pkid != 0 {
                        packet::write_puback(message.pkid, line.network.out());
                    }
                    self.arrived(&message);
                }
                ReceivedPacket::Pong => {
                    line.ponged();
                    self.session.ponged();
                }
                ReceivedPacket::Closing(code) => return Err(ConnectionLoss::Dismissed(code)),
                ReceivedPacket::ConnAck(_) | ReceivedPacket::SubAck(_) | ReceivedPacket::Other => {}
            }
        }
        self.report_back();
        Ok(())
    }

    fn arrived(&mut self, message: &Publish) {
        self.shared.subscriptions.arrived(message, self.shared.clock.now());
        // Answers, including those that the broker kept from earlier, may have any length.
        if !commands::is_answer(&message.payload) {
            self.oversize.look(message, &self.shared);
        }
        if let Some(named) = self.shared.topics.command(&message.topic) {
            commands::handle(&self.shared, &mut self.memory, &self.commands, named, message);
        } else if let Some(suffix) = self.shared.topics.suffix(&message.topic) {
            // An alarm that an earlier process raised and could not clear.
            if message.retained && message.bytes > 0 && !self.shared.retained.knows(suffix) {
                self.shared.retained.clear(suffix);
            }
        }
    }

    /// Marks the link as up: after the CONNACK, and not before.
    pub(super) fn mark_up(&self) {
        self.shared.set_link(super::Link::Up);
        self.shared.totals.connections.inc();
        debug_assert!(self.shared.up.load(Ordering::Relaxed));
    }
}

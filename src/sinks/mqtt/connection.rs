//! One connection: moves bytes between the session and the broker until either ends it.
//!
//! rumqttc's `EventLoop` makes the connection; after that its network and protocol state are driven
//! directly. That gives one flush for many messages, the packet id of each, and no channel in between.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use rumqttc::{Event, EventLoop, Incoming, Packet, PingReq, Publish, QoS, Request, StateError, Subscribe};

use super::commands::{self, Arrived, Memory};
use super::handle::Shared;
use super::session::{Outgoing, Session, Ticket};
use crate::contract::topic;
use crate::contract::{Detections, Envelope, Payload};
use crate::supervisor::Beat;
use crate::types::{Command, Label, Report, rfc3339};

/// A broker that takes no bytes for so long is gone.
const STALLED: Duration = Duration::from_secs(5);
/// Kept messages between two looks at the reports: the frame's results never wait behind more than these.
const BURST: usize = 64;
/// How often a silent connection looks at the stop token.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// What one camera's detections need, made once.
struct Camera {
    topic: String,
    seq: u64,
}

/// What outlives a connection on the I/O side.
pub(super) struct Wire {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Session,
    pub(super) commands: std::sync::mpsc::SyncSender<Command>,
    pub(super) memory: Memory,
    cameras: HashMap<Label, Camera>,
    /// Payloads of QoS 0 are written here; rumqttc copies them out, so the same memory serves the next.
    buffer: BytesMut,
    seen_version: u64,
    pub(super) epoch: u64,
}

impl Wire {
    pub(super) fn new(
        shared: Arc<Shared>,
        limit: u16,
        commands: std::sync::mpsc::SyncSender<Command>,
    ) -> Wire {
        // A keeper of an earlier run may have left its desk behind: its epochs are not used again.
        let epoch = shared.exchange.tell(|desk| desk.epoch);
        Wire {
            shared,
            session: Session::new(limit),
            commands,
            memory: Memory::default(),
            cameras: HashMap::new(),
            buffer: BytesMut::with_capacity(16 << 10),
            seen_version: 0,
            epoch,
        }
    }

    /// Serves an accepted connection until it is lost (`Err`) or `until` says so (`Ok`).
    pub(super) async fn serve(
        &mut self,
        eventloop: &mut EventLoop,
        beat: &Beat,
        until: impl Fn(&Wire) -> bool,
    ) -> Result<(), StateError> {
        let mut ping_at = Instant::now() + eventloop.mqtt_options.keep_alive();
        while !until(self) {
            beat.beat();
            let wrote = self.write_waiting(eventloop).await?;
            if Instant::now() >= ping_at {
                ping_at = Instant::now() + eventloop.mqtt_options.keep_alive();
                send(eventloop, Request::PingReq(PingReq)).await?;
            }
            flush(eventloop).await?;
            // After a burst look for acknowledgements without waiting; else wait for anything at all.
            let patience = if wrote { Duration::ZERO } else { TICK };
            let shared = self.shared.clone();
            let Some(network) = eventloop.network.as_mut() else { return Err(StateError::ConnectionAborted) };
            let read = if wrote {
                // `now or never`: a zero timeout would still wait for the timer's next millisecond.
                tokio::select! { biased;
                    read = network.readb(&mut eventloop.state) => Some(read),
                    () = std::future::ready(()) => None,
                }
            } else {
                tokio::select! { biased;
                    read = network.readb(&mut eventloop.state) => Some(read),
                    () = shared.wake.notified() => None,
                    () = tokio::time::sleep(patience) => None,
                }
            };
            // What was read before a loss still counts.
            self.take_events(eventloop);
            read.unwrap_or(Ok(()))?;
        }
        flush(eventloop).await
    }

    /// Subscribes, and has everything told again.
    pub(super) async fn greet(&mut self, eventloop: &mut EventLoop) -> Result<(), StateError> {
        for filter in [self.shared.topics.all_commands(), self.shared.topics.all_alarms()] {
            send(eventloop, Request::Subscribe(Subscribe::new(filter, QoS::AtLeastOnce))).await?;
        }
        self.session.connected();
        flush(eventloop).await
    }

    /// Tells the keeper that a connection began or ended; what was handed out is void.
    pub(super) fn turn_epoch(&mut self, online: bool) {
        self.epoch += 1;
        let (epoch, acked) = (self.epoch, self.session.take_acked());
        self.shared.exchange.tell(|desk| {
            desk.acked.extend(acked);
            (desk.epoch, desk.online, desk.fetch) = (epoch, online, None);
        });
        self.shared.bell.ring();
        if !online {
            self.session.lost();
        }
    }

    /// Collects what the others left on their desks.
    pub(super) fn collect(&mut self) {
        let (notes, version) = self.shared.board.since(self.seen_version);
        self.seen_version = version;
        notes.into_iter().for_each(|note| self.session.put_state(note));
        let answers = std::mem::take(&mut *self.shared.answers.lock().unwrap_or_else(|e| e.into_inner()));
        answers.into_iter().for_each(|answer| self.session.put_answer(answer));
        let (epoch, session) = (self.epoch, &mut self.session);
        let let_go = self.shared.exchange.hear(|desk| {
            let let_go = session.forget(&std::mem::take(&mut desk.forgotten));
            if desk.epoch != epoch {
                return let_go;
            }
            session.put_live(desk.live.drain(..));
            if let Some(backlog) = desk.backlog.take() {
                session.put_backlog(backlog);
            }
            if std::mem::take(&mut desk.more) {
                session.more_waits();
            }
            let_go
        });
        if let_go > 0 {
            self.shared.exchange.tell(|desk| desk.let_go += let_go);
        }
    }

    /// Gives acknowledgements and wishes to the keeper.
    fn report_back(&mut self) {
        let (acked, fetch) = (self.session.take_acked(), self.session.wants());
        if acked.is_empty() && fetch.is_none() {
            return;
        }
        self.shared.exchange.tell(|desk| {
            desk.acked.extend(acked);
            desk.fetch = fetch.or(desk.fetch);
        });
        self.shared.bell.ring();
    }

    /// Writes the reports, then a burst of the session's messages. True if more may wait.
    async fn write_waiting(&mut self, eventloop: &mut EventLoop) -> Result<bool, StateError> {
        self.write_reports(eventloop).await?;
        self.collect();
        for (suffix, payload) in self.shared.board.take_figures() {
            let topic = self.shared.topics.full(&suffix);
            publish(eventloop, topic, QoS::AtMostOnce, false, payload).await?;
        }
        let mut sent = 0;
        while sent < BURST {
            let Some(outgoing) = self.session.next(self.shared.clock.now().wall_ns) else { break };
            self.write_kept(eventloop, outgoing).await?;
            sent += 1;
        }
        self.report_back();
        Ok(sent == BURST || !self.shared.reports.is_empty())
    }

    async fn write_reports(&mut self, eventloop: &mut EventLoop) -> Result<(), StateError> {
        // At most one queue's worth, so that a flood of reports cannot keep acknowledgements from being read.
        for _ in 0..self.shared.reports.capacity() {
            let Some(report) = self.shared.reports.pop() else { break };
            let (topic, payload) = self.render(&report);
            // The report goes back to its pool before the bytes go to the socket.
            drop(report);
            publish(eventloop, topic, QoS::AtMostOnce, false, payload).await?;
            self.shared.totals.reports_sent.inc();
        }
        Ok(())
    }

    fn render(&mut self, report: &Report) -> (String, Bytes) {
        let camera = match self.cameras.get_mut(&report.camera) {
            Some(camera) => camera,
            None => {
                let topic = self.shared.topics.full(&topic::detections(&report.camera));
                self.cameras.entry(report.camera.clone()).or_insert(Camera { topic, seq: 0 })
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
        (camera.topic.clone(), self.buffer.split().freeze())
    }

    async fn write_kept(&mut self, eventloop: &mut EventLoop, out: Outgoing) -> Result<(), StateError> {
        let topic = match &out.ticket {
            Ticket::Answer(answer) => answer.topic.clone(),
            _ => self.shared.topics.full(&out.suffix),
        };
        if out.historical {
            self.shared.totals.events_historical.inc();
        }
        let pkid = publish(eventloop, topic, QoS::AtLeastOnce, out.retain, out.payload).await?;
        self.session.sent(pkid, out.ticket);
        Ok(())
    }

    /// Looks at everything that arrived.
    fn take_events(&mut self, eventloop: &mut EventLoop) {
        while let Some(event) = eventloop.state.events.pop_front() {
            match event {
                Event::Incoming(Incoming::PubAck(ack)) => {
                    self.session.acked(ack.pkid);
                }
                Event::Incoming(Incoming::Publish(publish)) => self.arrived(&publish),
                _ => {}
            }
        }
        self.report_back();
    }

    fn arrived(&mut self, publish: &Publish) {
        if let Some((name, id)) = self.shared.topics.command(&publish.topic) {
            let arrived = Arrived {
                topic: &publish.topic,
                name,
                id,
                payload: &publish.payload,
                retained: publish.retain,
            };
            commands::handle(&self.shared, &mut self.memory, &self.commands, &arrived);
        } else if let Some(suffix) = self.shared.topics.suffix(&publish.topic) {
            // An alarm that an earlier process raised and could not end.
            if publish.retain && !publish.payload.is_empty() && !self.shared.board.knows(suffix) {
                self.shared.board.clear(suffix);
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

/// Puts one request into the write buffer; the packet id comes back with its packet.
pub(super) async fn send(eventloop: &mut EventLoop, request: Request) -> Result<u16, StateError> {
    let packet = eventloop.state.handle_outgoing_packet(request)?;
    // Only a packet id that is still out gives no packet; with thousands of ids the broker has lost it.
    let Some(packet) = packet else { return Err(StateError::CollisionTimeout) };
    let pkid = if let Packet::Publish(publish) = &packet { publish.pkid } else { 0 };
    let Some(network) = eventloop.network.as_mut() else { return Err(StateError::ConnectionAborted) };
    match tokio::time::timeout(STALLED, network.write(packet)).await {
        Ok(written) => written.map(|()| pkid),
        Err(_) => Err(stalled()),
    }
}

async fn publish(
    eventloop: &mut EventLoop,
    topic: String,
    qos: QoS,
    retain: bool,
    payload: Bytes,
) -> Result<u16, StateError> {
    let mut publish = Publish::from_bytes(topic, qos, payload);
    publish.retain = retain;
    send(eventloop, Request::Publish(publish)).await
}

/// Gives the write buffer to the system. Done before every wait, so that a wait which is given up never
/// holds half-written bytes.
pub(super) async fn flush(eventloop: &mut EventLoop) -> Result<(), StateError> {
    let Some(network) = eventloop.network.as_mut() else { return Err(StateError::ConnectionAborted) };
    tokio::time::timeout(STALLED, network.flush()).await.unwrap_or_else(|_| Err(stalled()))
}

fn stalled() -> StateError {
    StateError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "it takes no more bytes"))
}

//! Jobs that several boxes share: each is acknowledged when it is on the disk of the box that has it.
//!
//! The connection is apart from the main one, because the broker must keep what it has sent here while the box is off, and must
//! send no more than this box wants to hold.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TrySendError, channel};
use std::time::{Duration, Instant};

use bytes::BufMut;
use tokio::sync::Notify;

use super::connect::{ConnectError, Connected, greeted, greeting};
use super::connection::{PingedConnection, TICK};
use super::link::{Cause, MqttError, cause, explain_connect, explain_loss};
use super::network::{ConnectionLoss, Transport};
use super::packet::{self, KeptSession, Publish, ReceivedPacket, Version};
use crate::backoff::Backoff;
use crate::commands::jobs::{FleetJobIn, JobIn, JobsCommand};
use crate::commands::{Command, CommandQueue, CommandRequest};
use crate::config::{FleetConfig, MqttConfig};
use crate::contract::{self, Answer, Progress};
use crate::supervisor::{Beat, Stop};
use crate::types::{Clock, Explanation, Origin, Refusal, Responder};

/// First pause before a new attempt to connect, and the longest.
const BACKOFF: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// How long the broker keeps the jobs that it has sent to a box that is off: a week.
const KEPT_S: u32 = 7 * 86_400;
/// Pause before a job is offered to the queue again that had no place.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the fleet's unit is built from.
pub struct FleetAround<'a> {
    /// The broker that the jobs come from.
    pub mqtt: &'a MqttConfig,
    /// The group and its topics.
    pub fleet: &'a FleetConfig,
    /// Where jobs are added.
    pub commands: &'a CommandQueue,
    /// The clock of messages.
    pub clock: &'a dyn Clock,
    /// Raises the alarm with a reason, or clears it.
    pub alarm: &'a dyn Fn(Option<&Explanation>),
}

/// Takes jobs of the fleet until `stop`: blocks, and reconnects indefinitely.
///
/// # Errors
/// The thread cannot start.
pub fn run_fleet(around: &FleetAround<'_>, stop: &Stop, beat: &Beat) -> Result<(), MqttError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(MqttError::Start)?;
    let own = MqttConfig { client_id: format!("{}-jobs", around.mqtt.client_id), ..around.mqtt.clone() };
    let (ends, ended) = channel();
    let mut fleet = Fleet {
        around,
        own,
        stop,
        beat,
        ends,
        ended,
        wake: Arc::default(),
        epoch: 0,
        number: 0,
        held: Vec::new(),
        fault: None,
    };
    runtime.block_on(fleet.serve());
    // A name server that does not answer keeps a thread, which must not keep the unit.
    runtime.shutdown_background();
    Ok(())
}

/// A job that the broker has sent and that is not acknowledged.
struct Held {
    /// Counts jobs: the packet ids of those with QoS 0 are all 0.
    number: u64,
    pkid: u16,
    id: String,
    job: JobIn,
    /// When it is offered to the queue again; `None` while the queue has it.
    again: Option<Instant>,
}

/// What the queue says of a job that it was offered.
struct End {
    /// The connection that the job came over.
    epoch: u64,
    number: u64,
    outcome: Result<(), Refusal>,
}

struct Fleet<'a> {
    around: &'a FleetAround<'a>,
    /// The broker's settings with a client id of their own.
    own: MqttConfig,
    stop: &'a Stop,
    beat: &'a Beat,
    ends: Sender<End>,
    ended: Receiver<End>,
    wake: Arc<Notify>,
    /// Counts connections: packet ids of an earlier one mean nothing any more.
    epoch: u64,
    /// The number of the last job.
    number: u64,
    held: Vec<Held>,
    /// Why no jobs come.
    fault: Option<Cause>,
}

impl Fleet<'_> {
    async fn serve(&mut self) {
        let mut backoff = Backoff::new(BACKOFF, BACKOFF_MAX).jittered();
        while !self.stop.is_stopped() {
            let began = Instant::now();
            match self.connect().await {
                Ok(None) => return,
                Ok(Some(connected)) => {
                    let ended = self.connected(connected).await;
                    // What was not acknowledged comes again.
                    self.held.clear();
                    match ended {
                        Ok(()) => return,
                        Err(loss) => self.note(Some(explain_loss(&self.own, &loss))),
                    }
                    if began.elapsed() > BACKOFF_MAX {
                        backoff.reset();
                    }
                }
                Err(error) if error.may_be_the_version() => {
                    let what = format!("jobs of a fleet need MQTT 5 ({error})");
                    let next = "use a broker that speaks MQTT 5, or remove [jobs] fleet";
                    self.note(Some(cause(&self.own, what, next)));
                }
                Err(error) => self.note(Some(explain_connect(&self.own, &error))),
            }
            self.pause(backoff.pause()).await;
        }
    }

    /// One attempt; `None` if stopped meanwhile.
    async fn connect(&self) -> Result<Option<Connected>, ConnectError> {
        let mut hello = greeting(&self.own, None)?;
        let receive_max = self.around.fleet.max_inflight;
        hello.kept = Some(KeptSession { expiry_s: KEPT_S, receive_max });
        let mut attempt = std::pin::pin!(greeted(&self.own, hello, Version::V5));
        loop {
            self.beat.beat();
            if self.stop.is_stopped() {
                return Ok(None);
            }
            tokio::select! {
                connected = &mut attempt => return connected.map(Some),
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Serves an accepted connection until it is lost (`Err`) or the service stops (`Ok`).
    async fn connected(&mut self, connected: Connected) -> Result<(), ConnectionLoss> {
        self.epoch += 1;
        let mut line = PingedConnection::new(connected);
        self.subscribe(&mut line.network);
        while !self.stop.is_stopped() {
            self.beat.beat();
            self.take_ends(&mut line.network);
            self.offer_again();
            line.ping_in_time()?;
            let wake = self.wake.clone();
            let turned = tokio::select! { biased;
                turned = line.network.turn() => turned,
                () = wake.notified() => Ok(()),
                () = tokio::time::sleep(TICK) => Ok(()),
            };
            // What was read before a loss still counts.
            self.take_received(&mut line)?;
            turned?;
        }
        line.network.out().put_slice(&packet::DISCONNECT);
        let flushed = async {
            while !line.network.is_flushed() {
                line.network.turn().await?;
            }
            Ok(())
        };
        tokio::time::timeout(FAREWELL, flushed).await.unwrap_or(Ok(()))
    }

    /// Subscribes, and stays subscribed also while the queue is full: a broker drops what is submitted while no box of the group
    /// is subscribed. What is not acknowledged bounds what it sends.
    fn subscribe(&self, network: &mut Transport) {
        let FleetConfig { group, prefix, .. } = self.around.fleet;
        let filter = format!("$share/{group}/{prefix}/jobs/submit");
        let pkid = network.next_pkid();
        packet::write_subscribe(Version::V5, &filter, false, pkid, network.out());
    }

    fn take_received(&mut self, line: &mut PingedConnection) -> Result<(), ConnectionLoss> {
        while let Some(received) = line.network.received()? {
            match received {
                ReceivedPacket::Publish(message) => self.arrived(&message, &mut line.network),
                ReceivedPacket::Pong => line.ponged(),
                ReceivedPacket::SubAck(code @ 0x80..) => {
                    let what = format!("the broker refuses the jobs of the fleet (MQTT reason {code:#04x})");
                    self.note(Some(cause(&self.own, what, "allow this box to read them: docs/mqtt-acl.md")));
                }
                ReceivedPacket::SubAck(_) => {
                    let FleetConfig { group, prefix, .. } = self.around.fleet;
                    tracing::info!(group, prefix, "takes jobs of the fleet");
                    self.note(None);
                }
                ReceivedPacket::Closing(code) => return Err(ConnectionLoss::Dismissed(code)),
                ReceivedPacket::ConnAck(_) | ReceivedPacket::PubAck { .. } | ReceivedPacket::Other => {}
            }
        }
        Ok(())
    }

    fn arrived(&mut self, message: &Publish, network: &mut Transport) {
        let refused =
            |why: String| Refusal::new("bad_job", why, "docs/jobs.md describes the jobs of a fleet");
        let read = match message.is_whole() {
            true => FleetJobIn::read(&message.payload),
            false => Err(refused(format!("it has {} bytes, which is more than is read", message.bytes))),
        };
        let read = read.and_then(|asked| match asked.has_plain_id() {
            true => Ok(asked),
            false => Err(refused("its id is no plain word, or one that the fleet itself uses".to_owned())),
        });
        let is_full = self.held.len() >= usize::from(self.around.fleet.max_inflight);
        match read {
            // The broker does not bound what comes with QoS 0.
            Ok(asked) if message.pkid == 0 && is_full => {
                let reason = "too many jobs with QoS 0 wait; submit with QoS 1".to_owned();
                tracing::warn!("jobs: the job {} of the fleet is refused: {reason}", asked.id);
                self.refuse(&asked.id, reason, network);
            }
            Ok(asked) => {
                self.number += 1;
                let (number, pkid, id) = (self.number, message.pkid, asked.id.clone());
                self.held.push(Held { number, pkid, id, job: asked.into_job(), again: None });
                self.offer(self.held.len() - 1);
            }
            Err(why) => {
                // Nobody could do it, so that it must not come again.
                let reason = format!("a job of the fleet is refused: {why}");
                tracing::warn!("jobs: {reason}");
                self.refuse("refused", reason, network);
                acknowledge(message.pkid, network);
            }
        }
    }

    /// Offers a job to the queue, which answers when it is on disk.
    fn offer(&mut self, at: usize) {
        let Held { number, id, job, again, .. } = &mut self.held[at];
        *again = None;
        let (epoch, number, ends, wake) = (self.epoch, *number, self.ends.clone(), self.wake.clone());
        let reply = Responder::new(move |reply: Result<_, Refusal>| {
            // The unit may have ended meanwhile; then the job comes again.
            let _ = ends.send(End { epoch, number, outcome: reply.map(drop) });
            wake.notify_one();
        });
        let command = Command::Jobs(JobsCommand::Add(job.clone()));
        let at = self.around.clock.now();
        let request = CommandRequest { command, origin: Origin::Mqtt, at, id: id.clone(), reply };
        if let Err(refused) = self.around.commands.try_send(request) {
            let (TrySendError::Full(request) | TrySendError::Disconnected(request)) = *refused;
            request.reply.failed(Refusal::new("busy", "too many requests wait", ""));
        }
    }

    fn offer_again(&mut self) {
        let now = Instant::now();
        for at in 0..self.held.len() {
            if self.held[at].again.is_some_and(|again| again <= now) {
                self.offer(at);
            }
        }
    }

    /// Acknowledges what is on disk, and what no box will ever do.
    fn take_ends(&mut self, network: &mut Transport) {
        while let Ok(End { epoch, number, outcome }) = self.ended.try_recv() {
            let place = self.held.iter().position(|held| held.number == number);
            let Some(at) = place.filter(|_| epoch == self.epoch) else { continue };
            match outcome {
                Err(refusal) if may_pass(&refusal) => {
                    self.held[at].again = Some(Instant::now() + AGAIN);
                    continue;
                }
                Err(refusal) => {
                    let id = self.held[at].id.clone();
                    tracing::warn!("jobs: the job {id} of the fleet is refused: {refusal}");
                    self.refuse(&id, refusal.to_string(), network);
                }
                Ok(()) => {}
            }
            let done = self.held.swap_remove(at);
            acknowledge(done.pkid, network);
        }
    }

    /// Publishes why a job is not done.
    fn refuse(&self, id: &str, reason: String, network: &mut Transport) {
        let body = Answer { status: Progress::Failed, reason: Some(reason), result: None };
        let mut payload = Vec::with_capacity(256);
        contract::write(1, self.around.clock.now().wall_ns, &body, &mut payload);
        let topic = format!("{}/jobs/{id}", self.around.fleet.prefix);
        network.publish(&topic, &payload, true, false);
    }

    /// Raises the alarm with another reason, or clears it.
    fn note(&mut self, fault: Option<Cause>) {
        if fault == self.fault {
            return;
        }
        if let Some(why) = &fault {
            tracing::warn!("jobs of the fleet: {why}; retrying indefinitely");
        }
        let shown = fault.as_ref().map(|Cause { place, what, next }| {
            Explanation::new(format!("no jobs of the fleet are taken: broker {place}: {what}"), next.clone())
        });
        (self.around.alarm)(shown.as_ref());
        self.fault = fault;
    }

    async fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.stop.is_stopped() {
            self.beat.beat();
            tokio::time::sleep(TICK.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }
}

fn acknowledge(pkid: u16, network: &mut Transport) {
    if pkid != 0 {
        packet::write_puback(pkid, network.out());
    }
}

/// Whether this box, or another one, may take the job later.
fn may_pass(refusal: &Refusal) -> bool {
    matches!(
        refusal.code,
        "queue_full" | "draining" | "busy" | "not_stored" | "not_ready" | "stopping" | "given_up"
    )
}

//! Listens, lets peers in, and speaks with each: requests are answered, subscribers written to, data taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ZmqError;
use super::envelope::{AnswerOut, RequestIn};
use super::error::PeerFault;
use super::handle::{Prefixes, Zmq, ZmqShared};
use super::wire::{encoded, handshake, message};
use crate::commands::{Command, CommandAnswer, CommandQueue, CommandRequest};
use crate::supervisor::{Beat, Stop};
use crate::types::{Origin, Responder};

/// How often the unit shows that it lives, and looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long a peer may take to say what it is, and to take what is written to it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the service may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Pause after accepting failed, for example because of too many open files.
const PAUSE: Duration = Duration::from_millis(500);
/// Topics that one subscriber may want, and the longest beginning of one in bytes.
const MAX_TOPICS: usize = 64;
const MAX_TOPIC: u64 = 256;

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Status,
    Commands,
    Data,
}

impl Part {
    fn key(self) -> &'static str {
        match self {
            Part::Status => "status",
            Part::Commands => "commands",
            Part::Data => "data",
        }
    }

    fn own_type(self) -> &'static str {
        match self {
            Part::Status => "REP",
            Part::Commands => "PUB",
            Part::Data => "PULL",
        }
    }

    /// The types of sockets that may connect, and their names for people.
    fn wants(self) -> (&'static [&'static str], &'static str) {
        match self {
            Part::Status => (&["REQ", "DEALER"], "REQ"),
            Part::Commands => (&["SUB", "XSUB"], "SUB"),
            Part::Data => (&["PUSH"], "PUSH"),
        }
    }
}

/// What each peer's task needs.
#[derive(Clone)]
struct Around {
    shared: Arc<ZmqShared>,
    commands: CommandQueue,
    /// Places for peers, of all parts together.
    places: Arc<Semaphore>,
}

/// Serves the bridge until `stop`.
///
/// # Errors
/// An address cannot be listened on, or the system gives no event queue.
pub fn run(zmq: &Zmq, commands: &CommandQueue, stop: &Stop, beat: &Beat) -> Result<(), ZmqError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ZmqError::Runtime)?;
    let places = Arc::new(Semaphore::new(zmq.shared.settings.max_peers));
    let around = Around { shared: zmq.shared.clone(), commands: commands.clone(), places };
    runtime.block_on(serve(around, stop, beat))
}

async fn serve(around: Around, stop: &Stop, beat: &Beat) -> Result<(), ZmqError> {
    let settings = &around.shared.settings;
    let parts =
        [(Part::Status, settings.status), (Part::Commands, settings.commands), (Part::Data, settings.data)];
    let mut listening = JoinSet::new();
    for (part, address) in parts {
        let Some(address) = address else { continue };
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| ZmqError::Bind { key: part.key(), address, source })?;
        tracing::info!(%address, "ZeroMQ {} for {}", part.own_type(), part.key());
        listening.spawn(listen(listener, part, around.clone()));
    }
    while !stop.is_stopped() {
        beat.beat();
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Lets peers in, for ever. Dropping it ends its peers, too.
async fn listen(listener: TcpListener, part: Part, around: Around) {
    let mut peers = JoinSet::new();
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("zmq.{}: nobody can be let in: {error}", part.key());
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        while peers.try_join_next().is_some() {}
        let allow = &around.shared.settings.allow;
        let is_allowed = from.ip().to_canonical().is_loopback() && allow.is_empty()
            || allow.iter().any(|network| network.holds(from.ip()));
        let place = around.places.clone().try_acquire_owned();
        let (true, Ok(place)) = (is_allowed, place) else {
            around.shared.totals.peers_refused.inc();
            let why =
                if is_allowed { "too many are connected (zmq.max_peers)" } else { "it is not in zmq.allow" };
            tracing::warn!(%from, "zmq.{}: a peer is refused: {why}", part.key());
            continue;
        };
        let around = around.clone();
        peers.spawn(async move {
            let _place = place;
            let fault = match peer(stream, part, &around).await {
                Ok(()) => return,
                Err(fault) if fault.is_end() => return,
                Err(fault) => fault,
            };
            if matches!(fault, PeerFault::Stranger(_) | PeerFault::WrongType { .. }) {
                around.shared.totals.peers_refused.inc();
            }
            warn(part, from, &fault);
        });
    }
}

fn warn(part: Part, from: SocketAddr, fault: &PeerFault) {
    tracing::warn!(%from, "zmq.{}: a peer is let go: {fault}", part.key());
}

async fn peer(mut stream: TcpStream, part: Part, around: &Around) -> Result<(), PeerFault> {
    // Answers are short, and must not wait for another.
    let _ = stream.set_nodelay(true);
    let theirs = timeout(PATIENCE, handshake(&mut stream, part.own_type())).await;
    let theirs = theirs.unwrap_or(Err(PeerFault::Slow("say what it is", PATIENCE.as_secs())))?;
    let (types, wanted) = part.wants();
    if !types.contains(&theirs.as_str()) {
        return Err(PeerFault::WrongType { theirs, wanted });
    }
    around.shared.totals.peers.inc();
    match part {
        Part::Status => answer_all(stream, around).await,
        Part::Commands => write_all(stream, around).await,
        Part::Data => take_all(stream, around).await,
    }
}

/// Takes the data of a pusher. The last frame is the message; topics before it are passed over.
async fn take_all(mut stream: TcpStream, around: &Around) -> Result<(), PeerFault> {
    let most = around.shared.settings.max_message_bytes as u64;
    loop {
        let frames = message(&mut stream, most).await?;
        if let Some(body) = frames.last() {
            around.shared.take(body);
        }
    }
}

/// Writes what a subscriber wants, and reads what that is.
async fn write_all(stream: TcpStream, around: &Around) -> Result<(), PeerFault> {
    let (reader, writer) = stream.into_split();
    let (prefixes, messages) = around.shared.subscriber();
    tokio::select! {
        read = read_topics(reader, &prefixes) => read,
        written = write_messages(writer, messages) => written,
    }
}

async fn read_topics(mut reader: OwnedReadHalf, prefixes: &Prefixes) -> Result<(), PeerFault> {
    loop {
        let frames = message(&mut reader, 1 + MAX_TOPIC).await?;
        if let Some((word, topic)) = frames.first().and_then(|frame| frame.split_first()) {
            change(prefixes, *word == 1, topic)?;
        }
    }
}

async fn write_messages(
    mut writer: OwnedWriteHalf,
    mut messages: mpsc::Receiver<Arc<[u8]>>,
) -> Result<(), PeerFault> {
    while let Some(message) = messages.recv().await {
        let written = timeout(PATIENCE, writer.write_all(&message)).await;
        written.map_err(|_| PeerFault::Slow("take its messages", PATIENCE.as_secs()))??;
    }
    Ok(())
}

/// A subscriber wants the topics that begin with `topic`, or wants them no more.
fn change(prefixes: &Prefixes, adds: bool, topic: &[u8]) -> Result<(), PeerFault> {
    let mut prefixes = prefixes.lock();
    if !adds {
        if let Some(at) = prefixes.iter().position(|known| known == topic) {
            prefixes.swap_remove(at);
        }
        return Ok(());
    }
    if prefixes.len() >= MAX_TOPICS {
        return Err(PeerFault::Stranger("it subscribes to too many topics"));
    }
    prefixes.push(topic.to_vec());
    Ok(())
}

/// Answers requests, one after the other: each gets exactly one answer, or a requester would wait for ever.
async fn answer_all(mut stream: TcpStream, around: &Around) -> Result<(), PeerFault> {
    let most = around.shared.settings.max_message_bytes as u64;
    let mut number = 0u64;
    loop {
        let frames = message(&mut stream, most).await?;
        // The frames up to the first empty one lead back to the requester.
        let Some(end) = frames.iter().position(Vec::is_empty) else {
            return Err(PeerFault::Stranger("its request has no empty frame before the body"));
        };
        number += 1;
        let answer = answer(frames.get(end + 1).map_or(&[][..], Vec::as_slice), number, around).await;
        let totals = &around.shared.totals;
        totals.requests.inc();
        if matches!(answer, AnswerOut::Error { .. }) {
            totals.requests_failed.inc();
        }
        let body = serde_json::to_vec(&answer).unwrap_or_default();
        let mut out: Vec<&[u8]> = frames[..=end].iter().map(Vec::as_slice).collect();
        out.push(&body);
        let written = timeout(PATIENCE, stream.write_all(&encoded(&out))).await;
        written.map_err(|_| PeerFault::Slow("take its answer", PATIENCE.as_secs()))??;
    }
}

async fn answer(body: &[u8], number: u64, around: &Around) -> AnswerOut {
    let request: RequestIn = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => {
            let message = format!("the request cannot be read: {error}");
            return AnswerOut::refused("bad_request", message, "send {\"action\": \"STATUS\"}");
        }
    };
    match request.action.to_ascii_uppercase().as_str() {
        "PING" => AnswerOut::Success { data: None },
        "STATUS" => status(number, around).await,
        _ => {
            let message = format!("there is no action {:?}", request.action);
            AnswerOut::refused(
                "unknown_action",
                message,
                "there are: STATUS, PING; commands are run over MQTT or REST",
            )
        }
    }
}

async fn status(number: u64, around: &Around) -> AnswerOut {
    let (tell, answered) = oneshot::channel();
    let reply = Responder::new(move |reply| drop(tell.send(reply)));
    // Only a reading, which needs no right; the broker's is the least of all interfaces.
    let (origin, at, id) = (Origin::Mqtt, around.shared.clock.now(), format!("zmq-{number}"));
    let request = CommandRequest { command: Command::Status, origin, at, id, reply };
    if around.commands.try_send(request).is_err() {
        return AnswerOut::refused("busy", "too many requests wait", "try again in a moment");
    }
    match timeout(ANSWER, answered).await {
        Ok(Ok(Ok(CommandAnswer::Status(status)))) => AnswerOut::Success { data: Some(status) },
        Ok(Ok(Err(refusal))) => AnswerOut::refusal(&refusal),
        _ => AnswerOut::refused("too_slow", "the service did not answer in time", "see its log"),
    }
}

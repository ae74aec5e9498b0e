//! Speaks with an admitted peer: requests are answered, subscribers written to, data taken.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::envelope::{AnswerOut, RequestIn};
use super::error::{Limit, PeerFault};
use super::handle::Prefixes;
use super::part::Part;
use super::serve::Bridge;
use super::wire::{encoded, handshake, message};
use crate::commands::{Command, CommandAnswer, Question};
use crate::types::Origin;

/// How long a peer may take to send its greeting, and to take what is written to it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the service may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// A peer that is silent for so long is probed, and once more after each pause.
const KEEPALIVE: Duration = Duration::from_secs(10);
const PROBE_PAUSE: Duration = Duration::from_secs(5);
/// A peer that acknowledges neither data nor probes for so long is gone: its cable was pulled, or it lost its power.
const GONE_MS: u32 = 25_000;
/// Topics that one subscriber may ask for, and the longest beginning of one with its leading byte.
const MAX_TOPICS: usize = 64;
const TOPIC: Limit = Limit { of: "subscription", bytes: 257, key: None };

/// A conversation ends with a fault, if only that of a peer which has closed the connection.
type Conversation = Result<Infallible, PeerFault>;

/// Speaks with a peer until it leaves, or has to.
pub(super) async fn speak(mut stream: TcpStream, part: Part, bridge: &Bridge) -> Conversation {
    prepare(&stream)?;
    let theirs = timeout(PATIENCE, handshake(&mut stream, part.own_type())).await;
    let theirs = theirs.unwrap_or(Err(PeerFault::TooSlow("send its greeting", PATIENCE)))?;
    let (types, wanted) = part.wanted_types();
    if !types.contains(&theirs.as_str()) {
        return Err(PeerFault::WrongType { theirs, wanted });
    }
    bridge.shared.totals.peers.inc();
    match part {
        Part::Status => answer_all(stream, bridge).await,
        Part::Commands => write_all(stream, bridge).await,
        Part::Data => take_all(stream, bridge).await,
    }
}

fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    // Answers are short, and must not wait for another.
    stream.set_nodelay(true)?;
    // ZMTP 3.0 has no heartbeat, and a peer that vanished without a word must not keep its place.
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE)?;
    sockopt::set_tcp_keepintvl(stream, PROBE_PAUSE)?;
    sockopt::set_tcp_user_timeout(stream, GONE_MS)?;
    Ok(())
}

/// The limit of a whole message, its envelope included.
fn message_limit(bridge: &Bridge) -> Limit {
    Limit { of: "message", bytes: bridge.settings.max_message_bytes as u64, key: Some("zmq.max_message_kib") }
}

/// Takes the data of a pusher. The last frame is the message; topics before it are not read.
async fn take_all(mut stream: TcpStream, bridge: &Bridge) -> Conversation {
    let limit = message_limit(bridge);
    loop {
        let frames = message(&mut stream, limit).await?;
        if let Some(body) = frames.last() {
            bridge.shared.take(body);
        }
    }
}

/// Writes what a subscriber asks for, and reads what that is.
async fn write_all(stream: TcpStream, bridge: &Bridge) -> Conversation {
    let (reader, writer) = stream.into_split();
    let (prefixes, messages) = bridge.shared.subscriber(bridge.settings.queue);
    tokio::select! {
        read = read_topics(reader, &prefixes) => read,
        written = write_messages(writer, messages) => written,
    }
}

async fn read_topics(mut reader: OwnedReadHalf, prefixes: &Prefixes) -> Conversation {
    loop {
        let frames = message(&mut reader, TOPIC).await?;
        if let Some((word, topic)) = frames.first().and_then(|frame| frame.split_first()) {
            change(prefixes, *word == 1, topic)?;
        }
    }
}

async fn write_messages(mut writer: OwnedWriteHalf, mut messages: mpsc::Receiver<Arc<[u8]>>) -> Conversation {
    while let Some(message) = messages.recv().await {
        let written = timeout(PATIENCE, writer.write_all(&message)).await;
        written.map_err(|_| PeerFault::TooSlow("take its messages", PATIENCE))??;
    }
    // The handle holds the sender for as long as this task holds the receiver.
    std::future::pending().await
}

/// A subscriber asks for the topics that begin with `topic`, or takes that back.
fn change(prefixes: &Prefixes, adds: bool, topic: &[u8]) -> Result<(), PeerFault> {
    let mut prefixes = prefixes.lock();
    if !adds {
        if let Some(at) = prefixes.iter().position(|known| known == topic) {
            prefixes.swap_remove(at);
        }
        return Ok(());
    }
    if prefixes.len() >= MAX_TOPICS {
        return Err(PeerFault::Protocol("it subscribes to too many topics"));
    }
    prefixes.push(topic.to_vec());
    Ok(())
}

/// Answers requests, one after the other: each gets exactly one answer, because a REQ socket waits until it has one.
async fn answer_all(mut stream: TcpStream, bridge: &Bridge) -> Conversation {
    let limit = message_limit(bridge);
    let mut number = 0u64;
    loop {
        let frames = message(&mut stream, limit).await?;
        // The frames up to the first empty one lead back to the requester.
        let Some(end) = frames.iter().position(Vec::is_empty) else {
            return Err(PeerFault::Protocol("its request has no empty frame before the body"));
        };
        number += 1;
        let answer = answer(frames.get(end + 1).map_or(&[][..], Vec::as_slice), number, bridge).await;
        let totals = &bridge.shared.totals;
        totals.requests.inc();
        if matches!(answer, AnswerOut::Error { .. }) {
            totals.requests_failed.inc();
        }
        let body = serde_json::to_vec(&answer).unwrap_or_default();
        let mut out: Vec<&[u8]> = frames[..=end].iter().map(Vec::as_slice).collect();
        out.push(&body);
        let written = timeout(PATIENCE, stream.write_all(&encoded(&out))).await;
        written.map_err(|_| PeerFault::TooSlow("take its answer", PATIENCE))??;
    }
}

async fn answer(body: &[u8], number: u64, bridge: &Bridge) -> AnswerOut {
    let request: RequestIn = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => {
            let message = format!("the request cannot be read: {error}");
            return AnswerOut::refused("bad_request", message, "send {\"action\": \"STATUS\"}");
        }
    };
    match request.action.to_ascii_uppercase().as_str() {
        "PING" => AnswerOut::Success { data: None },
        "STATUS" => status(number, bridge).await,
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

async fn status(number: u64, bridge: &Bridge) -> AnswerOut {
    // Only a reading, which needs no right; the broker's is the least of all interfaces.
    let question = Question {
        command: Command::Status,
        origin: Origin::Mqtt,
        at: bridge.shared.clock.now(),
        id: format!("zmq-{number}"),
    };
    match bridge.commands.ask(question, ANSWER).await {
        Ok(CommandAnswer::Status(status)) => AnswerOut::Success { data: Some(status) },
        Ok(_) => {
            AnswerOut::refused("internal", "the service gave another answer than the state", "report this")
        }
        Err(fault) => AnswerOut::refusal(&fault.refusal()),
    }
}

//! Requests on `cmd/COMMAND/ID`, and their answers on the same topic.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::handle::Shared;
use super::session::AnswerOut;
use crate::contract::{self, Answer, Progress};
use crate::types::{Asker, Command, CommandKind, Responder};

/// A larger request is answered with `failed`.
const MAX_REQUEST_BYTES: usize = 64 << 10;
/// Requests remembered, so that a repeated delivery is not executed twice.
const REMEMBERED: usize = 256;

/// A responder that answers on the request's own topic. `executing` has been said already.
pub(super) fn responder(shared: &Arc<Shared>, topic: &str, retain: bool) -> Responder {
    let (shared, topic) = (shared.clone(), topic.to_owned());
    Responder::new(move |reply| {
        let body = match reply {
            Ok(result) => Answer {
                status: Progress::Successful,
                reason: None,
                result: Some(result).filter(|result| !result.is_null()),
            },
            Err(refusal) => {
                let reason = Some(refusal.to_string());
                Answer { status: Progress::Failed, reason, result: None }
            }
        };
        shared.answer(answer(&shared, &topic, retain, body));
    })
}

/// Renders an answer.
pub(super) fn answer(shared: &Shared, topic: &str, retain: bool, body: Answer) -> AnswerOut {
    let seq = match body.status {
        Progress::Executing => 1,
        Progress::Successful | Progress::Failed => 2,
    };
    let mut out = Vec::with_capacity(128);
    contract::write(seq, shared.clock.now().wall_ns, &body, &mut out);
    AnswerOut { topic: topic.into(), payload: out.into(), retain }
}

/// What an incoming message on a command topic is.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// An answer (ours comes back to us too), or a retained topic being cleared.
    NotARequest,
    /// Cannot be read; say why.
    Bad(String),
    /// A request; whether its answers should be retained.
    Request { payload: Value, retain: bool },
}

/// Reads the payload of a message on a command topic.
pub(super) fn read(bytes: &[u8], retained: bool) -> Incoming {
    if bytes.len() > MAX_REQUEST_BYTES {
        let size = bytes.len();
        return Incoming::Bad(format!(
            "the request has {size} bytes, at most {MAX_REQUEST_BYTES} are accepted"
        ));
    }
    if bytes.is_empty() {
        return Incoming::Request { payload: Value::Null, retain: false };
    }
    match serde_json::from_slice::<Value>(bytes) {
        Err(error) => {
            Incoming::Bad(format!("the request is not JSON ({error}); send a JSON object or nothing"))
        }
        Ok(value) => match value["status"].as_str() {
            Some("executing" | "successful" | "failed") => Incoming::NotARequest,
            _ => {
                let retain = retained || value["retain"] == Value::Bool(true);
                Incoming::Request { payload: value, retain }
            }
        },
    }
}

/// The last requests, by topic: QoS 1 and retained requests may be delivered more than once.
#[derive(Debug, Default)]
pub(super) struct Memory(VecDeque<String>);

impl Memory {
    /// Whether `topic` is new; remembers it.
    pub(super) fn is_new(&mut self, topic: &str) -> bool {
        if self.0.iter().any(|known| known == topic) {
            return false;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(topic.into());
        true
    }
}

/// A publish of a request, reduced to what matters here.
pub(super) struct Arrived<'a> {
    pub(super) topic: &'a str,
    pub(super) name: &'a str,
    pub(super) id: &'a str,
    pub(super) payload: &'a Bytes,
    pub(super) retained: bool,
}

/// Answers `ping`, hands the others to the app, and refuses the rest.
pub(super) fn handle(
    shared: &Arc<Shared>,
    memory: &mut Memory,
    app: &std::sync::mpsc::SyncSender<Command>,
    arrived: &Arrived,
) {
    let (payload, retain) = match read(arrived.payload, arrived.retained) {
        Incoming::NotARequest => return,
        Incoming::Bad(reason) => return responder(shared, arrived.topic, false).failed(reason),
        Incoming::Request { payload, retain } => (payload, retain),
    };
    if !memory.is_new(arrived.topic) {
        tracing::debug!(topic = arrived.topic, "a request was delivered again; ignored");
        return;
    }
    shared.totals.commands.inc();
    let reply = responder(shared, arrived.topic, retain);
    let kind = CommandKind::from_word(arrived.name);
    if kind.is_none() && arrived.name != "ping" {
        let known = CommandKind::ALL.map(CommandKind::as_str).join(", ");
        return reply.failed(format!("there is no command {:?}; known are ping, {known}", arrived.name));
    }
    let executing = Answer { status: Progress::Executing, reason: None, result: None };
    shared.answer(answer(shared, arrived.topic, retain, executing));
    let Some(kind) = kind else { return reply.successful(Value::Null) };
    let command =
        Command { kind, asker: Asker::Mqtt, at: shared.clock.now(), id: arrived.id.into(), payload, reply };
    if let Err(refused) = app.try_send(command) {
        let (reason, command) = match refused {
            std::sync::mpsc::TrySendError::Full(command) => {
                ("too many requests wait; try again later", command)
            }
            std::sync::mpsc::TrySendError::Disconnected(command) => ("the service is stopping", command),
        };
        command.reply.failed(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_answers_are_told_from_requests_and_rubbish_is_refused_with_a_reason() {
        assert_eq!(read(br#"{"status":"executing"}"#, false), Incoming::NotARequest);
        assert_eq!(read(b"", false), Incoming::Request { payload: Value::Null, retain: false });
        let asked = read(br#"{"retain":true,"camera":"front"}"#, false);
        assert!(matches!(asked, Incoming::Request { retain: true, .. }), "{asked:?}");
        assert!(matches!(read(b"\xff{", false), Incoming::Bad(_)));
        assert!(matches!(read(&[b' '; MAX_REQUEST_BYTES + 1], false), Incoming::Bad(_)));
        assert!(matches!(read(b"7", true), Incoming::Request { retain: true, .. }));
    }

    #[test]
    fn a_request_is_executed_once_however_often_it_is_delivered() {
        let mut memory = Memory::default();
        assert!(memory.is_new("a") && !memory.is_new("a") && memory.is_new("b"));
    }
}

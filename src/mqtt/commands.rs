//! Requests on `cmd/COMMAND/ID`, and their answers on the same topic.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::handle::MqttShared;
use super::message::{AnswerOut, AnswerPart};
use super::packet::Publish;
use crate::commands::{self, Command, CommandQueue, CommandRequest};
use crate::contract::{self, Answer, Payload, Progress};
use crate::types::{Attachment, CommandKind, Origin, Reply, Responder};

/// Longer requests are answered with `failed`.
const MAX_REQUEST_BYTES: usize = 64 << 10;
/// Requests remembered, so that a repeated delivery is not executed twice.
const REMEMBERED: usize = 256;

/// A responder that answers on the request's topic. `executing` has already been sent.
pub(super) fn responder(
    shared: &Arc<MqttShared>,
    topic: &str,
    retain: bool,
) -> Responder<commands::CommandAnswer> {
    let (shared, topic) = (shared.clone(), topic.to_owned());
    Responder::with_attachment(move |reply, attachment| {
        let answer = end(&shared, &topic, retain, reply, attachment);
        shared.answer(answer);
    })
}

/// The final answer of a command. An attachment is sent first. An answer above the size limit is not sent.
fn end(
    shared: &MqttShared,
    topic: &str,
    retain: bool,
    reply: Reply<commands::CommandAnswer>,
    attachment: Option<Attachment>,
) -> AnswerOut {
    let failed = |reason: String| Answer { status: Progress::Failed, reason: Some(reason), result: None };
    let body = match reply.map(serde_json::to_value) {
        Ok(Ok(result)) => Answer {
            status: Progress::Successful,
            reason: None,
            result: Some(result).filter(|result| !result.is_null()),
        },
        Ok(Err(error)) => failed(format!("the answer cannot be written: {error}")),
        Err(refusal) => failed(refusal.to_string()),
    };
    let end = answer(shared, topic, retain, body);
    let bytes = end.payload.len().max(attachment.as_ref().map_or(0, |attachment| attachment.bytes.len()));
    if bytes > shared.max_answer_bytes {
        let most = shared.max_answer_bytes;
        let reason = format!(
            "the answer has {bytes} bytes, at most {most} are sent (mqtt.max_answer_kib); ask for less, or raise it"
        );
        return AnswerOut::failure(topic.into(), retain, &reason, shared.clock.now());
    }
    match attachment {
        None => end,
        Some(Attachment { suffix, bytes, retain }) => AnswerOut {
            topic: shared.topics.full(&suffix),
            payload: bytes.into(),
            retain,
            part: AnswerPart::Picture(Box::new(end)),
            number: 0,
        },
    }
}

/// Renders the answer `body` as a message on `topic`.
pub(super) fn answer(shared: &MqttShared, topic: &str, retain: bool, body: Answer) -> AnswerOut {
    let (seq, part) = match body.status {
        Progress::Executing => (1, AnswerPart::Progress),
        Progress::Successful | Progress::Failed => (2, AnswerPart::End),
    };
    let mut out = Vec::with_capacity(128);
    contract::write(seq, shared.clock.now().wall_ns, &body, &mut out);
    AnswerOut { topic: topic.into(), payload: out.into(), retain, part, number: 0 }
}

/// Whether the payload begins like an answer, ours or another device's: then it is not a request, whatever
/// its length.
pub(super) fn is_answer(payload: &[u8]) -> bool {
    let after = payload.strip_prefix(br#"{"schema":""#);
    after.is_some_and(|after| after.starts_with(Answer::SCHEMA.as_bytes()))
}

/// The meaning of a message on a command topic.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// An answer (a broker returns ours, too), or a retained topic that was cleared.
    NotARequest,
    /// The request cannot be read, for this reason.
    Bad(String),
    /// A request, and whether its answers are retained.
    Request { payload: Value, retain: bool },
}

/// Reads a message on a command topic. `payload` is all of its `bytes`, or the beginning.
pub(super) fn read(payload: &[u8], bytes: usize, retained: bool) -> Incoming {
    if bytes == 0 || is_answer(payload) {
        return Incoming::NotARequest;
    }
    if bytes > MAX_REQUEST_BYTES {
        return Incoming::Bad(format!(
            "the request has {bytes} bytes, at most {MAX_REQUEST_BYTES} are accepted"
        ));
    }
    match serde_json::from_slice::<Value>(payload) {
        Err(error) => Incoming::Bad(format!(
            "the request is not JSON ({error}); send a JSON object, {{}} if it has no fields"
        )),
        Ok(payload) => {
            let CommonKeys { status, retain } = CommonKeys::of(&payload);
            if matches!(status.and_then(Value::as_str), Some("executing" | "successful" | "failed")) {
                return Incoming::NotARequest;
            }
            let retain = retained || retain == Some(&Value::Bool(true));
            Incoming::Request { payload, retain }
        }
    }
}

/// The keys that requests and answers of every command may have.
struct CommonKeys<'p> {
    /// Of an answer: how far the command is.
    status: Option<&'p Value>,
    /// Of a request: whether the broker is to keep the answers.
    retain: Option<&'p Value>,
}

impl CommonKeys<'_> {
    fn of(payload: &Value) -> CommonKeys<'_> {
        CommonKeys { status: payload.get("status"), retain: payload.get("retain") }
    }
}

/// The last requests, by topic: QoS 1 and retained requests may be delivered more than once.
#[derive(Debug, Default)]
pub(super) struct RecentRequests(VecDeque<String>);

impl RecentRequests {
    /// Whether `topic` was not seen before; remembers it.
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

/// Answers `ping`, hands the others to the service, and refuses the rest. `name` and `id` are those of the
/// topic.
pub(super) fn handle(
    shared: &Arc<MqttShared>,
    memory: &mut RecentRequests,
    app: &CommandQueue,
    (name, id): (&str, &str),
    arrived: &Publish,
) {
    let topic = arrived.topic.as_str();
    let (payload, retain) = match read(&arrived.payload, arrived.bytes, arrived.retained) {
        Incoming::NotARequest => return,
        Incoming::Bad(reason) => return responder(shared, topic, false).failed(reason),
        Incoming::Request { payload, retain } => (payload, retain),
    };
    if !memory.is_new(topic) {
        tracing::debug!(topic = topic, "a request was delivered again; ignored");
        return;
    }
    shared.totals.commands.inc();
    let reply = responder(shared, topic, retain);
    let Some(kind) = CommandKind::from_word(name) else {
        let known = CommandKind::ALL.map(CommandKind::as_str).join(", ");
        return reply.failed(format!("there is no command {name:?}; known are {known}"));
    };
    if let Err(reason) = shared.admit(name) {
        return reply.failed(reason);
    }
    let executing = Answer { status: Progress::Executing, reason: None, result: None };
    shared.answer(answer(shared, topic, retain, executing));
    let command = match Command::parse(kind, payload) {
        Ok(Command::Ping) => return reply.successful(commands::CommandAnswer::Done(())),
        Ok(command) => command,
        Err(refusal) => return reply.failed(refusal),
    };
    let request =
        CommandRequest { command, origin: Origin::Mqtt, at: shared.clock.now(), id: id.into(), reply };
    if let Err(refused) = app.try_send(request) {
        let (reason, request) = match *refused {
            std::sync::mpsc::TrySendError::Full(request) => {
                ("too many requests wait; try again later", request)
            }
            std::sync::mpsc::TrySendError::Disconnected(request) => ("the service is stopping", request),
        };
        request.reply.failed(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_whole(payload: &[u8], retained: bool) -> Incoming {
        read(payload, payload.len(), retained)
    }

    #[test]
    fn own_answers_are_distinguished_from_requests_and_rubbish_is_refused_with_a_reason() {
        assert_eq!(read_whole(br#"{"status":"executing"}"#, false), Incoming::NotARequest);
        assert_eq!(
            read_whole(b"{}", false),
            Incoming::Request { payload: serde_json::json!({}), retain: false }
        );
        let asked = read_whole(br#"{"retain":true,"camera":"front"}"#, false);
        assert!(matches!(asked, Incoming::Request { retain: true, .. }), "{asked:?}");
        assert!(matches!(read_whole(b"\xff{", false), Incoming::Bad(_)));
        assert!(matches!(read_whole(&[b' '; MAX_REQUEST_BYTES + 1], false), Incoming::Bad(_)));
        assert!(matches!(read_whole(b"7", true), Incoming::Request { retain: true, .. }));
    }

    #[test]
    fn nothing_is_asked_where_a_retained_request_is_cleared() {
        assert_eq!(read_whole(b"", false), Incoming::NotARequest);
        assert_eq!(read_whole(b"", true), Incoming::NotARequest);
    }

    #[test]
    fn an_answer_is_known_by_its_beginning_however_long_it_is() {
        let body =
            Answer { status: Progress::Successful, reason: None, result: Some("x".repeat(2 << 20).into()) };
        let mut out = Vec::new();
        contract::write(2, 0, &body, &mut out);
        assert_eq!(read(&out[..256], out.len(), false), Incoming::NotARequest);
        assert!(matches!(read(&out[1..256], out.len(), false), Incoming::Bad(_)));
    }

    #[test]
    fn a_request_is_executed_once_however_often_it_is_delivered() {
        let mut memory = RecentRequests::default();
        assert!(memory.is_new("a") && !memory.is_new("a") && memory.is_new("b"));
    }
}

//! Messages that are sent with QoS 1, and the reasons why one is not.

use std::sync::Arc;

use bytes::Bytes;

use super::delivery::Receipt;
use super::doubt::Name;
use crate::contract::{self, Answer, Gap, Progress};
use crate::store::{Body, EntryKey};
use crate::types::Stamp;

/// A part of the answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum AnswerPart {
    /// The progress report `executing`.
    Progress,
    /// `successful`, or `failed` with the reason that the command gave.
    End,
    /// A picture; the final answer follows when the broker has it.
    Picture(Box<AnswerOut>),
    /// `failed`, because the end could not be sent.
    Failure,
    /// No answer, but a single message that is sent once.
    Single(Receipt),
}

/// An answer to a command, on its own full topic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AnswerOut {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) retain: bool,
    pub(super) part: AnswerPart,
    /// A number that the session assigns.
    pub(super) number: u64,
}

impl AnswerOut {
    /// The answer `failed` on `topic`, because the real one could not be sent.
    pub(super) fn failure(topic: String, retain: bool, reason: &str, now: Stamp) -> AnswerOut {
        let body = Answer { status: Progress::Failed, reason: Some(reason.into()), result: None };
        let mut payload = Vec::with_capacity(256);
        contract::write(2, now.wall_ns, &body, &mut payload);
        AnswerOut { topic, payload: payload.into(), retain, part: AnswerPart::Failure, number: 0 }
    }
}

/// What to do when the message is acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ticket {
    /// Delete this entry from the outbox; the second field is its stream.
    DurableEvent(EntryKey, Arc<str>),
    /// The broker holds this version of a retained topic.
    State { suffix: String, version: u64 },
    /// The requester has received the answer.
    Answer(AnswerOut),
}

impl Ticket {
    pub(super) fn name(&self) -> Name {
        match self {
            Ticket::DurableEvent(key, _) => Name::DurableEvent(*key),
            Ticket::State { suffix, .. } => Name::State(suffix.clone()),
            Ticket::Answer(answer) => Name::Answer(answer.number),
        }
    }

    /// The topic under which a refusal is remembered. Each answer has another topic, so all answers share
    /// one.
    pub(super) fn learned_by(&self) -> &str {
        match self {
            Ticket::DurableEvent(_, stream) => stream,
            Ticket::State { suffix, .. } => suffix,
            Ticket::Answer(AnswerOut { part: AnswerPart::Picture(_), .. }) => "camera/+/picture",
            Ticket::Answer(AnswerOut { part: AnswerPart::Single(_), topic, .. }) => topic,
            Ticket::Answer(_) => "cmd/+/+",
        }
    }

    /// The subject of a sentence about it.
    pub(super) fn subject(&self) -> &'static str {
        match self {
            Ticket::Answer(AnswerOut { part: AnswerPart::Single(_), .. }) => "the message",
            Ticket::Answer(_) => "the answer",
            Ticket::DurableEvent(..) | Ticket::State { .. } => "it",
        }
    }
}

/// A message for QoS 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outgoing {
    /// The full topic, with prefix and device.
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) retain: bool,
    pub(super) historical: bool,
    pub(super) ticket: Ticket,
}

/// Why a message is set aside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reason {
    /// Longer than the limit that the broker announced.
    TooLong { most: usize },
    /// The broker closed the connection over it, three times.
    HungUp,
    /// The broker closed the connection over another message of its topic that was not longer.
    LikeOne { bytes: usize },
    /// The broker acknowledged it with an error.
    Refused { why: &'static str },
}

impl Reason {
    /// The sentence about `subject`, which has `bytes`.
    pub(super) fn text(&self, subject: &str, bytes: usize) -> String {
        let has = format!("{subject} has {bytes} bytes, the broker");
        match self {
            Reason::TooLong { most } => format!("{has} takes packets of at most {most} bytes"),
            Reason::HungUp => format!("{has} closed the connection over it"),
            Reason::LikeOne { bytes } => format!("{has} closed the connection over one of {bytes} bytes"),
            Reason::Refused { why } => format!("{has} refused it ({why})"),
        }
    }
}

/// A message that was given up.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Aside {
    /// Its entry in the outbox, if it was stored there.
    pub(super) key: Option<EntryKey>,
    /// Its topic below `PREFIX/DEVICE/`.
    pub(super) topic: String,
    /// The length of its payload.
    pub(super) bytes: usize,
    pub(super) reason: String,
    /// Whether it is listed; further messages of a state or of QoS 0 are only counted.
    pub(super) news: bool,
}

/// The bytes of a stored entry: its payload is a stored JSON object that lacks only `historical`.
pub(super) fn kept_payload(body: &Body, historical: bool, wall_ns: u64) -> Bytes {
    let mut own = Vec::new();
    let mut gap = |from: u64, to: u64, reason| {
        contract::write(to, wall_ns, &Gap { from, to, reason }, &mut own);
    };
    match body {
        Body::Message { .. } => {}
        Body::Gap { from, to } => gap(*from, *to, "outbox.max_bytes was reached"),
        Body::Erased { from, to } => gap(*from, *to, "a person was erased"),
        Body::Lost { from, to } => {
            gap(*from, *to, "the store was lost: those of these messages that had not been sent are missing");
        }
        Body::Refused { from, to } => gap(*from, *to, "the broker refused it; see ocellus status"),
    }
    let stored = if let Body::Message { payload, .. } = body { payload } else { &own[..] };
    let head: &[u8] = if historical { b"{\"historical\":true," } else { b"{\"historical\":false," };
    let mut whole = Vec::with_capacity(head.len() + stored.len());
    whole.extend_from_slice(head);
    whole.extend_from_slice(stored.strip_prefix(b"{").unwrap_or(stored));
    whole.into()
}

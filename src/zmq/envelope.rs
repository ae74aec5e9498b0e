//! The messages of the described lab system: what subscribers, pushers and requesters write and read.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::commands::service::ServiceStatus;
use crate::contract::{CommandStatus, OutputState};
use crate::types::Refusal;

/// The key of the time in a payload.
const TIME: &str = "timestamp";

/// A message about a command, as subscribers get it behind its topic.
#[derive(Debug, Serialize)]
pub(super) struct CommandOut<'a> {
    /// The time in seconds since 1970.
    timestamp: f64,
    category: &'static str,
    /// Name of the command.
    #[serde(rename = "type")]
    command: &'a str,
    state: OutputState,
    values: &'a std::collections::BTreeMap<String, crate::contract::CommandValue>,
    by: Option<&'a str>,
    cause: Option<&'a str>,
    source: &'static str,
}

impl<'a> CommandOut<'a> {
    pub(super) fn of(status: &'a CommandStatus, wall_ns: u64) -> CommandOut<'a> {
        CommandOut {
            timestamp: wall_ns as f64 / 1e9,
            category: "COMMAND",
            command: &status.command,
            state: status.state,
            values: &status.values,
            by: status.by.as_deref(),
            cause: status.off_cause.as_deref(),
            source: "OCELLUS",
        }
    }
}

/// A data message of a pusher.
#[derive(Debug, Deserialize)]
pub(super) struct DataIn {
    category: String,
    #[serde(default)]
    timestamp: Option<f64>,
    #[serde(default, alias = "applet_id")]
    source: Option<String>,
    payload: Map<String, Value>,
}

impl DataIn {
    /// The topic under which sources of telemetry take it: `zmq/CATEGORY/SOURCE`.
    pub(super) fn topic(&self) -> String {
        let level = |text: &str| -> String {
            let plain = |c: char| if c == '/' || c == '+' || c == '#' || c.is_control() { '_' } else { c };
            text.chars().take(64).map(plain).collect()
        };
        format!("zmq/{}/{}", level(&self.category), level(self.source.as_deref().unwrap_or("unnamed")))
    }

    /// The payload with the time of the message, where it has no time itself.
    pub(super) fn values(mut self) -> Vec<u8> {
        if let (false, Some(time)) = (self.payload.contains_key(TIME), self.timestamp) {
            self.payload.insert(TIME.into(), time.into());
        }
        serde_json::to_vec(&self.payload).unwrap_or_default()
    }
}

/// A request, which names what is to be done.
#[derive(Debug, Deserialize)]
pub(super) struct RequestIn {
    pub(super) action: String,
}

/// The answer to a request.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(super) enum AnswerOut {
    /// The state of the service; `null` as answer to `PING`.
    Success { data: Option<Box<ServiceStatus>> },
    /// Why there is none.
    Error { code: String, message: String, remedy: String },
}

impl AnswerOut {
    pub(super) fn refused(code: &str, message: impl Into<String>, remedy: &str) -> AnswerOut {
        AnswerOut::Error { code: code.to_owned(), message: message.into(), remedy: remedy.to_owned() }
    }

    pub(super) fn refusal(refusal: &Refusal) -> AnswerOut {
        AnswerOut::refused(refusal.code, refusal.message.clone(), &refusal.remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_message_keeps_its_time_and_its_topic_has_no_wildcards() {
        let text = r#"{"category": "DATA/#", "source": "PMT", "timestamp": 5.5, "payload": {"counts": 7}}"#;
        let data: DataIn = serde_json::from_str(text).unwrap();
        assert_eq!(data.topic(), "zmq/DATA__/PMT");
        assert_eq!(String::from_utf8(data.values()).unwrap(), r#"{"counts":7,"timestamp":5.5}"#);
        let own = r#"{"category": "D", "applet_id": "a", "timestamp": 5, "payload": {"timestamp": 4}}"#;
        let data: DataIn = serde_json::from_str(own).unwrap();
        assert_eq!((data.topic().as_str(), data.values()), ("zmq/D/a", br#"{"timestamp":4}"#.to_vec()));
    }
}

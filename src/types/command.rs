//! Commands to the running service, from MQTT, serial lines, the web page, REST or the command line, and
//! their answers.

use serde_json::Value;

use super::Stamp;

/// The kind of a command. `ping` is not among them, because the MQTT adapter answers it directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Read the configuration again and apply its changes.
    Reload,
    /// Take a picture of a camera.
    Snapshot,
    /// Trigger an inspection on a camera.
    Trigger,
    /// Select the product that a camera inspects.
    Product,
    /// Add, remove or list golden pictures.
    Golden,
    /// Report the state of the service and its components.
    Status,
    /// People of the gallery: enrol, rename, merge, erase, …
    Faces,
    /// Report who was present on a day.
    Attendance,
    /// Restart one component of the service.
    Restart,
    /// Report the configuration in force, without secrets and comments.
    Config,
    /// List the alarms, or acknowledge one.
    Alarm,
}

impl CommandKind {
    /// Every kind of command, once each.
    pub const ALL: [CommandKind; 11] = [
        CommandKind::Reload,
        CommandKind::Snapshot,
        CommandKind::Trigger,
        CommandKind::Product,
        CommandKind::Golden,
        CommandKind::Status,
        CommandKind::Faces,
        CommandKind::Attendance,
        CommandKind::Restart,
        CommandKind::Config,
        CommandKind::Alarm,
    ];

    /// The command's word in topics, routes and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            CommandKind::Reload => "reload",
            CommandKind::Snapshot => "snapshot",
            CommandKind::Trigger => "trigger",
            CommandKind::Product => "product",
            CommandKind::Golden => "golden",
            CommandKind::Status => "status",
            CommandKind::Faces => "faces",
            CommandKind::Attendance => "attendance",
            CommandKind::Restart => "restart",
            CommandKind::Config => "config",
            CommandKind::Alarm => "alarm",
        }
    }

    /// The command that has this word; `None` for an unknown word.
    pub fn from_word(word: &str) -> Option<CommandKind> {
        CommandKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// The interface through which a command arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A command topic of MQTT.
    Mqtt,
    /// The command line, over the local control socket.
    Cli {
        /// User id of the requesting process; `None` where the system does not report it.
        uid: Option<u32>,
    },
    /// A line on a serial port; the command's id names the camera.
    Serial,
    /// A request from the web page or REST.
    Web,
}

/// A request that must be answered.
#[derive(Debug)]
pub struct Command {
    /// The kind of command that is requested.
    pub kind: CommandKind,
    /// The interface through which it arrived.
    pub origin: Origin,
    /// Time of arrival. A trigger refers to this moment, even if an earlier request delays its handling.
    pub at: Stamp,
    /// The requester's id for this request, repeated in the answer.
    pub id: String,
    /// The request's arguments, as JSON.
    pub payload: Value,
    /// Sends the answer to the requester.
    pub reply: Responder,
}

/// Why a request was refused or failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}{}{remedy}", if .remedy.is_empty() { "" } else { "; " })]
pub struct Refusal {
    /// Error code for programs, such as `already_enrolled`.
    pub code: &'static str,
    /// What failed, where and why.
    pub message: String,
    /// What to do next; empty where the message already contains it.
    pub remedy: String,
    /// Details that a program needs to continue (an object), or `Null`.
    pub details: Value,
}

impl Refusal {
    /// A refusal with an error code, a message and a remedy, without details.
    pub fn new(code: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), remedy: remedy.into(), details: Value::Null }
    }

    /// The same refusal with details for programs.
    pub fn with(self, details: Value) -> Refusal {
        Refusal { details, ..self }
    }
}

impl From<String> for Refusal {
    fn from(message: String) -> Refusal {
        Refusal::new("refused", message, "")
    }
}

impl From<&str> for Refusal {
    fn from(message: &str) -> Refusal {
        message.to_owned().into()
    }
}

/// Result of a request: its value (`Null` for none), or why it was refused.
pub type Reply = Result<Value, Refusal>;

/// A picture that an answer refers to; sent beside the answer where the requester can receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Topic of the attachment below `PREFIX/DEVICE/`.
    pub suffix: String,
    /// The bytes to be published, unchanged.
    pub bytes: Vec<u8>,
    /// Whether the broker shall retain it.
    pub retain: bool,
}

type Answering = Box<dyn FnOnce(Reply, Option<Attachment>) + Send>;

/// Answers one request, once. When dropped without an answer, it answers that the service gave up the
/// request.
pub struct Responder(Option<Answering>);

impl Responder {
    /// Passes the answer to `tell`, which must not block. Attachments are dropped, because this requester
    /// cannot receive them.
    pub fn new(tell: impl FnOnce(Reply) + Send + 'static) -> Responder {
        Responder::with_attachment(move |reply, _| tell(reply))
    }

    /// Passes the answer and its attachment to `tell`, which must not block.
    pub fn with_attachment(tell: impl FnOnce(Reply, Option<Attachment>) + Send + 'static) -> Responder {
        Responder(Some(Box::new(tell)))
    }

    /// Answers that the request succeeded with `result`, `Null` for none.
    pub fn successful(self, result: Value) {
        self.answer(Ok(result));
    }

    /// Answers that the request failed for `reason`.
    pub fn failed(self, reason: impl Into<Refusal>) {
        self.answer(Err(reason.into()));
    }

    /// Sends `reply` as the answer, without an attachment.
    pub fn answer(self, reply: Reply) {
        self.answer_with(reply, None);
    }

    /// Sends `reply` as the answer, with the attachment that it refers to.
    pub fn answer_with(mut self, reply: Reply, attachment: Option<Attachment>) {
        if let Some(tell) = self.0.take() {
            tell(reply, attachment);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell(Err("the service gave up the request; try again".into()), None);
        }
    }
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Responder(answered: {})", self.0.is_none())
    }
}

//! What the box is asked to do while it runs, over MQTT or by its own command line, and how it answers.

use serde_json::Value;

use super::Stamp;

/// What is asked for. `ping` is answered by whoever hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Read the configuration again.
    Reload,
    /// A picture of a camera.
    Snapshot,
    /// Pull a trigger.
    Trigger,
    /// Select a product.
    Product,
    /// Teach, take back or list golden pictures.
    Golden,
    /// How the box is.
    Status,
    /// People of the gallery: enrol, rename, merge, erase, …
    Faces,
    /// Who was here.
    Attendance,
    /// Build a unit again.
    Restart,
    /// The configuration in force, without secrets and comments.
    Config,
    /// List the alarms, or acknowledge one.
    Alarm,
}

impl CommandKind {
    /// All of them.
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

    /// The word by which it is called.
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

    /// The command that `word` calls.
    pub fn from_word(word: &str) -> Option<CommandKind> {
        CommandKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Over MQTT.
    Mqtt,
    /// The command line, over the box's own socket.
    Cli {
        /// The user of the process that asked, where the system says it.
        uid: Option<u32>,
    },
    /// A line of a serial port; the command's id names the camera.
    Serial,
    /// A request of the web page or of REST.
    Web,
}

/// A request that has to be answered.
#[derive(Debug)]
pub struct Command {
    /// What.
    pub kind: CommandKind,
    /// Who asked.
    pub origin: Origin,
    /// When it arrived: what a trigger means, however long the request before it takes.
    pub at: Stamp,
    /// The requester's id.
    pub id: String,
    /// The request's JSON.
    pub payload: Value,
    /// How to answer.
    pub reply: Responder,
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}{}{remedy}", if .remedy.is_empty() { "" } else { "; " })]
pub struct Refusal {
    /// The word for programs, such as `already_enrolled`.
    pub code: &'static str,
    /// What, where and why.
    pub message: String,
    /// What to do next; empty where the message says it.
    pub remedy: String,
    /// What a program needs to go on (an object), or `Null`.
    pub details: Value,
}

impl Refusal {
    /// A refusal with a word for programs.
    pub fn new(code: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), remedy: remedy.into(), details: Value::Null }
    }

    /// The same, with what a program needs to go on.
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

/// What a request came to: what it gave (`Null` for nothing), or why it was not done.
pub type Reply = Result<Value, Refusal>;

/// What an answer speaks of and does not hold: a picture, sent beside it where the requester can get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its topic below `PREFIX/DEVICE/`.
    pub suffix: String,
    /// The bytes as they are.
    pub bytes: Vec<u8>,
    /// Whether the broker is to keep it.
    pub retain: bool,
}

type Answering = Box<dyn FnOnce(Reply, Option<Attachment>) + Send>;

/// Answers one request, once. Dropped without an answer, it says that the request was given up.
pub struct Responder(Option<Answering>);

impl Responder {
    /// Tells the answer to `tell`, which must not block. What is attached is not for this requester.
    pub fn new(tell: impl FnOnce(Reply) + Send + 'static) -> Responder {
        Responder::with_attachment(move |reply, _| tell(reply))
    }

    /// The same for a requester who gets what is attached, too.
    pub fn with_attachment(tell: impl FnOnce(Reply, Option<Attachment>) + Send + 'static) -> Responder {
        Responder(Some(Box::new(tell)))
    }

    /// It is done; `result` is what it gave, `Null` for nothing.
    pub fn successful(self, result: Value) {
        self.answer(Ok(result));
    }

    /// It is not done, because of `reason`.
    pub fn failed(self, reason: impl Into<Refusal>) {
        self.answer(Err(reason.into()));
    }

    /// It has come to `reply`.
    pub fn answer(self, reply: Reply) {
        self.answer_with(reply, None);
    }

    /// It has come to `reply`, which speaks of what is attached.
    pub fn answer_with(mut self, reply: Reply, attachment: Option<Attachment>) {
        if let Some(tell) = self.0.take() {
            tell(reply, attachment);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell(Err("the service gave the request up; try again".into()), None);
        }
    }
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Responder(answered: {})", self.0.is_none())
    }
}

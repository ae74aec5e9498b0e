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
}

impl CommandKind {
    /// All of them.
    pub const ALL: [CommandKind; 6] = [
        CommandKind::Reload,
        CommandKind::Snapshot,
        CommandKind::Trigger,
        CommandKind::Product,
        CommandKind::Golden,
        CommandKind::Status,
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
        }
    }

    /// The command that `word` calls.
    pub fn from_word(word: &str) -> Option<CommandKind> {
        CommandKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Over MQTT.
    Mqtt,
    /// The command line, over the box's own socket.
    Cli,
}

/// A request that has to be answered.
#[derive(Debug)]
pub struct Command {
    /// What.
    pub kind: CommandKind,
    /// Who asked.
    pub asker: Asker,
    /// When it arrived: what a trigger means, however long the request before it takes.
    pub at: Stamp,
    /// The requester's id.
    pub id: String,
    /// The request's JSON; `Null` where it was empty.
    pub payload: Value,
    /// How to answer.
    pub reply: Responder,
}

/// What a request came to: what it gave (`Null` for nothing), or why it was not done.
pub type Reply = Result<Value, String>;

/// Answers one request, once. Dropped without an answer, it says that the request was given up.
pub struct Responder(Option<Box<dyn FnOnce(Reply) + Send>>);

impl Responder {
    /// Tells the answer to `tell`, which must not block.
    pub fn new(tell: impl FnOnce(Reply) + Send + 'static) -> Responder {
        Responder(Some(Box::new(tell)))
    }

    /// It is done; `result` is what it gave, `Null` for nothing.
    pub fn successful(self, result: Value) {
        self.answer(Ok(result));
    }

    /// It is not done, because of `reason`.
    pub fn failed(self, reason: impl Into<String>) {
        self.answer(Err(reason.into()));
    }

    /// It has come to `reply`.
    pub fn answer(mut self, reply: Reply) {
        if let Some(tell) = self.0.take() {
            tell(reply);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell(Err("the service gave the request up; try again".into()));
        }
    }
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Responder(answered: {})", self.0.is_none())
    }
}

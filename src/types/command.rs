//! The words of commands, their origin, and the return path of answers. The commands with their keys and
//! answers are in `crate::commands`.

use schemars::Schema;
use serde_json::Value;

use super::Refusal;

/// The word of a command. The adapter that receives a `ping` answers it directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Check that the service answers.
    Ping,
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
    /// Write the contents of the store into files, for a backup.
    Backup,
    /// Microscopy: run recipes, and read their results.
    Batch,
    /// Studio jobs: add, watch, cancel and retry them, and their queue.
    Jobs,
    /// Write the archive for support, as `ocellus doctor --bundle` does.
    Bundle,
    /// Commands to instruments: run them, and turn their outputs off.
    Output,
    /// Telemetry: sources, channels, histories, bad lines.
    Intake,
    /// Show or change the level of the log.
    Log,
    /// Read the newest lines of the log.
    Logs,
    /// Report the CPU times of threads, stages and cameras.
    Top,
    /// Report the telemetry of the last hour.
    Hour,
    /// Finish the work under way, and end the service.
    Stop,
}

impl CommandKind {
    /// Every kind of command, once each.
    pub const ALL: [CommandKind; 23] = [
        CommandKind::Ping,
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
        CommandKind::Backup,
        CommandKind::Batch,
        CommandKind::Jobs,
        CommandKind::Bundle,
        CommandKind::Output,
        CommandKind::Intake,
        CommandKind::Log,
        CommandKind::Logs,
        CommandKind::Top,
        CommandKind::Hour,
        CommandKind::Stop,
    ];

    /// The command's word in topics, routes and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            CommandKind::Ping => "ping",
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
            CommandKind::Backup => "backup",
            CommandKind::Batch => "batch",
            CommandKind::Jobs => "jobs",
            CommandKind::Bundle => "bundle",
            CommandKind::Output => "command",
            CommandKind::Intake => "intake",
            CommandKind::Log => "log",
            CommandKind::Logs => "logs",
            CommandKind::Top => "top",
            CommandKind::Hour => "hour",
            CommandKind::Stop => "stop",
        }
    }

    /// The command that has this word; `None` for an unknown word.
    pub fn from_word(word: &str) -> Option<CommandKind> {
        CommandKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Changes the schema of a command with actions: a request may leave out the action, which is then `usual`.
pub fn with_usual_action(schema: &mut Schema, usual: &str) {
    let actions = schema.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten();
    for action in actions.filter_map(Value::as_object_mut) {
        let named = action.get_mut("properties").and_then(|keys| keys.get_mut("action"));
        if let Some(named) = named.and_then(Value::as_object_mut)
            && named.get("const").and_then(Value::as_str) == Some(usual)
        {
            named.insert("default".into(), usual.into());
            action.remove("required");
        }
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

/// Longest name of a person who asks, in characters.
const LONGEST_NAME: usize = 64;

impl Origin {
    /// The person who asks, with the interface: only the page authenticates its users.
    pub fn person(self, by: Option<&str>) -> String {
        let by = by.map(|by| by.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect::<String>());
        let by = by.filter(|by| !by.trim().is_empty());
        match (self, by) {
            (Origin::Web, Some(by)) => by,
            (Origin::Web, None) => "web".to_owned(),
            (Origin::Mqtt, Some(by)) => format!("{by} (mqtt)"),
            (Origin::Mqtt, None) => "mqtt".to_owned(),
            (Origin::Cli { .. }, Some(by)) => format!("{by} (command line)"),
            (Origin::Cli { .. }, None) => "command line".to_owned(),
            (Origin::Serial, _) => "serial line".to_owned(),
        }
    }
}

/// Result of a request: its answer, or why it was refused.
pub type Reply<A> = Result<A, Refusal>;

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

type Answering<A> = Box<dyn FnOnce(Reply<A>, Option<Attachment>) + Send>;

/// Answers one request, once. When dropped without an answer, it answers that the service gave up the
/// request.
pub struct Responder<A>(Option<Answering<A>>);

impl<A> Responder<A> {
    /// Passes the answer to `report`, which must not block. Attachments are dropped, because this requester
    /// cannot receive them.
    pub fn new(report: impl FnOnce(Reply<A>) + Send + 'static) -> Responder<A> {
        Responder::with_attachment(move |reply, _| report(reply))
    }

    /// Passes the answer and its attachment to `report`, which must not block.
    pub fn with_attachment(
        report: impl FnOnce(Reply<A>, Option<Attachment>) + Send + 'static,
    ) -> Responder<A> {
        Responder(Some(Box::new(report)))
    }

    /// Answers that the request succeeded, with `answer` as its result.
    pub fn successful(self, answer: A) {
        self.answer(Ok(answer));
    }

    /// Answers that the request failed for `reason`.
    pub fn failed(self, reason: impl Into<Refusal>) {
        self.answer(Err(reason.into()));
    }

    /// Sends `reply` as the answer, without an attachment.
    pub fn answer(self, reply: Reply<A>) {
        self.answer_with(reply, None);
    }

    /// Sends `reply` as the answer, with the attachment that it refers to.
    pub fn answer_with(mut self, reply: Reply<A>, attachment: Option<Attachment>) {
        if let Some(report) = self.0.take() {
            report(reply, attachment);
        }
    }
}

impl<A> Drop for Responder<A> {
    fn drop(&mut self) {
        if let Some(report) = self.0.take() {
            report(Err(Refusal::new("given_up", "the service gave up the request", "try again")), None);
        }
    }
}

impl<A> std::fmt::Debug for Responder<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Responder(answered: {})", self.0.is_none())
    }
}

/// Defines an enum of answers with one variant for each type, which is serialised as the answer alone.
macro_rules! answers {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident($kind:ty),)* }) => {
        $(#[$about])*
        #[derive(Debug, serde::Serialize, schemars::JsonSchema)]
        #[serde(untagged)]
        pub enum $name {
            $($(#[$doc])* $variant($kind),)*
        }
        $(
            impl From<$kind> for $name {
                fn from(answer: $kind) -> $name {
                    $name::$variant(answer)
                }
            }

            impl TryFrom<$name> for $kind {
                type Error = $name;

                fn try_from(answer: $name) -> Result<$kind, $name> {
                    match answer {
                        $name::$variant(answer) => Ok(answer),
                        other => Err(other),
                    }
                }
            }
        )*
    };
}
pub(crate) use answers;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_reported_with_the_way_it_was_said() {
        assert_eq!(Origin::Web.person(Some("anna")), "anna");
        assert_eq!(Origin::Mqtt.person(Some("line\n1")), "line1 (mqtt)");
        assert_eq!(Origin::Mqtt.person(Some(" ")), "mqtt");
        assert_eq!(Origin::Cli { uid: None }.person(None), "command line");
        assert_eq!(Origin::Web.person(Some(&"x".repeat(1_000))).len(), LONGEST_NAME);
    }
}

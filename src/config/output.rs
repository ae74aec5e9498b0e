//! `[[command]]`: a command to an instrument, its limits, its interlock and when its output is turned off.
//!
//! "Command" is the user's word (`[[command]]`, `ocellus command`, `/api/v1/commands`). In the sources it means what
//! may be asked of the service, so the domain of this section is called `outputs`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::serial::SerialPort;
use super::users::Role;

/// `[[command]]`: one command to an instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputConfig {
    /// Name of the command as a topic level; unique among commands.
    pub name: String,
    /// What it does, for people; may be empty.
    pub description: String,
    /// Where its messages go.
    pub transport: Transport,
    /// The message of a run.
    pub send: MessageTemplate,
    /// The message that turns the output off; `None` where the command leaves nothing on.
    pub off: Option<MessageTemplate>,
    /// How answers are recognised.
    pub dialogue: Dialogue,
    /// The pattern of the line that confirms `off`, where it is not that of `send`.
    pub off_expect: Option<Pattern>,
    /// The lowest role that may run it from the page or REST.
    pub role: Role,
    /// Values that a run takes, in the order of the file.
    pub parameters: Vec<Parameter>,
    /// When it may run, and when its output is turned off.
    pub interlock: Interlock,
    /// The output is turned off after it was on for so long; `None` where it may stay on.
    pub off_after: Option<Duration>,
    /// Whether a further run begins `off_after` again.
    pub renewable: bool,
    /// Whether the output is turned off when the service stops, and at its next start where it could not be.
    pub off_on_stop: bool,
}

/// Where the messages of a command go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Lines over a TCP connection.
    Tcp {
        /// `HOST:PORT` of the instrument.
        address: String,
        /// Whether one connection serves many messages; otherwise each has its own.
        keep_open: bool,
    },
    /// Lines over a serial port, which stays open.
    Serial(SerialPort),
    /// Messages on a topic of the broker.
    Mqtt {
        /// The whole topic, from its first level.
        topic: String,
        /// Whether the broker keeps the message for later subscribers.
        retain: bool,
    },
}

impl fmt::Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Transport::Tcp { address, .. } => write!(out, "{address}"),
            Transport::Serial(port) => write!(out, "{}", port.path.display()),
            Transport::Mqtt { topic, .. } => write!(out, "the topic {topic}"),
        }
    }
}

/// How a message ends, and how its answer is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialogue {
    /// What ends a line.
    pub end: String,
    /// A line that matches confirms the message; without one, a message that was sent counts as confirmed.
    pub expect: Option<Pattern>,
    /// A line that matches refuses the message at once.
    pub error: Option<Pattern>,
    /// Longest time for connecting, sending and the answer together.
    pub timeout: Duration,
}

/// A pattern of a line: text in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether the whole line matches.
    pub fn matches(&self, line: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = line.strip_prefix(first) else { return false };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

/// When a command may run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interlock {
    /// All of these must hold.
    pub conditions: Vec<Condition>,
    /// A reading that is older counts as missing; `None`: as its source says.
    pub max_age: Option<Duration>,
    /// Whether the output is turned off when a condition no longer holds.
    pub while_on: bool,
}

/// A condition on the newest value of a telemetry channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Name of the channel.
    pub channel: String,
    /// How the value is compared.
    pub comparison: Comparison,
    /// What the value is compared with, in the channel's unit; finite.
    pub limit: f64,
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.channel, self.comparison.as_str(), shown(self.limit))
    }
}

/// How the value of a channel is compared with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Less than the limit.
    Below,
    /// Less than the limit or equal.
    AtMost,
    /// Greater than the limit.
    Above,
    /// Greater than the limit or equal.
    AtLeast,
    /// Equal to the limit.
    Equal,
    /// Different from the limit.
    NotEqual,
}

impl Comparison {
    /// Every comparison with its sign; two characters before one, so that the first match is the right one.
    pub const ALL: [(&str, Comparison); 6] = [
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<", Comparison::Below),
        (">", Comparison::Above),
    ];

    /// The sign in the configuration.
    pub fn as_str(self) -> &'static str {
        Comparison::ALL.iter().find(|(_, known)| *known == self).map_or("", |(sign, _)| sign)
    }

    /// Whether `value` fulfils it; a value that is not finite never does.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        let holds = match self {
            Comparison::Below => value < limit,
            Comparison::AtMost => value <= limit,
            Comparison::Above => value > limit,
            Comparison::AtLeast => value >= limit,
            Comparison::Equal => value == limit,
            Comparison::NotEqual => value != limit,
        };
        holds && value.is_finite()
    }
}

/// A number as a person writes it: with an exponent where it has many zeros.
pub fn shown(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-3..1e9).contains(&size) { value.to_string() } else { format!("{value:e}") }
}

/// A value that a run takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name of the value, and of its field in the message.
    pub name: String,
    /// What values are allowed.
    pub kind: ParameterKind,
    /// Unit of the value, for people; may be empty.
    pub unit: String,
    /// The value where a run names none.
    pub default: Option<String>,
}

/// The values that a parameter allows.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterKind {
    /// A number from `min` to `max`.
    Number {
        /// The least value that is allowed.
        min: f64,
        /// The greatest value that is allowed.
        max: f64,
        /// Whether only whole numbers are allowed.
        whole: bool,
    },
    /// One of these words.
    Choice(Vec<String>),
    /// Text of at most so many characters out of a small set, see [`is_plain`].
    Text(usize),
}

/// Whether a text may stand in a message: letters, digits, spaces and `-_.:+/`. Neither a line nor JSON can be
/// ended by it.
pub fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || " -_.:+/".contains(c))
}

/// The text of a message with fields in braces. A brace that does not belong to a field stands for itself, so that
/// JSON can be written as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTemplate(Vec<MessagePart>);

/// A part of a [`MessageTemplate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessagePart {
    /// Text that is sent as it is.
    Text(String),
    /// The field of this name.
    Field(String),
}

/// The field of the present time, seconds since 1970.
pub const TIME: &str = "time";
/// The field of the present time, RFC 3339 in UTC.
pub const TIME_RFC3339: &str = "time_rfc3339";

impl MessageTemplate {
    /// Takes `text` apart: `{word}` is a field.
    pub fn parse(text: &str) -> MessageTemplate {
        let mut parts = Vec::new();
        let (mut plain, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            match from[1..].split_once('}').filter(|(name, _)| is_field_name(name)) {
                Some((name, after)) => {
                    if !plain.is_empty() {
                        parts.push(MessagePart::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(MessagePart::Field(name.to_owned()));
                    rest = after;
                }
                None => {
                    plain.push('{');
                    rest = &from[1..];
                }
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(MessagePart::Text(plain));
        }
        MessageTemplate(parts)
    }

    /// The names of its fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            MessagePart::Field(name) => Some(name.as_str()),
            MessagePart::Text(_) => None,
        })
    }

    /// The text with what `value` gives for each field.
    pub fn fill(&self, mut value: impl FnMut(&str) -> String) -> String {
        let parts = self.0.iter().map(|part| match part {
            MessagePart::Text(text) => text.clone(),
            MessagePart::Field(name) => value(name),
        });
        parts.collect()
    }

    /// The text as it is written in the configuration.
    pub fn text(&self) -> String {
        self.fill(|name| format!("{{{name}}}"))
    }
}

/// Whether `name` can be a field: a letter or `_`, then letters, digits and `_`.
pub fn is_field_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_it_is_and_only_words_in_braces_are_fields() {
        let text = r#"{"action": "SET_RF", "params": {"u_rf_mv": {u_rf_mv}}, "timestamp": {time}, "x": {}}"#;
        let template = MessageTemplate::parse(text);
        assert_eq!(template.fields().collect::<Vec<_>>(), ["u_rf_mv", "time"]);
        assert_eq!(template.text(), text);
        let filled = template.fill(|name| name.len().to_string());
        assert_eq!(filled, r#"{"action": "SET_RF", "params": {"u_rf_mv": 7}, "timestamp": 4, "x": {}}"#);
        assert_eq!(MessageTemplate::parse("VOLT {v").fields().count(), 0);
        assert_eq!(MessageTemplate::parse("{a}{b}").fields().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_pattern_matches_the_whole_line() {
        let matches = |pattern: &str, line: &str| Pattern(pattern.to_owned()).matches(line);
        assert!(matches("OK", "OK") && !matches("OK", "OK 1") && !matches("OK", "NOT OK"));
        assert!(matches("OK*", "OK 1") && matches("*OK", "it is OK") && matches("*", ""));
        assert!(matches("OK: *=*", "OK: u=3") && !matches("OK: *=*", "OK: u"));
        assert!(matches("a*b*a", "abba") && !matches("ab*ba", "aba"));
    }

    #[test]
    fn a_value_that_is_not_finite_fulfils_nothing() {
        for (_, comparison) in Comparison::ALL {
            assert!(
                !comparison.holds(f64::NAN, 1.0) && !comparison.holds(f64::INFINITY, 1.0),
                "{comparison:?}"
            );
        }
        assert!(Comparison::Below.holds(9e-7, 1e-6) && !Comparison::Below.holds(1e-6, 1e-6));
    }

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        assert_eq!([1e-6, 1400.0, 0.25, -3e12, 0.0].map(shown), ["1e-6", "1400", "0.25", "-3e12", "0"]);
    }
}

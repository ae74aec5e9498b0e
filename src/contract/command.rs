//! The payload about commands to instruments.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::payload::Payload;

/// What the output of a command is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputState {
    /// It is off, as far as this service knows: confirmed, or never turned on by it.
    Off,
    /// A message that turns it on is under way.
    TurningOn,
    /// The instrument has taken the message.
    On,
    /// It is being turned off, and that is not confirmed yet. It may be on.
    TurningOff,
}

impl OutputState {
    /// The word that stands for it in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            OutputState::Off => "off",
            OutputState::TurningOn => "turning_on",
            OutputState::On => "on",
            OutputState::TurningOff => "turning_off",
        }
    }
}

/// The value of a parameter: a number, or text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CommandValue {
    /// A number, in the parameter's unit.
    Number(f64),
    /// `true` or `false`, for a parameter with these choices.
    Flag(bool),
    /// A word or text.
    Text(String),
}

impl CommandValue {
    /// The value as it stands in a message.
    pub fn text(&self) -> String {
        match self {
            CommandValue::Number(value) => value.to_string(),
            CommandValue::Flag(value) => value.to_string(),
            CommandValue::Text(text) => text.clone(),
        }
    }
}

/// `command/NAME/status`: the output of a command to an instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandStatus {
    /// Name of the command, which the topic has too.
    pub command: String,
    /// What its output is doing.
    pub state: OutputState,
    /// Since when, RFC 3339, UTC; `null` before the first run.
    pub since: Option<String>,
    /// The values of the last run that turned it on; empty while it is off.
    pub values: BTreeMap<String, CommandValue>,
    /// Who ran it or turned it off last, or which rule did; `null` before the first run.
    pub by: Option<String>,
    /// When it will be turned off, RFC 3339, UTC; `null` where it stays on.
    pub off_at: Option<String>,
    /// Why it was turned off; `null` while it is on.
    pub off_cause: Option<String>,
    /// The conditions of its interlock that do not hold, each with its reason; empty where all hold.
    pub open: Vec<String>,
    /// Why the output cannot be turned off, or is not known to be off; `null` where nothing is wrong.
    pub fault: Option<String>,
}

impl Payload for CommandStatus {
    const SCHEMA: &'static str = "ocellus.command-status/1";
}

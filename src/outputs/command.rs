//! The requests and answers of the command `command`, shared by MQTT, REST and the command line.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::config::users::Role;
use crate::contract::{CommandStatus, CommandValue};
use crate::types::{answers, with_usual_action};

/// The command `command`: commands to instruments, as `[[command]]` of the configuration defines them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "lowercase")]
#[schemars(transform = usual_action)]
pub enum OutputCommand {
    /// The commands with their limits, the state of their outputs and of their interlocks.
    List,
    /// Run a command. It is answered when the instrument has taken it, or when it failed.
    Run(RunRequest),
    /// Turn off the output of a command, or all outputs. It is answered when that is confirmed, or when the first
    /// attempt failed; attempts go on until it is confirmed.
    Off(OffRequest),
}

/// What a run takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRequest {
    /// Name of the command.
    #[serde(default)]
    pub name: String,
    /// A value for each parameter without a default.
    #[serde(default)]
    pub values: BTreeMap<String, CommandValue>,
    /// Name of the person who asks.
    #[serde(default)]
    pub by: Option<String>,
    /// The role of the user who is logged in at the page. Only the page sets it; it is never read from a message.
    #[serde(skip)]
    pub role: Option<Role>,
}

/// What turning off takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OffRequest {
    /// Name of the command; without one, all outputs are turned off.
    #[serde(default)]
    pub name: Option<String>,
    /// Name of the person who asks.
    #[serde(default)]
    pub by: Option<String>,
    /// The role of the user who is logged in at the page. Only the page sets it; it is never read from a message.
    #[serde(skip)]
    pub role: Option<Role>,
}

impl OutputCommand {
    /// What is asked for where no action is named.
    pub const USUAL: &'static str = "list";
}

fn usual_action(schema: &mut Schema) {
    with_usual_action(schema, OutputCommand::USUAL);
}

answers! {
    /// The answer to an [`OutputCommand`].
    pub enum OutputAnswer {
        /// Answer to `list`: every command.
        Listed(CommandsOut),
        /// Answer to `run`: the command that was run.
        Ran(RanOut),
        /// Answer to `off`: what was turned off.
        Off(OffOut),
    }
}

/// Every command with its limits and its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandsOut {
    /// The commands in the order of the configuration; last those that are still being turned off after the
    /// configuration lost them.
    pub commands: Vec<CommandOut>,
}

/// One command with its limits and its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandOut {
    /// The fields of `command/NAME/status`.
    #[serde(flatten)]
    pub status: CommandStatus,
    /// What it does, for people; may be empty.
    pub description: String,
    /// The lowest role that may run it from the page.
    pub role: Role,
    /// Where its messages go.
    pub target: String,
    /// The values that it takes.
    pub parameters: Vec<ParameterOut>,
    /// The conditions of its interlock with their newest readings.
    pub interlock: Vec<ConditionOut>,
    /// Whether it has a message that turns it off.
    pub can_be_off: bool,
    /// Its output is turned off after so many ms; `null` where it may stay on.
    pub off_after_ms: Option<u64>,
    /// Time until it is turned off, ms; `null` where that is not planned.
    pub off_in_ms: Option<u64>,
}

/// A value that a command takes, and what is allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParameterOut {
    /// Name of the parameter.
    pub name: String,
    /// Unit of the value; may be empty.
    pub unit: String,
    /// The least number that is allowed; `null` where it is not a number.
    pub min: Option<f64>,
    /// The greatest number that is allowed; `null` where it is not a number.
    pub max: Option<f64>,
    /// Whether only whole numbers are allowed.
    pub whole: bool,
    /// The words that are allowed; empty where it is not a choice.
    pub choices: Vec<String>,
    /// Most characters of a text; `null` where it is not a text.
    pub max_length: Option<usize>,
    /// The value where a run names none; `null` where a run must name one.
    pub default: Option<String>,
}

/// A condition of an interlock with the reading that decides it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConditionOut {
    /// The condition as it is configured.
    pub condition: String,
    /// Whether it holds; a reading that is missing or stale never does.
    pub holds: bool,
    /// Why it does not hold; `null` where it does.
    pub reason: Option<String>,
    /// The newest value of the channel; `null` where there is none.
    pub value: Option<f64>,
    /// Age of that value, ms.
    pub age_ms: Option<u64>,
}

/// A command that was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RanOut {
    /// Name of the command.
    pub name: String,
    /// The values that were sent.
    pub values: BTreeMap<String, CommandValue>,
    /// The line with which the instrument confirmed it; `null` where none is expected.
    pub answer: Option<String>,
    /// Time until its output is turned off, ms; `null` where it stays on or has no output.
    pub off_in_ms: Option<u64>,
}

/// Outputs that were turned off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OffOut {
    /// Names of the commands whose outputs are confirmed to be off.
    pub off: Vec<String>,
}

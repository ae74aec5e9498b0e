//! The requests of the command `intake`, shared by MQTT, REST and the command line.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::contract::{BadOut, IntakeList, SeriesOut};
use crate::types::{answers, with_usual_action};

/// A request about telemetry from files and topics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "lowercase")]
#[schemars(transform = usual_action)]
pub enum IntakeCommand {
    /// All sources and channels.
    List,
    /// The history of a channel.
    Series(SeriesRequest),
    /// What a source could not read.
    Bad(BadRequest),
}

impl IntakeCommand {
    /// What is asked for where no action is named.
    pub const USUAL: &'static str = "list";
}

fn usual_action(schema: &mut Schema) {
    with_usual_action(schema, IntakeCommand::USUAL);
}

/// Which history is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesRequest {
    /// Name of the channel.
    pub channel: String,
    /// The beginning: RFC 3339, or how long ago (`90s`, `15m`, `6h`, `7d`); 5 minutes ago by default.
    #[serde(default)]
    pub since: Option<String>,
    /// The end, in the same form; now by default.
    #[serde(default)]
    pub until: Option<String>,
    /// Most stretches of time, 1 to 5000; 500 by default.
    #[serde(default)]
    pub points: Option<u32>,
}

/// Which source is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BadRequest {
    /// Name of the source.
    pub source: String,
}

answers! {
    /// The answer to an [`IntakeCommand`].
    pub enum IntakeAnswer {
        /// Answer to `list`: all sources and channels.
        List(IntakeList),
        /// Answer to `series`: the history.
        Series(Box<SeriesOut>),
        /// Answer to `bad`: what could not be read.
        Bad(BadOut),
    }
}

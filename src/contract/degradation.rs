//! `degradation`: what the service does without while it has more work than time.

use schemars::JsonSchema;
use serde::Serialize;

use super::Payload;

/// In which direction a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DegradationChange {
    /// The service does without it from now on.
    Down,
    /// The service does it again.
    Up,
}

/// `degradation`: the steps of the degradation ladder, retained; a message for each step.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DegradationOut {
    /// How many steps are taken; 0 where everything is done as configured.
    pub level: u32,
    /// What the service does without, in the order in which it began to: `annotation`, `preview`, `recorder`, `detection`,
    /// `frame_rate`.
    pub without: Vec<String>,
    /// The declared steps, in their order.
    pub steps: Vec<String>,
    /// The step that this message is about; `null` in the first one, and where a setting has changed.
    pub step: Option<String>,
    /// Whether that step was taken or taken back; `null` with it.
    pub change: Option<DegradationChange>,
    /// Why it was taken or taken back, in words.
    pub cause: String,
    /// Share of time that the workers were busy at this moment, 0 to 1.
    pub utilisation: f32,
}

impl Payload for DegradationOut {
    const SCHEMA: &'static str = "ocellus.degradation/1";
}

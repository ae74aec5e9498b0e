//! The payload about runs of microscopy recipes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::payload::Payload;

/// What a run of a recipe is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BatchState {
    /// It reads the stack and computes the sums of its files.
    Preparing,
    /// Its steps are under way.
    Running,
    /// Every field of view has its table.
    Complete,
    /// It could not begin, or a field of view failed; the others have their tables.
    Failed,
    /// It was cancelled, or the service was stopped; it can be resumed.
    Cancelled,
}

impl BatchState {
    /// The word that stands for it in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            BatchState::Preparing => "preparing",
            BatchState::Running => "running",
            BatchState::Complete => "complete",
            BatchState::Failed => "failed",
            BatchState::Cancelled => "cancelled",
        }
    }

    /// Whether the run has come to its end.
    pub fn is_over(self) -> bool {
        !matches!(self, BatchState::Preparing | BatchState::Running)
    }
}

/// `batch/ID/progress`: how far a run is; `batch/status` (retained) has its last change of state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchProgress {
    /// The name of the run, which the topic has too.
    pub id: String,
    /// Name of its recipe: the file without `.toml`.
    pub recipe: String,
    /// What it is doing.
    pub state: BatchState,
    /// The step that was reported last; `null` before the first.
    pub step: Option<String>,
    /// The field of view of that step.
    pub fov: Option<usize>,
    /// Frames of that step that are complete.
    pub t: Option<usize>,
    /// Frames that the step has.
    #[serde(rename = "T")]
    pub frames: Option<usize>,
    /// The same for a person.
    pub message: String,
    /// Share of the whole run that is complete, 0 to 1000.
    pub permille: usize,
    /// Fields of view of the run; 0 before they are known.
    pub fovs: usize,
    /// Fields of view that are complete.
    pub complete: usize,
    /// Fields of view that failed.
    pub failed: usize,
    /// Seconds until the end, estimated from the progress so far; `null` where nothing is known yet.
    pub eta_s: Option<u64>,
    /// Why the run failed; `null` where it did not.
    pub cause: Option<String>,
    /// What to do next; `null` where nothing failed.
    pub remedy: Option<String>,
}

impl Payload for BatchProgress {
    const SCHEMA: &'static str = "ocellus.batch-progress/1";
}

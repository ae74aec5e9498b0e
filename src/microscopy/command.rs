//! The requests and answers of the command `batch`, shared by MQTT, REST and the command line.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::BatchProgress;
use crate::types::answers;

/// The command `batch`: runs of the recipes that the service knows, and their results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "lowercase")]
#[schemars(transform = usual_action)]
pub enum BatchCommand {
    /// The recipes with the state of their results, and the run that is under way or was the last.
    Status,
    /// Begin a run. It is answered when the run has a name; `batch/ID/progress` reports the rest.
    Run {
        /// The recipe, as its file is called without `.toml`.
        recipe: String,
    },
    /// Go on with a run that was cancelled or interrupted.
    Resume {
        /// The recipe, or the name of the run.
        run: String,
    },
    /// Cancel the run that is under way. What is complete is kept.
    Cancel {
        /// The name of the run or its recipe; the one that is under way by default.
        #[serde(default)]
        run: Option<String>,
    },
}

impl BatchCommand {
    /// What is asked for where no action is named.
    pub const USUAL: &'static str = "status";

    /// The word of the action.
    pub fn action(&self) -> &'static str {
        match self {
            BatchCommand::Status => "status",
            BatchCommand::Run { .. } => "run",
            BatchCommand::Resume { .. } => "resume",
            BatchCommand::Cancel { .. } => "cancel",
        }
    }

    /// What it changes: the recipe or the run; `None` where it only reads.
    pub fn target(&self) -> Option<&str> {
        match self {
            BatchCommand::Status => None,
            BatchCommand::Run { recipe } => Some(recipe),
            BatchCommand::Resume { run } => Some(run),
            BatchCommand::Cancel { run } => Some(run.as_deref().unwrap_or_default()),
        }
    }
}

/// A request may leave out the action, which is then [`BatchCommand::USUAL`].
fn usual_action(schema: &mut Schema) {
    let actions = schema.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten();
    for action in actions.filter_map(Value::as_object_mut) {
        let named = action.get_mut("properties").and_then(|keys| keys.get_mut("action"));
        if let Some(named) = named.and_then(Value::as_object_mut)
            && named.get("const").and_then(Value::as_str) == Some(BatchCommand::USUAL)
        {
            named.insert("default".into(), BatchCommand::USUAL.into());
            action.remove("required");
        }
    }
}

answers! {
    /// The answer to a [`BatchCommand`].
    pub enum BatchAnswer {
        /// Answer to `status`: recipes and run.
        Status(BatchOut),
        /// Answer to `run`, `resume` and `cancel`: the run that is meant.
        Progress(BatchProgress),
    }
}

/// The recipes, and the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchOut {
    /// Folder of the recipes.
    pub folder: String,
    /// The recipes by name.
    pub recipes: Vec<RecipeOut>,
    /// The run that is under way, or the last one since the service started; `null` where there was none.
    pub run: Option<BatchProgress>,
}

/// A recipe, and what is in the folder of its results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecipeOut {
    /// The recipe, as its file is called without `.toml`.
    pub recipe: String,
    /// The state of its results.
    pub state: ResultsState,
    /// Folder of the results; `null` where the recipe cannot be read.
    pub out: Option<String>,
    /// Name of the run whose results these are.
    pub id: Option<String>,
    /// Fields of view of that run.
    pub fovs: usize,
    /// Fields of view that are complete.
    pub complete: usize,
    /// Fields of view that failed.
    pub failed: usize,
    /// What is wrong with the recipe or its results; `null` where nothing is.
    pub fault: Option<String>,
}

/// The state of a recipe's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResultsState {
    /// The recipe has no results yet.
    None,
    /// A run works on them now.
    Running,
    /// A run ended before its end: it can be resumed.
    Interrupted,
    /// Every field of view is complete.
    Complete,
    /// The recipe or its results have a fault.
    Faulty,
}

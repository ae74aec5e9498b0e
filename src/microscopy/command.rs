//! The requests and answers of the command `batch`, shared by MQTT, REST and the command line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize, Serializer};

use crate::contract::BatchProgress;
use crate::types::{answers, with_usual_action};

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
    /// What a recipe's run has made: fields of view, features, and the fits of merged traces.
    Results {
        /// The recipe whose results are meant.
        recipe: String,
    },
    /// The traces of one feature in one field of view.
    Traces {
        /// The recipe whose results are meant.
        recipe: String,
        /// The number of the field of view.
        fov: usize,
        /// The name of the feature, for instance `intensity_total_ch_1`; the first by default.
        #[serde(default)]
        feature: Option<String>,
    },
    /// A frame of the phase channel as JPEG, with the outlines and ids of the cells.
    Overlay {
        /// The recipe whose results are meant.
        recipe: String,
        /// The number of the field of view.
        fov: usize,
        /// The frame, from 0.
        frame: usize,
    },
    /// Mark a trace as good or bad: everything that reads traces takes it from then on.
    Mark {
        /// The recipe whose results are meant.
        recipe: String,
        /// The number of the field of view.
        fov: usize,
        /// The id of the cell, from 1.
        cell: u32,
        /// Whether the trace is used.
        good: bool,
    },
    /// Merge the good traces of all fields of view, and fit those of one feature with a model. Tables of an earlier fit are
    /// replaced.
    Fit {
        /// The recipe whose results are meant.
        recipe: String,
        /// The model of expression, for instance `maturation`.
        model: String,
        /// The name of the feature, for instance `intensity_total_ch_1`; the first intensity by default.
        #[serde(default)]
        feature: Option<String>,
    },
    /// All tables of a recipe's results in one ZIP file.
    Tables {
        /// The recipe whose results are meant.
        recipe: String,
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
            BatchCommand::Results { .. } => "results",
            BatchCommand::Traces { .. } => "traces",
            BatchCommand::Overlay { .. } => "overlay",
            BatchCommand::Mark { .. } => "mark",
            BatchCommand::Fit { .. } => "fit",
            BatchCommand::Tables { .. } => "tables",
        }
    }

    /// What it changes: the recipe or the run; `None` where it only reads.
    pub fn target(&self) -> Option<&str> {
        match self {
            BatchCommand::Status
            | BatchCommand::Results { .. }
            | BatchCommand::Traces { .. }
            | BatchCommand::Overlay { .. }
            | BatchCommand::Tables { .. } => None,
            BatchCommand::Run { recipe }
            | BatchCommand::Mark { recipe, .. }
            | BatchCommand::Fit { recipe, .. } => Some(recipe),
            BatchCommand::Resume { run } => Some(run),
            BatchCommand::Cancel { run } => Some(run.as_deref().unwrap_or_default()),
        }
    }
}

fn usual_action(schema: &mut Schema) {
    with_usual_action(schema, BatchCommand::USUAL);
}

answers! {
    /// The answer to a [`BatchCommand`].
    pub enum BatchAnswer {
        /// Answer to `status`: recipes and run.
        Status(BatchOut),
        /// Answer to `run`, `resume` and `cancel`: the run that is meant.
        Progress(BatchProgress),
        /// Answer to `results` and `fit`: what there is now.
        Results(ResultsOut),
        /// Answer to `traces`: one feature of the cells.
        Traces(TracesOut),
        /// Answer to `overlay` and `tables`: a file.
        File(FileOut),
        /// Answer to `mark`: the trace as it is now.
        Marked(MarkedOut),
    }
}

/// What a recipe's run has made.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ResultsOut {
    /// The recipe whose results these are.
    pub recipe: String,
    /// Name of the run; `null` where shares of several machines were joined.
    pub id: Option<String>,
    /// The version of the program that computed them.
    pub version: Option<String>,
    /// Folder of the results.
    pub folder: String,
    /// The fields of view, by number.
    pub fovs: Vec<FovOut>,
    /// The features that were measured, as the columns of the tables are called.
    pub features: Vec<String>,
    /// The models that traces can be fitted with.
    pub models: Vec<String>,
    /// The fits of merged traces.
    pub fits: Vec<FitOut>,
}

/// What became of a field of view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FovOut {
    /// The number of the field of view.
    pub fov: usize,
    /// `complete`, `failed` or `not_done`.
    pub state: String,
    /// Why it failed; `null` where it did not.
    pub cause: Option<String>,
    /// Number of frames in time.
    pub frames: usize,
    /// Cells with a trace.
    pub cells: usize,
    /// Cells that have no trace.
    pub dropped: usize,
    /// Whether a person has judged its traces.
    pub inspected: bool,
}

/// The fits of one table of merged traces with one model.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FitOut {
    /// Name of the table in the folder of the results.
    pub table: String,
    /// The model with which it was fitted.
    pub model: String,
    /// Traces that were fitted.
    pub cells: usize,
    /// How many fits failed.
    pub failed: usize,
    /// How many fits are good, fair and poor by their R².
    pub classes: [usize; 3],
    /// R² of each fit that succeeded; `null` where there is none.
    pub r_squared: Vec<Option<f64>>,
    /// The parameters that were fitted.
    pub parameters: Vec<ParameterOut>,
}

/// The values of one fitted parameter.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ParameterOut {
    /// Its name in the tables.
    pub name: String,
    /// One value for each fit that succeeded, in the order of `r_squared`; `null` where there is none.
    pub values: Vec<Option<f64>>,
}

/// The traces of one feature in one field of view.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TracesOut {
    /// The number of the field of view.
    pub fov: usize,
    /// The name of the feature.
    pub feature: String,
    /// The unit of the times, for instance `min`.
    pub time_units: String,
    /// Cells of the table; `cells` has no more than 1,000 of them.
    pub of: usize,
    /// The traces, by id.
    pub cells: Vec<CellOut>,
}

/// The trace of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CellOut {
    /// The id of the cell, from 1.
    pub cell: u32,
    /// Whether the trace is used.
    pub good: bool,
    /// Times of the frames in which the cell was seen.
    pub times: Vec<f64>,
    /// One value for each time; `null` where it could not be measured.
    pub values: Vec<Option<f64>>,
}

/// A trace that was marked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MarkedOut {
    /// The number of the field of view.
    pub fov: usize,
    /// The id of the cell.
    pub cell: u32,
    /// Whether the trace is used from now on.
    pub good: bool,
}

/// A file, as an answer carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileOut {
    /// A name under which it can be kept.
    pub name: String,
    /// Its bytes, Base64 in JSON.
    #[serde(serialize_with = "base64_text")]
    #[schemars(with = "String")]
    pub bytes: Vec<u8>,
}

fn base64_text<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&STANDARD.encode(bytes))
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

//! Why a runtime or a model cannot be used, with what to do next.

use std::path::PathBuf;

use crate::{Coverage, Task};
use ocellus_text::{Explanation, TextFileError};

use super::file::FileError;
use super::runtime_error::RuntimeError;
use super::stub::StubError;

/// A runtime could not be opened, or a model was refused.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum EngineError {
    /// The configuration names a runtime that does not exist or was not compiled in.
    UnknownRuntime {
        /// The name in the configuration.
        kind: String,
        /// What this build has.
        available: String,
    },
    /// No searched path has a library that could be opened.
    NoLibrary {
        /// Every place, each with what happened there.
        looked: String,
    },
    /// The model file could not be read.
    Read {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file's digest differs from the one in the card.
    Digest {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// The digest in the card.
        expected: String,
        /// The digest of the file.
        actual: String,
    },
    /// The file is not a valid TensorFlow Lite model.
    File {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// What is wrong inside.
        source: FileError,
    },
    /// The stub's description is not valid.
    Stub {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// What is wrong inside.
        source: StubError,
    },
    /// Neither card, metadata nor configuration name the model's task.
    NoTask {
        /// The model's name in the configuration.
        model: String,
    },
    /// The labels file could not be read as text.
    LabelsFile {
        /// The model's name in the configuration.
        model: String,
        /// What is wrong, with the file and what to do.
        source: TextFileError,
    },
    /// Tensors or labels are not those of the task.
    Misfit {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// The task that the card names.
        task: Task,
        /// One entry a tensor or key: its name, what was expected, what is there.
        faults: Misfits,
    },
    /// The model is valid, but has another task.
    WrongTask {
        /// The model's name in the configuration.
        model: String,
        /// The task that its card names.
        task: Task,
        /// The task that it needs here.
        needed: Task,
    },
    /// The model's delegate cannot be used.
    Delegate {
        /// The model's name in the configuration.
        model: String,
        /// The delegate's library and why it cannot be used.
        cause: RuntimeError,
    },
    /// The runtime refuses the model.
    Compile {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// What the runtime refuses.
        cause: RuntimeError,
        /// The custom operators of the file, as words; empty where it has none.
        operators: String,
    },
    /// The delegate took less of the model than its card demands: the model fell back to the CPU.
    Coverage {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// The least share of operators, 0 to 1.
        least: f32,
        /// What the delegate took of it.
        coverage: Coverage,
    },
}

impl EngineError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            EngineError::UnknownRuntime { kind, available } => Explanation::new(
                format!("runtime kind \"{kind}\" is not in this build (it has: {available})"),
                format!("set `[runtime] kind` to one of these, or build with `--features {kind}`"),
            ),
            EngineError::NoLibrary { looked } => Explanation::new(
                format!("no LiteRT or TensorFlow Lite library could be opened; looked at: {looked}"),
                "set `[runtime] library` or the environment variable OCELLUS_RUNTIME_LIB to its path, or run \
                 `make setup`",
            ),
            EngineError::Read { model, path, source } => Explanation::new(
                format!("model {model}: cannot read {}: {source}", path.display()),
                format!("check `path` in [model.{model}]"),
            ),
            EngineError::Digest { model, path, expected, actual } => Explanation::new(
                format!("model {model}: {} has SHA-256 {actual}, the card says {expected}", path.display()),
                "copy the right file, or correct `sha256` in the card",
            ),
            EngineError::File { model, path, source } => {
                source.explanation().within(format!("model {model}: {}", path.display()))
            }
            EngineError::Stub { model, path, source } => {
                Explanation::new(format!("model {model}: {}: {source}", path.display()), "")
            }
            EngineError::NoTask { model } => Explanation::new(
                format!("model {model}: its task is not known"),
                format!(
                    "write `task = \"classify\"` (or ssd, blazeface, yolo, embed, segment, upscale) into the card or into \
                     [model.{model}]"
                ),
            ),
            EngineError::LabelsFile { model, source } => Explanation::new(
                format!("model {model}: the labels file {} {}", source.path.display(), source.fault),
                source.fault.remedy(),
            ),
            EngineError::Misfit { model, path, task, faults } => Explanation::new(
                format!("model {model}: {} does not fit task {}: {faults}", path.display(), word(*task)),
                faults.remedy(),
            ),
            EngineError::WrongTask { model, task, needed } => Explanation::new(
                format!(
                    "model {model}: its task is {}, but a model of task {} is needed here",
                    word(*task),
                    word(*needed)
                ),
                "name another model, or correct the card's `task`",
            ),
            EngineError::Delegate { model, cause } => Explanation::new(
                format!("model {model}: {cause}"),
                format!(
                    "install the delegate of this board's accelerator and its driver, set runtime.library to the TensorFlow Lite \
                     library that it was built for, or remove `delegate` from [model.{model}]"
                ),
            ),
            EngineError::Compile { model, path, cause, operators } => Explanation::new(
                format!("model {model}: the runtime cannot run {}: {cause}{operators}", path.display()),
                "convert the model for this runtime",
            ),
            EngineError::Coverage { model, path, least, coverage } => Explanation::new(
                format!(
                    "model {model}: {} fell back to the CPU: {coverage}; at least {} % are demanded",
                    path.display(),
                    (least * 100.0).ceil()
                ),
                "convert the model for the accelerator, mend the accelerator's library, or lower `min_coverage`",
            ),
        }
    }
}

impl EngineError {
    /// The key that a person has to look at, full as in `model.scene.path`.
    pub fn key(&self) -> String {
        let (model, key) = match self {
            EngineError::UnknownRuntime { .. } => return "runtime.kind".into(),
            EngineError::NoLibrary { .. } => return "runtime.library".into(),
            EngineError::Read { model, .. }
            | EngineError::File { model, .. }
            | EngineError::Stub { model, .. }
            | EngineError::Compile { model, .. } => (model, "path"),
            EngineError::Delegate { model, .. } => (model, "delegate"),
            EngineError::Coverage { model, .. } => (model, "min_coverage"),
            EngineError::Digest { model, .. } => (model, "sha256"),
            EngineError::LabelsFile { model, .. } => (model, "labels_file"),
            EngineError::Misfit { model, faults, .. } => (model, faults.key.unwrap_or("task")),
            EngineError::NoTask { model } | EngineError::WrongTask { model, .. } => (model, "task"),
        };
        format!("model.{model}.{key}")
    }
}

/// The mismatches, one entry for each tensor or card key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misfits {
    /// The entries. Never empty.
    pub entries: Vec<String>,
    /// The card's key that is wrong, where one is: else its `task` is not the model's.
    pub key: Option<&'static str>,
}

impl Misfits {
    /// Tensors that are not those of the task.
    pub(crate) fn of_tensors(entries: impl IntoIterator<Item = String>) -> Misfits {
        Misfits { entries: entries.into_iter().collect(), key: None }
    }

    /// One entry about the tensors.
    pub(crate) fn one(text: impl Into<String>) -> Misfits {
        Misfits::of_tensors([text.into()])
    }

    /// What is wrong with one key of the card.
    pub(crate) fn of_key(key: &'static str, text: impl std::fmt::Display) -> Misfits {
        Misfits { entries: vec![format!("key {key}: {text}")], key: Some(key) }
    }

    /// Joins both lists. Names a card key only where both do, because misfits of tensors must be checked
    /// first.
    pub(crate) fn and(mut self, other: Misfits) -> Misfits {
        self.entries.extend(other.entries);
        self.key = self.key.and(other.key);
        self
    }

    fn remedy(&self) -> String {
        match self.key {
            Some(key) => format!("correct `{key}`"),
            None => "correct the card's `task`, or use another model".into(),
        }
    }
}

impl std::fmt::Display for Misfits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.entries.join("; "))
    }
}

/// The task's word in cards.
pub(crate) fn word(task: Task) -> &'static str {
    match task {
        Task::Classify => "classify",
        Task::Ssd => "ssd",
        Task::BlazeFace => "blazeface",
        Task::Yolo => "yolo",
        Task::Embed => "embed",
        Task::Segment => "segment",
        Task::Upscale => "upscale",
    }
}

//! Why a runtime or a model cannot be used, with what to do next.

use std::path::PathBuf;

use crate::Task;
use ocellus_text::TextFileError;

use super::file::FileError;
use super::stub::StubError;

/// A runtime could not be opened, or a model was refused.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The configuration names a runtime that does not exist or was not compiled in.
    #[error(
        "runtime kind \"{kind}\" is not in this build (it has: {available}); set `[runtime] kind` to one of \
         these, or build with `--features {kind}`"
    )]
    UnknownRuntime {
        /// The name in the configuration.
        kind: String,
        /// What this build has.
        available: String,
    },
    /// No searched path has a library that could be opened.
    #[error(
        "no LiteRT or TensorFlow Lite library could be opened; looked at: {looked}. Set `[runtime] library` or \
         the environment variable OCELLUS_RUNTIME_LIB to its path, or run `make setup`"
    )]
    NoLibrary {
        /// Every place, each with what happened there.
        looked: String,
    },
    /// A library was opened, but is not usable.
    #[error("runtime library {}: {cause}; use the library of the wheel ai-edge-litert 2.3.0", path.display())]
    BadLibrary {
        /// The library that was opened.
        path: PathBuf,
        /// The message of the runtime.
        cause: String,
    },
    /// The model file could not be read.
    #[error("model {model}: cannot read {}: {source}; check `path` in [model.{model}]", path.display())]
    Read {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file's digest differs from the one in the card.
    #[error(
        "model {model}: {} has SHA-256 {actual}, the card says {expected}; copy the right file, or correct \
         `sha256` in the card", path.display()
    )]
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
    #[error("model {model}: {}: {source}", path.display())]
    File {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// What is wrong inside.
        source: FileError,
    },
    /// The stub's description is not valid.
    #[error("model {model}: {}: {source}", path.display())]
    Stub {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// What is wrong inside.
        source: StubError,
    },
    /// Neither card, metadata nor configuration name the model's task.
    #[error(
        "model {model}: its task is not known; write `task = \"classify\"` (or ssd, blazeface, yolo, embed, \
         segment) into the card or into [model.{model}]"
    )]
    NoTask {
        /// The model's name in the configuration.
        model: String,
    },
    /// The labels file could not be read as text.
    #[error("model {model}: the labels file {source}")]
    LabelsFile {
        /// The model's name in the configuration.
        model: String,
        /// What is wrong, with the file and what to do.
        source: TextFileError,
    },
    /// Tensors or labels are not those of the task.
    #[error(
        "model {model}: {} does not fit task {task}: {faults}; {}",
        path.display(), .faults.remedy(), task = word(*task)
    )]
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
    #[error(
        "model {model}: its task is {task}, but a model of task {needed} is needed here; name another model, or \
         correct the card's `task`", task = word(*task), needed = word(*needed)
    )]
    WrongTask {
        /// The model's name in the configuration.
        model: String,
        /// The task that its card names.
        task: Task,
        /// The task that it needs here.
        needed: Task,
    },
    /// The runtime refuses the model.
    #[error(
        "model {model}: the runtime cannot run {}: {cause}{operators}; convert the model for this runtime",
        path.display()
    )]
    Compile {
        /// The model's name in the configuration.
        model: String,
        /// The path of the model's file.
        path: PathBuf,
        /// The message of the runtime.
        cause: String,
        /// The custom operators of the file, as words; empty where it has none.
        operators: String,
    },
}

impl EngineError {
    /// The key that a person has to look at, full as in `model.scene.path`.
    pub fn key(&self) -> String {
        let (model, key) = match self {
            EngineError::UnknownRuntime { .. } => return "runtime.kind".into(),
            EngineError::NoLibrary { .. } | EngineError::BadLibrary { .. } => {
                return "runtime.library".into();
            }
            EngineError::Read { model, .. }
            | EngineError::File { model, .. }
            | EngineError::Stub { model, .. }
            | EngineError::Compile { model, .. } => (model, "path"),
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
    }
}

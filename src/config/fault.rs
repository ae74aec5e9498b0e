//! Faults of a configuration: each has its place, its cause and its remedy.

use std::fmt;
use std::path::Path;

use serde::Serialize;

/// One fault of a file. `line` and `column` count from 1; both are 0 where the whole file is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file, as it was named by the caller.
    pub file: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in the line, in characters from 1.
    pub column: usize,
    /// The full key, e.g. `camera[0].detect.model`; empty where the file itself is at fault.
    pub key: String,
    /// What is wrong with the value or the file.
    pub reason: String,
    /// What to do next.
    pub remedy: String,
}

impl Fault {
    /// A fault of a file as a whole.
    pub(crate) fn whole(file: &Path, reason: impl Into<String>, remedy: impl Into<String>) -> Fault {
        Fault {
            file: file.display().to_string(),
            line: 0,
            column: 0,
            key: String::new(),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:", self.file)?;
        if self.line > 0 {
            write!(out, "{}:{}:", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(out, " {}:", self.key)?;
        }
        write!(out, " {}\n    next: {}", self.reason, self.remedy)
    }
}

/// Every fault of a configuration, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            write!(out, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

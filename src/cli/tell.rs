//! What a subcommand has to say: words for people, an object for programs, and an exit code for scripts.

use std::io::Write;

use serde_json::{Value, json};

use crate::config::Faults;

/// A line or more for people, and the same as an object.
#[derive(Debug)]
pub(super) struct Told {
    pub words: String,
    pub json: Value,
    /// What was found is printed, and yet it is a failure.
    pub fault: Option<anyhow::Error>,
}

impl Told {
    pub fn new(words: impl Into<String>, json: Value) -> Told {
        Told { words: words.into(), json, fault: None }
    }
}

/// Prints the outcome on standard output: as JSON where that was asked for, also an error's.
pub(super) fn tell(as_json: bool, outcome: anyhow::Result<Told>) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match outcome {
        Ok(Told { words, json, fault }) => {
            match as_json {
                true => writeln!(out, "{json}")?,
                false => writeln!(out, "{words}")?,
            }
            fault.map_or(Ok(()), Err)
        }
        Err(error) => {
            if as_json {
                let faults = error.downcast_ref::<Faults>();
                let told = json!({ "ok": false, "error": chain(&error), "faults": faults });
                writeln!(out, "{told}")?;
            }
            Err(error)
        }
    }
}

/// `1 picture`, `2 pictures`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The error with its causes. Most of ours tell their cause themselves: none is told twice.
pub(super) fn chain(error: &anyhow::Error) -> String {
    let mut told = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !told.contains(&cause) {
            told.push_str(": ");
            told.push_str(&cause);
        }
    }
    told
}

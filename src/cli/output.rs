//! The output of a subcommand: text for people, an object for programs, and an exit code for scripts.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::config::Faults;
use crate::control::{AskError, ControlRefusal};
use crate::types::{Refusal, Reply};

/// One or more lines for people, and the same as an object.
#[derive(Debug)]
pub(super) struct CliOutput {
    pub words: String,
    pub json: Value,
    /// A failure whose findings are printed all the same.
    pub fault: Option<anyhow::Error>,
}

impl CliOutput {
    pub fn new(words: impl Into<String>, json: Value) -> CliOutput {
        CliOutput { words: words.into(), json, fault: None }
    }
}

/// Prints the outcome, even an error, on standard output; as JSON if requested.
pub(super) fn output(as_json: bool, outcome: anyhow::Result<CliOutput>) -> anyhow::Result<()> {
    match outcome {
        Ok(CliOutput { words, json, fault }) => {
            match as_json {
                true => print(json)?,
                false => print(words)?,
            }
            fault.map_or(Ok(()), Err)
        }
        Err(error) => {
            if as_json {
                let faults = error.downcast_ref::<Faults>();
                let output = json!({ "ok": false, "error": chain(&error), "faults": faults });
                print(output)?;
            }
            Err(error)
        }
    }
}

/// Prints one or more lines on standard output. Errors: the disk is full, and the like.
pub(super) fn print(text: impl Display) -> std::io::Result<()> {
    print_bytes(format!("{text}\n").as_bytes())
}

/// Prints raw bytes. A reader that needs no more (`| head -1`) has closed the pipe: that is not an error, and
/// the exit code stays that of the command.
pub(super) fn print_bytes(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Prints a line on standard error. If that fails, there is nowhere to report it.
pub(super) fn complain(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A number with its noun: `1 picture`, `2 pictures`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The remedy in terms of the command line, where the service's remedy names a field of its request.
fn own_remedy(code: &str) -> Option<&'static str> {
    match code {
        "already_enrolled" => Some(
            "add the pictures to that person (`ocellus faces add`), or use --as-new if it is another person",
        ),
        "which_camera" => Some("name one with --camera NAME"),
        _ => None,
    }
}

/// The service's answer to a request; refusals get the remedies of the command line.
pub(super) fn asked<T>(answer: Result<T, AskError>) -> Result<T, AskError> {
    answer.map_err(|error| match error {
        AskError::Refused(failure) => {
            let remedy = own_remedy(&failure.code).map_or(failure.remedy, str::to_owned);
            AskError::Refused(ControlRefusal { remedy, ..failure })
        }
        other => other,
    })
}

/// The words that `words` makes of an answer, and the answer itself as an object for programs.
pub(super) fn answered<T: DeserializeOwned>(
    json: Value,
    words: impl FnOnce(&T) -> String,
) -> anyhow::Result<CliOutput> {
    Ok(CliOutput::new(words(&T::deserialize(&json)?), with_ok(json)))
}

/// An object of our own for programs, with `ok` in it.
pub(super) fn ok(answer: &impl Serialize) -> anyhow::Result<Value> {
    Ok(with_ok(serde_json::to_value(answer)?))
}

fn with_ok(mut json: Value) -> Value {
    if let Some(keys) = json.as_object_mut() {
        keys.insert("ok".into(), true.into());
    }
    json
}

/// The same for an answer that this process made without a service.
pub(super) fn done<A>(reply: Reply<A>) -> Reply<A> {
    reply.map_err(|refusal| {
        let remedy = own_remedy(refusal.code).map(str::to_owned);
        Refusal { remedy: remedy.unwrap_or(refusal.remedy), ..refusal }
    })
}

/// The error with its causes. Most messages contain their cause already; none is repeated.
pub(super) fn chain(error: &anyhow::Error) -> String {
    let mut output = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !output.contains(&cause) {
            output.push_str(": ");
            output.push_str(&cause);
        }
    }
    output
}

//! What an examination found: for each check a state, where it looked, the cause and the remedy.

use serde::{Deserialize, Serialize};

use crate::types::Explanation;

/// How serious a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work, or not as configured.
    Fault,
    /// It works, but it should be looked at.
    Warning,
    /// All is well here.
    Ok,
}

impl Severity {
    /// The word that stands for it in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Fault => "fault",
            Severity::Warning => "warning",
            Severity::Ok => "ok",
        }
    }
}

/// One thing that a check has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How serious it is.
    pub state: Severity,
    /// Where: a path, an address, a key of the configuration; may be empty.
    pub place: String,
    /// The cause and the remedy; where all is well, what was found.
    pub what: Explanation,
}

impl Note {
    /// All is well at `place`: `found` says what was seen there.
    pub fn ok(place: impl Into<String>, found: impl Into<String>) -> Note {
        Note { state: Severity::Ok, place: place.into(), what: Explanation::new(found, "") }
    }

    /// Something at `place` should be looked at.
    pub fn warning(place: impl Into<String>, what: Explanation) -> Note {
        Note { state: Severity::Warning, place: place.into(), what }
    }

    /// Something at `place` does not work.
    pub fn fault(place: impl Into<String>, what: Explanation) -> Note {
        Note { state: Severity::Fault, place: place.into(), what }
    }
}

/// The result of one check, as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// What was examined, such as `camera/front`, `broker`, `disk/state` or `clock`.
    pub check: String,
    /// How serious the result is.
    pub state: Severity,
    /// Whether the check did not end in time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hangs: bool,
    /// Where: a path, an address, a key of the configuration; may be empty.
    pub place: String,
    /// The cause; where all is well, what was found.
    pub cause: String,
    /// What to do next; empty where nothing is to be done.
    pub remedy: String,
    /// How long the check took, milliseconds.
    pub took_ms: u64,
}

/// The whole report of an examination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whether no fault was found.
    pub ok: bool,
    /// The version of this program.
    pub version: String,
    /// When the examination began, RFC 3339 in UTC.
    pub time: String,
    /// Whether a service runs and has answered.
    pub service: bool,
    /// How many faults were found.
    pub faults: usize,
    /// How many warnings there are.
    pub warnings: usize,
    /// How long the whole examination took, milliseconds.
    pub took_ms: u64,
    /// Every result: faults first, then warnings.
    pub checks: Vec<CheckResult>,
}

impl Report {
    /// The report of `checks`, which began at `time`.
    pub fn new(time: String, service: bool, took_ms: u64, mut checks: Vec<CheckResult>) -> Report {
        checks.sort_by(|a, b| (a.state, &a.check).cmp(&(b.state, &b.check)));
        let of = |state| checks.iter().filter(|check| check.state == state).count();
        let (faults, warnings) = (of(Severity::Fault), of(Severity::Warning));
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Report { ok: faults == 0, version, time, service, faults, warnings, took_ms, checks }
    }
}

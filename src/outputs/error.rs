//! Why a command was refused or failed: the value, its limit, the channel and its age are named.

use crate::config::ValueFault;
use crate::types::{Explanation, Refusal};

/// Why a command was refused, or failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OutputError {
    /// No command of the configuration has this name.
    #[error("there is no command {name:?}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A parameter without a default has no value.
    #[error("{command}: {parameter} has no value")]
    NoValue {
        /// Name of the command.
        command: String,
        /// Name of the parameter.
        parameter: String,
        /// The values that it allows, for people.
        allowed: String,
    },
    /// A value for a parameter that does not exist.
    #[error("{command} has no parameter {parameter:?}")]
    NoParameter {
        /// Name of the command.
        command: String,
        /// Name of the parameter that was given.
        parameter: String,
        /// The names that exist.
        known: String,
    },
    /// A value that is not allowed.
    #[error("{command}: {parameter} {fault}{unit}")]
    Value {
        /// Name of the command.
        command: String,
        /// Name of the parameter.
        parameter: String,
        /// What is wrong with the value.
        fault: Box<ValueFault>,
        /// The unit of the value, after a space; may be empty.
        unit: String,
    },
    /// The requester's role is too low.
    #[error("{command} takes the role {least}, and this request has the role {has}")]
    NotAllowed {
        /// Name of the command.
        command: String,
        /// The role of the requester.
        has: &'static str,
        /// The role that it takes.
        least: &'static str,
    },
    /// A condition of the interlock does not hold.
    #[error("{command} is locked: {reasons}")]
    Interlock {
        /// Name of the command.
        command: String,
        /// The conditions that do not hold, with their readings.
        reasons: String,
    },
    /// Its output is being turned off.
    #[error("{command} is being turned off ({cause})")]
    TurningOff {
        /// Name of the command.
        command: String,
        /// Why it is turned off.
        cause: String,
    },
    /// Too many requests wait.
    #[error("too many requests for {command} wait")]
    Busy {
        /// Name of the command.
        command: String,
    },
    /// Too many requests wait until it is confirmed to be off, which goes on.
    #[error("{command} is being turned off, and too many requests wait to learn how that ends")]
    OffBusy {
        /// Name of the command.
        command: String,
    },
    /// The command has no message that turns it off.
    #[error("{command} cannot be turned off")]
    NoOff {
        /// Name of the command.
        command: String,
    },
    /// That it is on cannot be stored, so it is not turned on.
    #[error("{command} was not turned on, because that cannot be stored: {cause}")]
    NotStored {
        /// Name of the command.
        command: String,
        /// The error of the store.
        cause: String,
    },
    /// Outputs of an earlier start are not read yet.
    #[error("the outputs of the last start are not known yet: {cause}")]
    NotReady {
        /// The error of the store.
        cause: String,
    },
    /// The message did not reach the instrument: nothing has changed.
    #[error("{command} was not sent: {}", .cause.cause)]
    NotSent {
        /// Name of the command.
        command: String,
        /// Why not, and what to do.
        cause: Explanation,
    },
    /// The message may have reached the instrument, and was not confirmed.
    #[error("{command} was not confirmed: {}{}", .cause.cause, if *.turned_off { "; its output is turned off" } else { "" })]
    NotConfirmed {
        /// Name of the command.
        command: String,
        /// Why not, and what to do.
        cause: Explanation,
        /// Whether its output is turned off because of it.
        turned_off: bool,
    },
    /// Turning off was not confirmed at the first attempt.
    #[error("not confirmed to be off: {causes}; it is tried again until it is confirmed")]
    StillOn {
        /// Each command with the cause.
        causes: String,
    },
    /// The service is about to end.
    #[error("the service is stopping")]
    Stopping,
}

impl OutputError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            OutputError::Unknown { .. } => "unknown_command",
            OutputError::NoValue { .. } => "no_value",
            OutputError::NoParameter { .. } => "unknown_parameter",
            OutputError::Value { .. } => "out_of_limits",
            OutputError::NotAllowed { .. } => "not_allowed",
            OutputError::Interlock { .. } => "interlock_open",
            OutputError::TurningOff { .. } => "turning_off",
            OutputError::Busy { .. } | OutputError::OffBusy { .. } => "busy",
            OutputError::NoOff { .. } => "no_off",
            OutputError::NotStored { .. } => "not_stored",
            OutputError::NotReady { .. } => "not_ready",
            OutputError::NotSent { .. } => "not_sent",
            OutputError::NotConfirmed { .. } => "not_confirmed",
            OutputError::StillOn { .. } => "still_on",
            OutputError::Stopping => "stopping",
        }
    }

    fn remedy(&self) -> String {
        match self {
            OutputError::Unknown { known, .. } if known.is_empty() => {
                "the configuration has no [[command]]".into()
            }
            OutputError::Unknown { known, .. } => format!("there are: {known}"),
            OutputError::NoValue { parameter, allowed, .. } => format!("give {parameter}: {allowed}"),
            OutputError::NoParameter { known, .. } if known.is_empty() => "it takes no values".into(),
            OutputError::NoParameter { known, .. } => format!("it takes: {known}"),
            OutputError::Value { .. } => "give an allowed value; nothing was sent".into(),
            OutputError::NotAllowed { .. } => "ask a user with that role".into(),
            OutputError::Interlock { .. } => "bring it within its limits and run the command again".into(),
            OutputError::TurningOff { .. } => "wait until it is confirmed to be off".into(),
            OutputError::Busy { .. } => "try again in a moment".into(),
            OutputError::OffBusy { .. } => "read its state: `ocellus command list`".into(),
            OutputError::NoOff { .. } => "add off = \"…\" to its [[command]]".into(),
            OutputError::NotStored { .. } => "see the alarms about the store and the disk".into(),
            OutputError::NotReady { .. } => "try again when the store is open".into(),
            OutputError::NotSent { cause, .. } | OutputError::NotConfirmed { cause, .. } => {
                cause.remedy.to_string()
            }
            OutputError::StillOn { .. } => "turn it off at the instrument, and check its connection".into(),
            OutputError::Stopping => "try again when it has started".into(),
        }
    }

    /// The refusal that the requester gets.
    pub fn refusal(&self) -> Refusal {
        Refusal::new(self.code(), self.to_string(), self.remedy())
    }
}

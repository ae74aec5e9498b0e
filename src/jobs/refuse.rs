//! Refusals of the queue as those of a command: with a code for programs.

use crate::jobqueue::{AddError, ControlError};
use crate::types::{Details, Explanation, Refusal};

/// The refusal of a job or workflow that is not admitted.
pub(super) fn not_added(error: &AddError) -> Refusal {
    let code = match error {
        AddError::Full { waiting, max, retry_after_s, .. } => {
            return full(error.to_string(), *waiting, *max, *retry_after_s);
        }
        AddError::Draining => "draining",
        AddError::Name { .. } => "bad_name",
        AddError::UnknownKind { .. } => "bad_kind",
        AddError::UnknownParents { .. } => "unknown_job",
        AddError::ParentEnded { .. } => "parent_ended",
        _ => "bad_job",
    };
    Refusal::new(code, error.to_string(), "")
}

/// The refusal of what cannot be done with a job.
pub(super) fn not_done(error: &ControlError) -> Refusal {
    let code = match error {
        ControlError::Full { waiting, max, retry_after_s, .. } => {
            return full(error.to_string(), *waiting, *max, *retry_after_s);
        }
        ControlError::Unknown { .. } => "unknown_job",
        ControlError::UnknownWorkflow { .. } => "unknown_workflow",
        _ => "not_possible",
    };
    Refusal::new(code, error.to_string(), "")
}

fn full(message: String, waiting: usize, max: usize, retry_after_s: u64) -> Refusal {
    let details = Details::Full { waiting: waiting as u64, max: max as u64, retry_after_s };
    Refusal::new("queue_full", message, "").with(details)
}

/// The refusal of a change that is not on disk, and therefore did not happen.
pub(super) fn not_stored(why: &Explanation) -> Refusal {
    Refusal::explained("not_stored", why.clone().within("nothing was changed"))
}

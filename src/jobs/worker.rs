//! A worker: a thread of the lowest priority that carries out one attempt after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::kind::{JobDone, JobFailure};
use super::service::{JobsService, Message};
use super::task::Task;
use crate::jobqueue::{Claim, Outcome, Retry};
use crate::supervisor::{Beat, Stop, lower_priority, panic_text};

impl JobsService {
    /// Carries out attempts until `stop`; one that is under way then is given back, which costs it nothing.
    pub fn work(&self, stop: &Stop, beat: &Beat) {
        lower_priority();
        while !stop.is_stopped() {
            beat.beat();
            let Some(claim) = self.work.take() else { continue };
            let (outcome, made) = self.carry_out(&claim, stop);
            // The inbox lives as long as this.
            if let Some(outcome) = outcome {
                let _ = self.sender.send(Message::Outcome { token: claim.token, outcome });
            }
            // Those that no answer names are removed: the attempt failed, or its end came too late.
            if self.removes_files && !made.is_empty() {
                let _ = self.sender.send(Message::Lying { paths: made });
            }
        }
    }

    /// Carries out one attempt. Gives its end, `None` where it was completed with a kept answer, and the files that it made.
    fn carry_out(&self, claim: &Claim, stop: &Stop) -> (Option<Outcome>, Vec<String>) {
        let Some(kind) = self.kinds.iter().find(|kind| *kind.name() == *claim.kind) else {
            let text =
                format!("this box does no jobs of kind {}: see [jobs] in the configuration", claim.kind);
            return (Some(Outcome::Failed { text, retry: Retry::Never }), Vec::new());
        };
        let task = Task::new(claim, &**kind, stop, &self.sender);
        // A fault of the program in one job must not take the worker from the others.
        let done = catch_unwind(AssertUnwindSafe(|| kind.run(&task)));
        let outcome = match done {
            Ok(Ok(JobDone::Kept)) => None,
            Ok(Ok(JobDone::Made { result, cache_key })) => Some(match serde_json::to_vec(&result) {
                Ok(bytes) => Outcome::Completed { result: bytes.into(), cache_key },
                Err(error) => {
                    let text = format!("the answer cannot be written: {error}");
                    Outcome::Failed { text, retry: Retry::Never }
                }
            }),
            Ok(Err(JobFailure::Stopped)) => Some(Outcome::Stopped),
            Ok(Err(JobFailure::Later { after_ms })) => Some(Outcome::Released { after_ms }),
            Ok(Err(JobFailure::Failed { why, retry })) => {
                Some(Outcome::Failed { text: why.to_string(), retry })
            }
            Err(panic) => {
                let text = format!("a fault of the program: {}; please report it", panic_text(&*panic));
                tracing::error!(job = claim.token.job().0, "jobs: {text}");
                Some(Outcome::Failed { text, retry: Retry::Backoff })
            }
        };
        (outcome, task.into_made())
    }
}

//! How far running work is, and how long its steps take.

use std::sync::Arc;

use super::{Queue, Token};
use crate::error::ProgressError;
use crate::job::{Doing, Facts, JobId, Run, StepTime};
use crate::names::{self, NameField};
use crate::time::{Now, signed};

/// The weight of the newest attempt in the mean length of attempts.
const NEWEST_WEIGHT: f64 = 0.2;

impl Queue {
    /// Takes the progress of an attempt: `fraction` from 0 to 1, and the step that is under way now; `None` for the same
    /// step as before. The time from one step to the next is the first one's.
    ///
    /// Costs no write, except once in `progress_ms`: what is stored is at most that old when progress is reported.
    pub fn progress(
        &mut self,
        now: Now,
        token: Token,
        fraction: f32,
        step: Option<&str>,
    ) -> Result<(), ProgressError> {
        self.check_token(token).inspect_err(|_| self.meta.totals.stale += 1)?;
        let id = token.id;
        if !(0.0..=1.0).contains(&fraction) {
            return Err(ProgressError::Fraction { id, fraction });
        }
        let bounds = &self.settings.bounds;
        if let Some(step) = step {
            names::check_name(NameField::Step, step, bounds.name_chars)
                .map_err(|error| ProgressError::Step { id, error })?;
        }
        let (steps, progress_ms) = (bounds.steps, signed(self.settings.progress_ms));
        // Nothing of this changes where the job is found.
        let Some(job) = self.jobs.get_mut(&id) else { return Ok(()) };
        let Doing::Running(run) = &mut job.doing else { return Ok(()) };
        job.facts.fraction = fraction;
        if let Some(step) = step.filter(|step| job.facts.step.as_deref() != Some(step)) {
            close_step(&mut job.facts, run, now.mono_ms(), steps);
            job.facts.step = Some(Arc::from(step));
        }
        if now.mono_ms().saturating_sub(run.saved_ms) >= progress_ms {
            run.saved_ms = now.mono_ms();
            self.stage(id);
        }
        Ok(())
    }

    /// The attempt is over: its last step and its whole time are known.
    pub(super) fn close_run(&mut self, now: Now, id: JobId) {
        let steps = self.settings.bounds.steps;
        let total_ms = self.edit(id, |job| {
            let Doing::Running(run) = &mut job.doing else { return None };
            close_step(&mut job.facts, run, now.mono_ms(), steps);
            let total_ms = u64::try_from(now.mono_ms() - run.started_ms).unwrap_or(0);
            job.facts.total_ms = total_ms;
            Some(total_ms)
        });
        if let Some(total_ms) = total_ms.flatten() {
            let newest = total_ms as f64;
            let mean = self.mean_run_ms.map_or(newest, |mean| mean + NEWEST_WEIGHT * (newest - mean));
            self.mean_run_ms = Some(mean);
        }
    }
}

/// Adds the time since the last step began to it. Beyond `most` steps the times go to "other".
pub(super) fn close_step(facts: &mut Facts, run: &mut Run, mono_ms: i64, most: usize) {
    let ms = u64::try_from(mono_ms - run.step_since_ms).unwrap_or(0);
    run.step_since_ms = mono_ms;
    let Some(step) = facts.step.clone() else { return };
    let is_known = facts.times.iter().any(|time| time.step == step);
    let step = if is_known || facts.times.len() + 1 < most { step } else { Arc::from("other") };
    match facts.times.iter_mut().find(|time| time.step == step) {
        Some(time) => time.ms += ms,
        None => facts.times.push(StepTime { step, ms }),
    }
}

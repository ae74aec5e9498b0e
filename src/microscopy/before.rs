//! What is decided before a run begins: what an earlier run completed, whether it was the same, whether there is space.

use std::path::Path;

use super::RunError;
use super::fov::FovRun;
use super::journal::{Header, Record, Recorded};
use super::plan::{Plan, Step};
use crate::config::Experiment;
use crate::timelapse::tables::worker_ranges;

/// Space that stays free beside the results, bytes.
const RESERVE: u64 = 16 << 20;

/// Which steps of a field of view an earlier run completed. Returns the records that stay true.
pub fn skip(plan: &mut Plan, at: usize, fov: &FovRun, known: &Recorded) -> Vec<Record> {
    let number = fov.shape.fov;
    if let Some(record) = known.complete(number)
        && fov.paths.file("traces.csv").is_file()
    {
        Step::ALL.into_iter().for_each(|step| plan.skip(at, step));
        return vec![record.clone()];
    }
    let mut kept = Vec::new();
    for step in [Step::Copy, Step::Segment, Step::Background, Step::Track] {
        if known.has_step(number, step) && fov.reopen(step) {
            plan.skip(at, step);
            kept.push(Record::Step { fov: number, step });
        }
    }
    kept
}

/// Refuses other parameters and other input than those of the journal.
pub fn same(was: &Header, is: &Header) -> Result<(), RunError> {
    let names = was.parameters.keys().chain(is.parameters.keys());
    for name in names {
        let (old, new) = (was.parameters.get(name), is.parameters.get(name));
        if old != new {
            let show =
                |value: Option<&serde_json::Value>| value.map_or("not set".into(), |value| value.to_string());
            return Err(RunError::OtherParameter { name: name.clone(), was: show(old), is: show(new) });
        }
    }
    if was.shard != is.shard {
        let show =
            |shard: Option<[usize; 2]>| shard.map_or("none".into(), |[number, of]| format!("{number}/{of}"));
        return Err(RunError::OtherParameter {
            name: "shard".into(),
            was: show(was.shard),
            is: show(is.shard),
        });
    }
    for old in &was.inputs {
        match is.inputs.iter().find(|new| new.path == old.path) {
            Some(new) if new.sha256 == old.sha256 => {}
            other => {
                let is = other.map_or("not part of the stack".into(), |new| new.sha256.clone());
                return Err(RunError::OtherInput { path: old.path.clone(), was: old.sha256.clone(), is });
            }
        }
    }
    match is.inputs.iter().find(|new| !was.inputs.iter().any(|old| old.path == new.path)) {
        None => Ok(()),
        Some(new) => Err(RunError::OtherInput {
            path: new.path.clone(),
            was: "not part of the stack".into(),
            is: new.sha256.clone(),
        }),
    }
}

/// Refuses a run whose results do not fit. Label images and tables are small beside the stacks.
pub fn check_space(experiment: &Experiment, fovs: &[FovRun], out: &Path) -> Result<(), RunError> {
    let stacks = fovs.iter().map(FovRun::stack_bytes);
    // Stacks that do not stay take the space of the fields of view that are under way.
    let needed: u64 = match experiment.output.stacks {
        true => stacks.sum(),
        false => {
            let mut sizes: Vec<u64> = stacks.collect();
            sizes.sort_unstable_by(|one, next| next.cmp(one));
            sizes.iter().take(experiment.batch_size).sum()
        }
    };
    let needed = needed + RESERVE;
    let found = rustix::fs::statvfs(out).map_err(|error| RunError::io("look at", out, error.into()))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    match free < needed {
        true => Err(RunError::NoSpace { out: out.to_owned(), needed, free }),
        false => Ok(()),
    }
}

/// The fields of view of share `number` (from 1) of `of`: contiguous, the first shares one longer.
pub fn share(fovs: &[usize], number: usize, of: usize) -> Vec<usize> {
    let ranges = worker_ranges(fovs.len(), of);
    ranges.into_iter().nth(number.saturating_sub(1)).map_or_else(Vec::new, |range| fovs[range].to_vec())
}

/// A name for a run: when it began (UTC), and the process.
pub fn new_id() -> String {
    let now = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
    format!("{}-{}", now.strftime("%Y%m%d-%H%M%S"), std::process::id())
}

//! Runs checks side by side, and waits for none of them beyond its time.

use std::time::{Duration, Instant};

use super::report::{CheckResult, Note, Severity};
use crate::supervisor::{JoinError, spawn};
use crate::types::Explanation;

/// One check, ready to run on a thread of its own.
pub struct Check {
    name: String,
    place: String,
    patience: Duration,
    work: Box<dyn FnOnce() -> Vec<Note> + Send>,
}

impl Check {
    /// A check called `name` of what is at `place`. One that takes longer than `patience` is reported as hanging.
    pub fn new(
        name: impl Into<String>,
        place: impl Into<String>,
        patience: Duration,
        work: impl FnOnce() -> Vec<Note> + Send + 'static,
    ) -> Check {
        Check { name: name.into(), place: place.into(), patience, work: Box::new(work) }
    }
}

/// Runs all of `checks` at once, until `deadline` at the latest. A thread that hangs is left behind: it holds nothing that
/// others wait for, and ends with the process.
pub fn run(checks: Vec<Check>, deadline: Instant) -> Vec<CheckResult> {
    let begun = Instant::now();
    let mut results = Vec::new();
    let mut running = Vec::new();
    for Check { name, place, patience, work } in checks {
        let timed = move || {
            let begun = Instant::now();
            let notes = work();
            (notes, begun.elapsed())
        };
        match spawn("doctor", None, timed) {
            Ok(thread) => running.push((name, place, patience, thread)),
            Err(error) => {
                let note = Note::fault(place, Explanation::new(error.to_string(), ""));
                results.push(result(&name, note, Duration::ZERO));
            }
        }
    }
    for (name, place, patience, thread) in running {
        let until = deadline.min(begun + patience);
        match thread.join_until(until) {
            Ok((notes, took)) => results.extend(notes.into_iter().map(|note| result(&name, note, took))),
            Err(JoinError::StillRunning) => {
                let took = begun.elapsed();
                let note = Note::fault(&place, hanging(&name, &place, until.duration_since(begun)));
                results.push(CheckResult { hangs: true, ..result(&name, note, took) });
            }
            Err(error @ JoinError::Panicked(_)) => {
                let what = Explanation::new(format!("the check {error}"), "please report this");
                results.push(result(&name, Note::fault(place, what), begun.elapsed()));
            }
        }
    }
    results
}

fn hanging(name: &str, place: &str, waited: Duration) -> Explanation {
    let at = if place.is_empty() { String::new() } else { format!(" at {place}") };
    Explanation::new(
        format!("the check {name}{at} hangs: no answer within {} s", waited.as_secs()),
        "see whether what it looks at hangs too: a network disk whose server is away, a device whose driver is stuck (`dmesg`)",
    )
}

fn result(name: &str, note: Note, took: Duration) -> CheckResult {
    let Note { state, place, what: Explanation { cause, remedy } } = note;
    let remedy = if state == Severity::Ok { String::new() } else { remedy };
    CheckResult {
        check: name.to_owned(),
        state,
        hangs: false,
        place,
        cause,
        remedy,
        took_ms: took.as_millis() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::Stop;

    #[test]
    fn a_check_that_hangs_or_panics_is_named_and_the_others_end() {
        let stop = Stop::new();
        let held = stop.clone();
        let patience = Duration::from_secs(60);
        let checks = vec![
            Check::new("nfs", "/mnt", Duration::from_millis(50), move || {
                held.wait(Duration::from_secs(600));
                Vec::new()
            }),
            Check::new("clumsy", "", patience, || panic!("sums must agree")),
            Check::new("fine", "here", patience, || vec![Note::ok("here", "it works")]),
        ];
        let results = run(checks, Instant::now() + patience);
        stop.stop();
        let of = |name: &str| results.iter().find(|result| result.check == name).unwrap();
        assert!(of("nfs").hangs && of("nfs").cause.contains("/mnt"), "{results:?}");
        assert!(of("clumsy").cause.contains("sums must agree"), "{results:?}");
        assert_eq!((of("fine").state, of("fine").hangs), (Severity::Ok, false));
    }
}

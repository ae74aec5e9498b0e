//! Judges every sample with two programs, on all cores, and compares the results.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::GoldenFault;
use super::samples::LabelledSample;
use crate::engine::EngineError;
use crate::inspection::{Inspector, Judged, Program, judge};
use crate::supervisor::spawn;
use crate::supervisor::usable_cores;
use crate::types::{Outcome, Verdict};

/// The program cannot be loaded, so that every sample ends as `error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct JudgeFault(pub String);

/// A program, or why it cannot be loaded.
pub(super) type Judge = Result<Arc<Program>, JudgeFault>;

/// The result for one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rating {
    pub outcome: Outcome,
    /// The regions that were not good, or why the sample could not be judged.
    pub why: String,
}

/// The results of one judge on all samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Score {
    /// Counts of ok, ng and error for good parts.
    pub good: [usize; 3],
    /// Counts of ok, ng and error for bad parts.
    pub bad: [usize; 3],
}

impl Score {
    pub fn of(samples: &[LabelledSample], ratings: &[Rating]) -> Score {
        let mut score = Score::default();
        for (sample, rating) in samples.iter().zip(ratings) {
            let row = if sample.is_good { &mut score.good } else { &mut score.bad };
            row[column(rating.outcome)] += 1;
        }
        score
    }

    /// Bad parts that were judged good.
    pub fn escapes(&self) -> usize {
        self.bad[0]
    }

    /// Good parts that were judged bad.
    pub fn false_calls(&self) -> usize {
        self.good[1]
    }

    /// Parts that could not be judged.
    pub fn errors(&self) -> usize {
        self.good[2] + self.bad[2]
    }

    /// Why this is worse than `current`: more escapes, or more errors, or as many escapes and more false
    /// calls.
    pub fn worse_than(&self, current: &Score) -> Option<String> {
        let more = |what: &str, ours: usize, theirs: usize| format!("{ours} {what} instead of {theirs}");
        let (escapes, errors) = (self.escapes(), self.errors());
        if escapes > current.escapes() {
            return Some(more("escapes", escapes, current.escapes()));
        }
        if errors > current.errors() {
            return Some(more("errors", errors, current.errors()));
        }
        let is_worse = escapes == current.escapes() && self.false_calls() > current.false_calls();
        is_worse.then(|| more("false calls", self.false_calls(), current.false_calls()))
    }
}

fn column(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Ok => 0,
        Outcome::Ng => 1,
        Outcome::Error | Outcome::Missed | Outcome::Overrun => 2,
    }
}

/// Judges every sample with both judges, and reads each picture once. One thread for each core, with separate
/// inspectors. Errors: a picture that cannot be read, a model that cannot be loaded.
pub(super) fn rate(samples: &[LabelledSample], judges: [Judge; 2]) -> anyhow::Result<[Vec<Rating>; 2]> {
    let work = Arc::new(RateJob { samples: samples.to_vec(), next: AtomicUsize::new(0), judges });
    let ratings = Arc::new(Mutex::new(vec![None; samples.len()]));
    let mut threads = Vec::new();
    for (at, _) in usable_cores().iter().enumerate().take(samples.len()) {
        let (work, ratings) = (work.clone(), ratings.clone());
        threads.push(spawn(&format!("qualify/{at}"), None, move || work.run(&ratings))?);
    }
    // All threads are joined before the first fault is reported.
    let outcomes: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
    for outcome in outcomes {
        outcome??;
    }
    let ratings = std::mem::take(&mut *ratings.lock());
    Ok(ratings.into_iter().flatten().map(|[current, candidate]| (current, candidate)).unzip().into())
}

/// Why a thread stopped early.
#[derive(Debug, thiserror::Error)]
enum RateError {
    #[error(transparent)]
    LabelledSample(#[from] GoldenFault),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

struct RateJob {
    samples: Vec<LabelledSample>,
    /// The first sample that no thread has taken.
    next: AtomicUsize,
    judges: [Judge; 2],
}

impl RateJob {
    fn run(&self, ratings: &Mutex<Vec<Option<[Rating; 2]>>>) -> Result<(), RateError> {
        let mut bench = [RateTools::new(&self.judges[0])?, RateTools::new(&self.judges[1])?];
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(sample) = self.samples.get(at) else { return Ok(()) };
            let read = sample.read(at as u64);
            if read.is_err() {
                // The other threads can stop, too.
                self.next.store(self.samples.len(), Ordering::Relaxed);
            }
            let (frame, text) = read?;
            let both = bench.each_mut().map(|bench| bench.rate(&frame, text.as_deref()));
            ratings.lock()[at] = Some(both);
        }
    }
}

/// One judge on one thread.
enum RateTools {
    Ready(Arc<Program>, Box<Inspector>),
    Not(JudgeFault),
}

impl RateTools {
    fn new(judge: &Judge) -> Result<RateTools, EngineError> {
        Ok(match judge {
            Ok(program) => RateTools::Ready(program.clone(), Box::new(program.inspector()?)),
            Err(why) => RateTools::Not(why.clone()),
        })
    }

    fn rate(&mut self, frame: &crate::types::Frame, text: Option<&str>) -> Rating {
        match self {
            RateTools::Ready(program, inspector) => rating(&judge(program, inspector, frame, text)),
            RateTools::Not(why) => Rating { outcome: Outcome::Error, why: why.to_string() },
        }
    }
}

fn rating(judged: &Judged) -> Rating {
    let not_good = judged.rois.iter().filter(|roi| roi.verdict != Verdict::Ok);
    let view = not_good.map(|roi| match &roi.error {
        Some(error) => format!("{} {error}", roi.name),
        None => format!("{} {} (limit {} {})", roi.name, roi.score, roi.threshold, roi.unit),
    });
    let why = judged.cause.as_deref().map_or_else(|| view.collect::<Vec<_>>().join("; "), str::to_owned);
    Rating { outcome: judged.outcome, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_escapes_or_errors_are_worse_and_false_calls_only_where_escapes_are_equal() {
        let score = |escapes, false_calls, errors| Score {
            good: [10 - false_calls, false_calls, errors],
            bad: [escapes, 10 - escapes, 0],
        };
        let worse = |candidate: Score| candidate.worse_than(&score(2, 3, 1));
        assert_eq!(worse(score(2, 3, 1)), None);
        assert_eq!(worse(score(1, 9, 1)), None);
        assert_eq!(worse(score(3, 0, 0)).as_deref(), Some("3 escapes instead of 2"));
        assert_eq!(worse(score(2, 4, 1)).as_deref(), Some("4 false calls instead of 3"));
        assert_eq!(worse(score(1, 3, 2)).as_deref(), Some("2 errors instead of 1"));
    }
}

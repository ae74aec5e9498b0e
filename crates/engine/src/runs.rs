//! Detects models that no longer run: each session counts the runs that failed in a row.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::{RunError, RuntimeError, Session, TensorInfo};
use ocellus_runtime::RunState;

/// Runs of a session that must fail in a row before it is built again. Three, because a single bad frame proves
/// nothing, and a camera that is triggered every few seconds should not lose many parts before anything is done.
pub const FAILED_IN_A_ROW: u32 = 3;

/// The runs of one session.
#[derive(Debug, Default)]
struct RunRecord {
    failed: AtomicU32,
    /// Whether a run has worked since the session was made.
    worked: AtomicBool,
    /// Why the last failed run failed.
    cause: Mutex<Option<RuntimeError>>,
}

impl RunRecord {
    fn cause(&self) -> MutexGuard<'_, Option<RuntimeError>> {
        self.cause.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Called after each run; a run that worked costs two loads.
    fn note(&self, outcome: &Result<(), RunError>) {
        match outcome {
            Ok(()) => {
                if self.failed.load(Ordering::Relaxed) > 0 {
                    self.failed.store(0, Ordering::Relaxed);
                }
                if !self.worked.load(Ordering::Relaxed) {
                    self.worked.store(true, Ordering::Relaxed);
                }
            }
            Err(error) => {
                *self.cause() = Some(error.cause.clone());
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn state(&self) -> RunState {
        match self.failed.load(Ordering::Relaxed) {
            0 if self.worked.load(Ordering::Relaxed) => RunState::Working,
            FAILED_IN_A_ROW.. => RunState::Failing,
            _ => RunState::Unsure,
        }
    }
}

/// The runs of one model's sessions.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<Vec<Weak<RunRecord>>>);

impl Runs {
    /// `session`, with its runs counted from now on.
    pub fn watch(&self, session: Box<dyn Session>) -> Box<dyn Session> {
        let record = Arc::new(RunRecord::default());
        let mut records = self.records();
        records.retain(|known| known.strong_count() > 0);
        records.push(Arc::downgrade(&record));
        Box::new(Watched { inner: session, record })
    }

    /// Why runs fail, where a session that is in use has failed more than [`FAILED_IN_A_ROW`] times in a row. Not at
    /// that number itself: there the session is replaced first.
    pub fn fault(&self) -> Option<String> {
        let records: Vec<_> = self.records().iter().filter_map(Weak::upgrade).collect();
        let failing = records.iter().find(|record| record.failed.load(Ordering::Relaxed) > FAILED_IN_A_ROW);
        failing.and_then(|record| record.cause().as_ref().map(RuntimeError::to_string))
    }

    fn records(&self) -> MutexGuard<'_, Vec<Weak<RunRecord>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A session whose runs are counted.
struct Watched {
    inner: Box<dyn Session>,
    record: Arc<RunRecord>,
}

impl Session for Watched {
    fn inputs(&self) -> &[TensorInfo] {
        self.inner.inputs()
    }

    fn outputs(&self) -> &[TensorInfo] {
        self.inner.outputs()
    }

    fn input_mut(&mut self, index: usize) -> &mut [u8] {
        self.inner.input_mut(index)
    }

    fn run(&mut self) -> Result<(), RunError> {
        let outcome = self.inner.run();
        self.record.note(&outcome);
        outcome
    }

    fn output(&self, index: usize) -> &[u8] {
        self.inner.output(index)
    }

    fn run_state(&self) -> RunState {
        self.record.state()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails while its switch is on.
    struct Switched(Arc<AtomicBool>);

    impl Session for Switched {
        fn inputs(&self) -> &[TensorInfo] {
            &[]
        }
        fn outputs(&self) -> &[TensorInfo] {
            &[]
        }
        fn input_mut(&mut self, _: usize) -> &mut [u8] {
            &mut []
        }
        fn run(&mut self) -> Result<(), RunError> {
            match self.0.load(Ordering::Relaxed) {
                true => Err(RunError { model: "m".into(), cause: "the accelerator is gone".into() }),
                false => Ok(()),
            }
        }
        fn output(&self, _: usize) -> &[u8] {
            &[]
        }
    }

    fn run(session: &mut Box<dyn Session>, times: u32) -> RunState {
        (0..times).for_each(|_| drop(session.run()));
        session.run_state()
    }

    #[test]
    fn a_session_fails_after_three_in_a_row_and_the_model_with_the_next_one() {
        let (runs, bad) = (Runs::default(), Arc::new(AtomicBool::new(true)));
        let mut session = runs.watch(Box::new(Switched(bad.clone())));
        assert_eq!(run(&mut session, FAILED_IN_A_ROW - 1), RunState::Unsure);
        assert_eq!(run(&mut session, 1), RunState::Failing);
        assert_eq!(runs.fault(), None, "the worker replaces the session first");
        run(&mut session, 1);
        assert_eq!(runs.fault().as_deref(), Some("the accelerator is gone"));
        bad.store(false, Ordering::Relaxed);
        assert_eq!((run(&mut session, 1), runs.fault()), (RunState::Working, None));
    }

    #[test]
    fn one_bad_session_among_good_ones_counts_until_it_is_dropped() {
        let (runs, good, bad) = (Runs::default(), Arc::default(), Arc::new(AtomicBool::new(true)));
        let mut one = runs.watch(Box::new(Switched(good)));
        let mut other = runs.watch(Box::new(Switched(bad)));
        run(&mut one, 1);
        run(&mut other, FAILED_IN_A_ROW + 1);
        run(&mut one, 1);
        assert!(runs.fault().is_some());
        drop(other);
        assert_eq!(runs.fault(), None);
    }
}

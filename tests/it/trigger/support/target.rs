//! A target whose acquisitions end as it is told: at once, on other threads in any order, or when the test says so.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};
use ocellus::inspection::AcquisitionLedger;
use ocellus::scheduler::Reorder;
use ocellus::trigger::{Counts, NotSelected, PortState, Pulled, Rejected, TargetState, TriggerTarget};
use ocellus::types::{
    AcquisitionId, Explanation, Inspection, InspectionLatency, OnComplete, Outcome, Stamp, Trigger,
};

use super::{DEADLINE, Random};

/// How acquisitions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Before `pull` returns.
    AtOnce,
    /// On two threads, in any order.
    Elsewhere,
    /// When the test calls [`FakeTarget::end`].
    OnCall,
    /// The camera is away: all are missed at once.
    Missed,
}

/// What the target has seen.
pub struct Seen {
    /// Each pull with the moment that was wanted, in order.
    pub pulls: Vec<(AcquisitionId, Trigger, Stamp)>,
    pub rejected: Rejected,
    pub ports: Vec<PortState>,
    pub products: Vec<String>,
    /// Numbers in the order in which their ends were told.
    pub reported: Vec<AcquisitionId>,
    ledger: AcquisitionLedger,
    /// Numbers begin at 1, tickets at 0.
    order: Reorder<(AcquisitionId, Reported)>,
    how: How,
}

impl Seen {
    pub fn counts(&self) -> Counts {
        self.ledger.counts()
    }
}

/// An end, and who is told.
type Reported = (Arc<Inspection>, Option<Arc<dyn OnComplete>>);
type Job = (AcquisitionId, Trigger, Option<Arc<dyn OnComplete>>);

pub struct FakeTarget {
    seen: Mutex<Seen>,
    changed: Condvar,
    jobs: Mutex<Option<Sender<Job>>>,
    held: Mutex<Vec<Job>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl FakeTarget {
    /// At most `most` acquisitions are under way at once.
    pub fn new(how: How, most: usize) -> Arc<FakeTarget> {
        let seen = Seen {
            pulls: Vec::new(),
            rejected: Rejected::default(),
            ports: Vec::new(),
            products: Vec::new(),
            reported: Vec::new(),
            ledger: AcquisitionLedger::new(1, most),
            order: Reorder::new(most),
            how,
        };
        let (jobs, wait) = unbounded();
        let target = Arc::new(FakeTarget {
            seen: Mutex::new(seen),
            changed: Condvar::new(),
            jobs: Mutex::new((how == How::Elsewhere).then_some(jobs)),
            held: Mutex::default(),
            workers: Mutex::default(),
        });
        if how == How::Elsewhere {
            let workers = (0..2).map(|worker| {
                let (target, wait) = (Arc::downgrade(&target), wait.clone());
                std::thread::spawn(move || {
                    work(worker, &wait, |job, outcome| {
                        if let Some(target) = target.upgrade() {
                            target.conclude(job, outcome);
                        }
                    })
                })
            });
            target.workers.lock().unwrap().extend(workers);
        }
        target
    }

    /// Waits until `holds`.
    pub fn wait(&self, what: &str, mut holds: impl FnMut(&Seen) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.seen.lock().unwrap();
        while !holds(&seen) {
            let left = deadline.checked_duration_since(Instant::now());
            let left = left.unwrap_or_else(|| {
                panic!(
                    "waited in vain for {what}: {:?}, {:?}, {:?}",
                    seen.counts(),
                    seen.rejected,
                    seen.ports
                )
            });
            seen = self.changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Looks at what was seen.
    pub fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// From now on they end so.
    pub fn become_so(&self, how: How) {
        self.seen.lock().unwrap().how = how;
    }

    /// Ends every acquisition that is held, the newest first.
    pub fn end(&self, outcome: Outcome) {
        let held = std::mem::take(&mut *self.held.lock().unwrap());
        for job in held.into_iter().rev() {
            self.conclude(job, outcome);
        }
    }

    fn conclude(&self, (id, trigger, on_complete): Job, outcome: Outcome) {
        let mut seen = self.seen.lock().unwrap();
        let inspection = Inspection {
            recording: None,
            experiment: None,
            id,
            camera: "front".into(),
            trigger,
            product: "bracket".into(),
            recipe_revision: 1,
            golden_revision: 0,
            frame: None,
            outcome,
            cause: None,
            pose: None,
            rois: Vec::new(),
            latency: InspectionLatency { total_us: 7, ..InspectionLatency::default() },
        };
        seen.ledger.end(id, outcome, 7).expect("each ends once");
        seen.order.complete(id - 1, (id, (Arc::new(inspection), on_complete)));
        while let Some((id, (inspection, on_complete))) = seen.order.pop() {
            seen.reported.push(id);
            if let Some(on_complete) = on_complete {
                on_complete.completed(&inspection);
            }
        }
        drop(seen);
        self.changed.notify_all();
    }
}

fn work(worker: u64, wait: &Receiver<Job>, conclude: impl Fn(Job, Outcome)) {
    let mut random = Random(worker + 1);
    let mut held: Vec<Job> = Vec::new();
    loop {
        // What is held has to go out before the worker waits without an end.
        let next = match held.is_empty() {
            true => wait.recv().ok(),
            false => wait.try_recv().ok(),
        };
        let idle = next.is_none();
        held.extend(next);
        if held.is_empty() {
            return;
        }
        if idle || held.len() > 5 {
            let job = held.swap_remove(random.below(held.len() as u64) as usize);
            conclude(job, Outcome::ALL[random.below(3) as usize]);
        }
    }
}

impl TriggerTarget for FakeTarget {
    fn pull(&self, trigger: Trigger, moment: Stamp, on_complete: Option<Arc<dyn OnComplete>>) -> Pulled {
        let mut seen = self.seen.lock().unwrap();
        let begun = seen.ledger.begin();
        seen.order.issue();
        seen.pulls.push((begun.id, trigger.clone(), moment));
        let how = seen.how;
        drop(seen);
        self.changed.notify_all();
        let job = (begun.id, trigger, on_complete);
        let taken = !begun.overrun && how != How::Missed;
        match how {
            _ if begun.overrun => self.conclude(job, Outcome::Overrun),
            How::Missed => self.conclude(job, Outcome::Missed),
            How::AtOnce => self.conclude(job, Outcome::Ok),
            How::Elsewhere => self.jobs.lock().unwrap().as_ref().unwrap().send(job).unwrap(),
            How::OnCall => self.held.lock().unwrap().push(job),
        }
        Pulled { id: begun.id, taken }
    }

    fn select(&self, product: &str) -> Result<(), NotSelected> {
        if product == "gone" {
            let cause = "there is no recipes/gone.toml\nknown: bracket";
            return Err(NotSelected::Recipe(Explanation::new(cause, "")));
        }
        self.seen.lock().unwrap().products.push(product.to_owned());
        Ok(())
    }

    fn state(&self) -> TargetState {
        let seen = self.seen.lock().unwrap();
        TargetState {
            ready: seen.how != How::Missed && seen.ledger.has_capacity(),
            product: seen.products.last().map(|product| product.as_str().into()),
            acknowledged: seen.pulls.last().map_or(0, |(id, ..)| *id),
            valid: seen.reported.last().copied().unwrap_or(0),
            counts: seen.counts(),
        }
    }

    fn rejected(&self, name: &str, rejected: &Rejected) {
        assert_eq!(name, "plc");
        self.seen.lock().unwrap().rejected.add(rejected);
        self.changed.notify_all();
    }

    fn port(&self, name: &str, state: PortState) {
        assert_eq!(name, "plc");
        self.seen.lock().unwrap().ports.push(state);
        self.changed.notify_all();
    }
}

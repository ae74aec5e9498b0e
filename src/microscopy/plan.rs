//! Which item of work is next: the steps of each field of view, cut into ranges of frames.
//!
//! ```text
//!  copy ──▶ segment ──▶ track ──▶ measure ──▶ table
//!              └──▶ background ──────┘
//! ```
//!
//! A range of a step may begin when the same range of the step before is complete; tracking takes the ranges in
//! order. Fields of view that are under way are bounded, and the later step goes first, so that work that was begun
//! is ended before more is copied.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Frames of one item of work: about a tenth of a second, so that a run can be cancelled and shared fairly.
pub const RANGE_FRAMES: usize = 30;

/// A step of the work on one field of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The channels are copied out of the stack.
    Copy,
    /// Cells of the phase channel are separated from its background.
    Segment,
    /// The background of the fluorescence channels.
    Background,
    /// Cells get their ids.
    Track,
    /// Shape and brightness of cells are measured.
    Measure,
    /// Traces are filtered and written.
    Table,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Step; 6] =
        [Step::Copy, Step::Segment, Step::Background, Step::Track, Step::Measure, Step::Table];

    /// The name in progress reports.
    pub fn name(self) -> &'static str {
        match self {
            Step::Copy => "copy",
            Step::Segment => "segment",
            Step::Background => "background",
            Step::Track => "track",
            Step::Measure => "measure",
            Step::Table => "table",
        }
    }
}

/// The frames of a field of view, cut into ranges.
pub fn ranges(frames: usize) -> Vec<Range<usize>> {
    let starts = (0..frames).step_by(RANGE_FRAMES);
    starts.map(|from| from..frames.min(from + RANGE_FRAMES)).collect()
}

/// How far one field of view is.
#[derive(Clone, Debug)]
struct Progressed {
    ranges: usize,
    /// Of each step: the next range that was not given out.
    next: [usize; 6],
    /// Of each step: whether each range is complete.
    done: [Vec<bool>; 6],
    under_way: usize,
    state: FovState,
}

/// What became of a field of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FovState {
    /// Nothing of it was begun.
    Waiting,
    /// Items of it are under way.
    Running,
    /// Its table has been written.
    Complete,
    /// An item of it failed.
    Failed,
}

/// An item: index of the field of view, step, number of the range.
pub type ItemKey = (usize, Step, usize);

/// The order of the work.
#[derive(Debug)]
pub struct Plan {
    fovs: Vec<Progressed>,
    most_at_once: usize,
    cancelled: bool,
}

impl Plan {
    /// For fields of view with these numbers of frames; at most `batch_size` of them are worked on at once.
    pub fn new(frames: &[usize], batch_size: usize) -> Plan {
        let one = |frames: &usize| {
            let ranges = frames.div_ceil(RANGE_FRAMES);
            // The table is one item.
            let done = Step::ALL.map(|step| vec![false; if step == Step::Table { 1 } else { ranges }]);
            Progressed { ranges, next: [0; 6], done, under_way: 0, state: FovState::Waiting }
        };
        Plan { fovs: frames.iter().map(one).collect(), most_at_once: batch_size.max(1), cancelled: false }
    }

    /// Marks a step as complete before the run begins, because an earlier run completed it.
    pub fn skip(&mut self, fov: usize, step: Step) {
        let fov = &mut self.fovs[fov];
        let done = &mut fov.done[step as usize];
        fov.next[step as usize] = done.len();
        done.fill(true);
        if step == Step::Table {
            fov.state = FovState::Complete;
        }
    }

    /// No item is given out any more.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// The next item that may begin.
    pub fn take(&mut self) -> Option<ItemKey> {
        if self.cancelled {
            return None;
        }
        let mut running = self.fovs.iter().filter(|fov| fov.state == FovState::Running).count();
        for (at, fov) in self.fovs.iter_mut().enumerate() {
            if fov.state == FovState::Waiting && running < self.most_at_once {
                fov.state = FovState::Running;
                running += 1;
            }
            if fov.state == FovState::Running
                && let Some((step, range)) = fov.ready()
            {
                fov.next[step as usize] += 1;
                fov.under_way += 1;
                return Some((at, step, range));
            }
        }
        None
    }

    /// Marks an item as complete: what needs it may begin. Whether all ranges of its step are complete now.
    pub fn complete(&mut self, (fov, step, range): ItemKey) -> bool {
        let done = &mut self.fovs[fov].done[step as usize];
        done[range] = true;
        done.iter().all(|done| *done)
    }

    /// The worker has ended everything that belongs to a complete item.
    pub fn release(&mut self, (fov, step, _): ItemKey) {
        let fov = &mut self.fovs[fov];
        fov.under_way -= 1;
        if step == Step::Table && fov.state == FovState::Running {
            fov.state = FovState::Complete;
        }
    }

    /// Marks an item as failed, and with it its field of view. Whether it is the first failure there.
    pub fn fail(&mut self, (fov, _, _): ItemKey) -> bool {
        let fov = &mut self.fovs[fov];
        fov.under_way -= 1;
        std::mem::replace(&mut fov.state, FovState::Failed) != FovState::Failed
    }

    /// Marks a field of view as failed after an item of it was complete. Whether it is the first failure there.
    pub fn fail_fov(&mut self, fov: usize) -> bool {
        std::mem::replace(&mut self.fovs[fov].state, FovState::Failed) != FovState::Failed
    }

    /// An item was given back because the run was cancelled.
    pub fn give_back(&mut self, (fov, _, _): ItemKey) {
        self.fovs[fov].under_way -= 1;
    }

    /// Whether nothing is under way and nothing will be given out any more.
    pub fn is_over(&self) -> bool {
        self.fovs.iter().all(|fov| {
            let ended = matches!(fov.state, FovState::Complete | FovState::Failed);
            fov.under_way == 0 && (ended || self.cancelled)
        })
    }

    /// The approximate number of items that may begin now.
    pub fn waiting(&self) -> usize {
        if self.cancelled {
            return 0;
        }
        let open = |fov: &&Progressed| matches!(fov.state, FovState::Waiting | FovState::Running);
        self.fovs.iter().filter(open).filter(|fov| fov.ready().is_some()).count()
    }

    /// What became of a field of view.
    #[cfg(test)]
    fn state(&self, fov: usize) -> FovState {
        self.fovs[fov].state
    }

    /// Complete ranges of all steps, and how many there are.
    pub fn ranges_done(&self) -> (usize, usize) {
        let all = self.fovs.iter().flat_map(|fov| fov.done.iter().flatten());
        all.fold((0, 0), |(done, count), one| (done + usize::from(*one), count + 1))
    }
}

impl Progressed {
    /// The latest step that has a range which may begin.
    fn ready(&self) -> Option<(Step, usize)> {
        Step::ALL.into_iter().rev().find_map(|step| {
            let range = self.next[step as usize];
            (range < self.done[step as usize].len() && self.may_begin(step, range)).then_some((step, range))
        })
    }

    fn may_begin(&self, step: Step, range: usize) -> bool {
        let is_done = |step: Step| self.done[step as usize][range];
        match step {
            Step::Copy => true,
            Step::Segment => is_done(Step::Copy),
            Step::Background => is_done(Step::Segment),
            // A tracker sees one frame after the other.
            Step::Track => {
                is_done(Step::Segment) && (range == 0 || self.done[Step::Track as usize][range - 1])
            }
            Step::Measure => is_done(Step::Track) && is_done(Step::Background),
            // Stacks may get their names while the next step already reads them; the table ends all of it.
            Step::Table => {
                let measured = &self.done[Step::Measure as usize];
                self.under_way == 0 && measured.len() == self.ranges && measured.iter().all(|done| *done)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_of_every_step_is_given_out_once_and_in_an_order_that_can_be_computed() {
        let mut plan = Plan::new(&[61, 30, 1], 2);
        let mut seen: Vec<ItemKey> = Vec::new();
        let mut under_way: Vec<ItemKey> = Vec::new();
        loop {
            // Two workers; the older item ends first.
            while under_way.len() < 2 {
                let Some(item) = plan.take() else { break };
                let (fov, step, range) = item;
                let before = |step| seen.contains(&(fov, step, range));
                match step {
                    Step::Segment => assert!(before(Step::Copy)),
                    Step::Background => assert!(before(Step::Segment)),
                    Step::Track => assert!(
                        before(Step::Segment) && (range == 0 || seen.contains(&(fov, step, range - 1)))
                    ),
                    Step::Measure => assert!(before(Step::Track) && before(Step::Background)),
                    Step::Copy | Step::Table => {}
                }
                under_way.push(item);
            }
            if under_way.is_empty() {
                break;
            }
            let item = under_way.remove(0);
            assert!(!seen.contains(&item), "{item:?} twice");
            plan.complete(item);
            plan.release(item);
            seen.push(item);
        }
        // 3 + 1 + 1 ranges of five steps, and three tables.
        assert_eq!(seen.len(), 5 * 5 + 3);
        assert!(plan.is_over());
        assert_eq!((0..3).map(|fov| plan.state(fov)).collect::<Vec<_>>(), [FovState::Complete; 3]);
    }

    #[test]
    fn a_field_of_view_that_fails_leaves_the_others_alone() {
        let mut plan = Plan::new(&[30, 30], 1);
        let item = plan.take().expect("the first item");
        assert!(plan.fail(item));
        while let Some(item) = plan.take() {
            assert_eq!(item.0, 1);
            plan.complete(item);
            plan.release(item);
        }
        assert_eq!((plan.state(0), plan.state(1)), (FovState::Failed, FovState::Complete));
        assert!(plan.is_over());
    }
}

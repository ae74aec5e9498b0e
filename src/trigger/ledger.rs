//! The account of acquisitions: each one begins with the next number, ends exactly once, and is handed out in order.
//! Pure: no I/O, no lock, no clock.

use std::collections::VecDeque;

use crate::types::{AcquisitionId, Outcome};

/// What became of all triggers: `triggers` is always the sum of the five outcomes and `in_flight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Acquisitions begun.
    pub triggers: u64,
    /// Ended as [`Outcome::Ok`].
    pub ok: u64,
    /// Ended as [`Outcome::Ng`].
    pub ng: u64,
    /// Ended as [`Outcome::Error`].
    pub error: u64,
    /// Ended as [`Outcome::Missed`].
    pub missed: u64,
    /// Ended as [`Outcome::Overrun`].
    pub overrun: u64,
    /// Begun and not ended.
    pub in_flight: u64,
    /// Triggers that bounced; none of them is in `triggers`.
    pub debounced: u64,
    /// What else came on the lines and was no trigger.
    pub garbage: u64,
    /// Time from the trigger to the end of those that were inspected (ok, ng, error).
    pub processing: Processing,
}

/// Processing times, microseconds; all zero before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processing {
    /// How many.
    pub count: u64,
    /// The shortest.
    pub min_us: u32,
    /// The longest.
    pub max_us: u32,
    /// All of them.
    pub sum_us: u64,
}

impl Counts {
    /// How many ended as `outcome`.
    pub fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Ok => self.ok,
            Outcome::Ng => self.ng,
            Outcome::Error => self.error,
            Outcome::Missed => self.missed,
            Outcome::Overrun => self.overrun,
        }
    }

    /// How many have ended.
    pub fn ended(&self) -> u64 {
        Outcome::ALL.iter().map(|outcome| self.of(*outcome)).sum()
    }

    fn end(&mut self, outcome: Outcome, processing_us: u32) {
        let count = match outcome {
            Outcome::Ok => &mut self.ok,
            Outcome::Ng => &mut self.ng,
            Outcome::Error => &mut self.error,
            Outcome::Missed => &mut self.missed,
            Outcome::Overrun => &mut self.overrun,
        };
        *count += 1;
        self.in_flight -= 1;
        if matches!(outcome, Outcome::Ok | Outcome::Ng | Outcome::Error) {
            self.processing.record(processing_us);
        }
    }
}

impl Processing {
    /// The mean; 0 before the first.
    pub fn mean_us(&self) -> u32 {
        self.sum_us.checked_div(self.count).map_or(0, |mean| mean as u32)
    }

    fn record(&mut self, us: u32) {
        self.min_us = if self.count == 0 { us } else { self.min_us.min(us) };
        self.max_us = self.max_us.max(us);
        self.sum_us += u64::from(us);
        self.count += 1;
    }
}

/// An acquisition that has just begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its number.
    pub id: AcquisitionId,
    /// As many as may be were under way already: the caller ends it as [`Outcome::Overrun`] at once.
    pub overrun: bool,
}

/// An end that cannot be entered: the number was never given, or its acquisition has ended already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "acquisition {id} is not under way (numbers {from} to before {until} are or were); its end is ignored"
)]
pub struct NotInFlight {
    /// The number.
    pub id: AcquisitionId,
    /// The oldest that has not been handed out.
    pub from: AcquisitionId,
    /// The next to be given.
    pub until: AcquisitionId,
}

/// Numbers acquisitions and hands out their ends, `T`, strictly in the order of the numbers.
///
/// ```text
///            handed out │ window                      │ not begun
///  ids  …  7   8   9    │ 10    11    12    13    14  │ 15 …
///                       │ open  done  open  done open │
///                         └ holds back 11 until it ends
/// ```
#[derive(Debug)]
pub struct AcquisitionLedger<T> {
    next: AcquisitionId,
    /// From the oldest that has not been handed out to the newest, by growing numbers.
    window: VecDeque<(AcquisitionId, LedgerSlot<T>)>,
    /// Those of `window` that count against `most`.
    taken: usize,
    most: usize,
    counts: Counts,
}

#[derive(Debug)]
enum LedgerSlot<T> {
    Open { overrun: bool },
    Done(T),
}

impl<T> AcquisitionLedger<T> {
    /// Numbers go on from `first` (the first ever is 1); at most `most` acquisitions are under way at once.
    pub fn new(first: AcquisitionId, most: usize) -> AcquisitionLedger<T> {
        let window = VecDeque::with_capacity(most + 1);
        AcquisitionLedger { next: first, window, taken: 0, most, counts: Counts::default() }
    }

    /// A trigger was pulled. It gets the number after the last one, even where there is no room for it.
    pub fn begin(&mut self) -> Begun {
        self.begin_as(self.next)
    }

    /// The same with a number from elsewhere, which must be above every earlier one.
    pub fn begin_as(&mut self, id: AcquisitionId) -> Begun {
        debug_assert!(id >= self.next, "{id} is not above {}", self.next);
        let begun = Begun { id, overrun: self.taken >= self.most };
        self.next = id + 1;
        self.counts.triggers += 1;
        self.counts.in_flight += 1;
        self.taken += usize::from(!begun.overrun);
        self.window.push_back((id, LedgerSlot::Open { overrun: begun.overrun }));
        begun
    }

    /// The acquisition `id` has ended as `outcome`, `processing_us` after its trigger; `end` is what is handed out.
    /// Errors: it is not under way; nothing has changed then.
    pub fn end(
        &mut self,
        id: AcquisitionId,
        outcome: Outcome,
        processing_us: u32,
        end: T,
    ) -> Result<(), NotInFlight> {
        let refused = NotInFlight { id, from: self.oldest(), until: self.next };
        let index = self.window.binary_search_by_key(&id, |(known, _)| *known).map_err(|_| refused)?;
        let (_, slot) = &mut self.window[index];
        let LedgerSlot::Open { overrun } = *slot else { return Err(refused) };
        *slot = LedgerSlot::Done(end);
        self.taken -= usize::from(!overrun);
        self.counts.end(outcome, processing_us);
        Ok(())
    }

    /// The next end in the order of numbers, once it and every one before it have ended.
    pub fn next_ended(&mut self) -> Option<(AcquisitionId, T)> {
        match self.window.pop_front()? {
            (id, LedgerSlot::Done(end)) => Some((id, end)),
            open => {
                self.window.push_front(open);
                None
            }
        }
    }

    /// Whether an end can be handed out now.
    pub fn has_ended(&self) -> bool {
        self.next_is(|_| true)
    }

    /// Whether an end can be handed out now of which `is` holds.
    pub fn next_is(&self, is: impl FnOnce(&T) -> bool) -> bool {
        matches!(self.window.front(), Some((_, LedgerSlot::Done(end))) if is(end))
    }

    /// The oldest acquisition, where more than `most_waiting` that have begun after it are held back by it. The
    /// caller gives it up (ends it as an error), so that what waits stays bounded; its own late end is then refused.
    pub fn overdue(&self, most_waiting: usize) -> Option<AcquisitionId> {
        let stuck = matches!(self.window.front(), Some((_, LedgerSlot::Open { .. })));
        (stuck && self.window.len() > most_waiting + 1).then(|| self.oldest())
    }

    /// Adds what came on the lines and was no trigger.
    pub fn add_rejected(&mut self, rejected: &super::Rejected) {
        self.counts.debounced += rejected.debounced;
        self.counts.garbage += rejected.garbage + rejected.half_lines;
    }

    /// Whether the next trigger would be taken.
    pub fn has_capacity(&self) -> bool {
        self.taken < self.most
    }

    /// What became of all triggers so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The number that the next trigger gets, unless it is given another.
    pub fn next_id(&self) -> AcquisitionId {
        self.next
    }

    fn oldest(&self) -> AcquisitionId {
        self.window.front().map_or(self.next, |(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sums_agree(counts: &Counts) -> bool {
        counts.triggers == counts.ended() + counts.in_flight
    }

    #[test]
    fn ends_come_out_in_the_order_of_numbers_whatever_the_order_they_came_in() {
        let mut ledger = AcquisitionLedger::new(42, 8);
        let ids: Vec<_> = (0..3).map(|_| ledger.begin().id).collect();
        assert_eq!(ids, [42, 43, 44]);
        ledger.end(44, Outcome::Ng, 30, "c").unwrap();
        ledger.end(43, Outcome::Ok, 10, "b").unwrap();
        assert_eq!(ledger.next_ended(), None);
        ledger.end(42, Outcome::Missed, 99, "a").unwrap();
        let out: Vec<_> = std::iter::from_fn(|| ledger.next_ended()).collect();
        assert_eq!(out, [(42, "a"), (43, "b"), (44, "c")]);
        let processing = ledger.counts().processing;
        assert_eq!(
            (processing.min_us, processing.mean_us(), processing.max_us),
            (10, 20, 30),
            "missed has none"
        );
    }

    #[test]
    fn numbers_from_elsewhere_may_leave_holes_and_ends_keep_their_order() {
        let mut ledger = AcquisitionLedger::new(1, 8);
        let ids = [5, 6, 900].map(|id| ledger.begin_as(id).id);
        assert_eq!(ids, [5, 6, 900]);
        assert!(ledger.end(7, Outcome::Ok, 1, ()).is_err(), "never given");
        ledger.end(900, Outcome::Ok, 1, ()).unwrap();
        ledger.end(6, Outcome::Ok, 1, ()).unwrap();
        assert_eq!(ledger.next_ended(), None);
        ledger.end(5, Outcome::Ok, 1, ()).unwrap();
        let out: Vec<_> = std::iter::from_fn(|| ledger.next_ended()).map(|(id, ())| id).collect();
        assert_eq!((out, ledger.next_id()), (vec![5, 6, 900], 901));
    }

    #[test]
    fn an_end_is_entered_once() {
        let mut ledger = AcquisitionLedger::new(1, 2);
        ledger.begin();
        assert!(ledger.end(0, Outcome::Ok, 1, ()).is_err() && ledger.end(2, Outcome::Ok, 1, ()).is_err());
        ledger.end(1, Outcome::Ok, 1, ()).unwrap();
        let twice = ledger.end(1, Outcome::Ng, 1, ()).unwrap_err();
        assert_eq!(twice.to_string().split(" (").next(), Some("acquisition 1 is not under way"));
        ledger.next_ended().unwrap();
        assert!(ledger.end(1, Outcome::Ng, 1, ()).is_err());
        assert_eq!((ledger.counts().ok, ledger.counts().ng), (1, 0));
    }

    #[test]
    fn beyond_the_bound_a_trigger_gets_a_number_and_is_an_overrun() {
        let mut ledger = AcquisitionLedger::new(1, 2);
        let begun: Vec<_> = (0..3).map(|_| ledger.begin()).collect();
        assert_eq!(begun.iter().map(|b| b.overrun).collect::<Vec<_>>(), [false, false, true]);
        ledger.end(3, Outcome::Overrun, 0, ()).unwrap();
        assert!(!ledger.has_capacity() && ledger.next_ended().is_none(), "told after 1 and 2");
        ledger.end(1, Outcome::Ok, 5, ()).unwrap();
        assert!(ledger.has_capacity() && !ledger.begin().overrun);
        assert_eq!(ledger.next_id(), 5);
    }

    #[test]
    fn one_that_never_ends_is_named_before_too_many_wait_behind_it() {
        let mut ledger = AcquisitionLedger::new(7, 1);
        ledger.begin();
        for _ in 0..10 {
            let id = ledger.begin().id;
            ledger.end(id, Outcome::Overrun, 0, ()).unwrap();
        }
        assert_eq!((ledger.overdue(10), ledger.overdue(9)), (None, Some(7)));
        ledger.end(7, Outcome::Error, 0, ()).unwrap();
        assert_eq!(ledger.overdue(0), None);
        assert_eq!(std::iter::from_fn(|| ledger.next_ended()).count(), 11);
        assert!(ledger.end(7, Outcome::Ok, 0, ()).is_err(), "its own late end");
    }

    proptest! {
        #[test]
        fn in_any_interleaving_every_number_ends_once_in_order_and_the_sums_agree(
            first in 1u64..1 << 40, most in 1usize..9,
            steps in prop::collection::vec((0u8..5, any::<prop::sample::Index>(), 0usize..5, 0u32..9_999), 0..400),
        ) {
            let mut ledger = AcquisitionLedger::new(first, most);
            let (mut open, mut handed) = (Vec::new(), Vec::new());
            for (kind, which, outcome, us) in steps {
                match kind {
                    0 | 1 => {
                        let begun = ledger.begin();
                        let under_way = open.len();
                        prop_assert_eq!(begun.overrun, under_way >= most);
                        match begun.overrun {
                            true => ledger.end(begun.id, Outcome::Overrun, 0, begun.id).unwrap(),
                            false => open.push(begun.id),
                        }
                    }
                    2 | 3 if !open.is_empty() => {
                        let id = open.swap_remove(which.index(open.len()));
                        ledger.end(id, Outcome::ALL[outcome], us, id).unwrap();
                        prop_assert!(ledger.end(id, Outcome::Ok, us, id).is_err());
                    }
                    _ => handed.extend(ledger.next_ended()),
                }
                prop_assert!(sums_agree(&ledger.counts()));
                prop_assert_eq!(ledger.counts().in_flight, open.len() as u64);
            }
            for id in open {
                ledger.end(id, Outcome::Error, 1, id).unwrap();
            }
            handed.extend(std::iter::from_fn(|| ledger.next_ended()));
            let expected: Vec<_> = (first..ledger.next_id()).map(|id| (id, id)).collect();
            prop_assert_eq!(handed, expected);
            prop_assert!(sums_agree(&ledger.counts()) && ledger.counts().in_flight == 0);
        }
    }
}

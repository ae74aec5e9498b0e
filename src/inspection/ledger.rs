//! Accounts for acquisitions: each begins with the next number and ends exactly once.
//! Pure: no I/O, no lock, no clock.

use std::collections::VecDeque;

use crate::types::{AcquisitionId, Counts, Outcome, Rejected};

/// An acquisition that has just begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The number of the acquisition.
    pub id: AcquisitionId,
    /// Whether the most allowed were under way already; the caller then ends it as [`Outcome::Overrun`] at
    /// once.
    pub overrun: bool,
}

/// An end that is refused, because the number was never given or its acquisition has ended already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "acquisition {id} is not under way (numbers {from} to before {until} are or were); its end is ignored"
)]
pub struct NotInFlight {
    /// The number of the acquisition.
    pub id: AcquisitionId,
    /// The oldest number that is under way.
    pub from: AcquisitionId,
    /// The next number to be given.
    pub until: AcquisitionId,
}

/// Numbers acquisitions and counts how they end. Their ends leave in the order of the numbers, see
/// [`InOrder`](crate::scheduler::InOrder).
///
/// ```text
///        all ended  │ window                      │ not begun
///  ids  …  7   8  9 │ 10    11    12    13    14  │ 15 …
///                   │ open  ended open  ended open│
///                     └ holds back the end of 11
/// ```
#[derive(Debug)]
pub struct AcquisitionLedger {
    next: AcquisitionId,
    /// From the oldest open acquisition to the newest, by growing numbers.
    window: VecDeque<(AcquisitionId, LedgerSlot)>,
    /// How many of `window` count against `most`.
    taken: usize,
    most: usize,
    counts: Counts,
}

#[derive(Debug)]
enum LedgerSlot {
    Open { overrun: bool },
    Ended,
}

impl AcquisitionLedger {
    /// Numbers go on from `first` (the first ever is 1); at most `most` acquisitions are under way at once.
    pub fn new(first: AcquisitionId, most: usize) -> AcquisitionLedger {
        let window = VecDeque::with_capacity(most + 1);
        AcquisitionLedger { next: first, window, taken: 0, most, counts: Counts::default() }
    }

    /// Begins an acquisition with the number after the last one, even where too many are under way.
    pub fn begin(&mut self) -> Begun {
        self.begin_as(self.next)
    }

    /// Begins an acquisition with a given number, which must be above every earlier one.
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

    /// Ends the acquisition `id` as `outcome`, `processing_us` after its trigger.
    /// Errors: it is not under way; the ledger is then unchanged.
    pub fn end(
        &mut self,
        id: AcquisitionId,
        outcome: Outcome,
        processing_us: u32,
    ) -> Result<(), NotInFlight> {
        let refused = NotInFlight { id, from: self.oldest(), until: self.next };
        let index = self.window.binary_search_by_key(&id, |(known, _)| *known).map_err(|_| refused)?;
        let (_, slot) = &mut self.window[index];
        let LedgerSlot::Open { overrun } = *slot else { return Err(refused) };
        *slot = LedgerSlot::Ended;
        self.taken -= usize::from(!overrun);
        self.counts.end(outcome, processing_us);
        while matches!(self.window.front(), Some((_, LedgerSlot::Ended))) {
            self.window.pop_front();
        }
        Ok(())
    }

    /// The oldest acquisition, where it holds back more than `most_waiting` that began after it. The caller
    /// ends it as an error, so that the number of waiting ends stays bounded; its own late end is then
    /// refused.
    pub fn overdue(&self, most_waiting: usize) -> Option<AcquisitionId> {
        (self.window.len() > most_waiting + 1).then(|| self.oldest())
    }

    /// Counts input on trigger lines that was rejected.
    pub fn add_rejected(&mut self, rejected: &Rejected) {
        self.counts.debounced += rejected.debounced;
        self.counts.garbage += rejected.garbage + rejected.half_lines;
    }

    /// Whether the next trigger would be accepted.
    pub fn has_capacity(&self) -> bool {
        self.taken < self.most
    }

    /// Counts of all triggers so far, by how they ended.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The number that [`AcquisitionLedger::begin`] gives next.
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
    use crate::scheduler::Reorder;

    /// A ledger and the order in which ends leave, as a lane joins them.
    struct Line<T> {
        ledger: AcquisitionLedger,
        order: Reorder<(AcquisitionId, T)>,
        tickets: std::collections::BTreeMap<AcquisitionId, u64>,
    }

    impl<T> Line<T> {
        fn new(first: AcquisitionId, most: usize) -> Line<T> {
            let ledger = AcquisitionLedger::new(first, most);
            Line { ledger, order: Reorder::new(most), tickets: Default::default() }
        }

        fn begin(&mut self) -> Begun {
            self.begin_as(self.ledger.next_id())
        }

        fn begin_as(&mut self, id: AcquisitionId) -> Begun {
            self.tickets.insert(id, self.order.issue());
            self.ledger.begin_as(id)
        }

        fn end(&mut self, id: AcquisitionId, outcome: Outcome, us: u32, end: T) -> Result<(), NotInFlight> {
            self.ledger.end(id, outcome, us)?;
            self.order.complete(self.tickets[&id], (id, end));
            Ok(())
        }

        fn next_ended(&mut self) -> Option<(AcquisitionId, T)> {
            self.order.pop()
        }

        fn counts(&self) -> Counts {
            self.ledger.counts()
        }
    }

    fn sums_agree(counts: &Counts) -> bool {
        counts.triggers == counts.ended() + counts.in_flight
    }

    #[test]
    fn ends_come_out_in_the_order_of_numbers_whatever_the_order_they_came_in() {
        let mut line = Line::new(42, 8);
        let ids: Vec<_> = (0..3).map(|_| line.begin().id).collect();
        assert_eq!(ids, [42, 43, 44]);
        line.end(44, Outcome::Ng, 30, "c").unwrap();
        line.end(43, Outcome::Ok, 10, "b").unwrap();
        assert_eq!(line.next_ended(), None);
        line.end(42, Outcome::Missed, 99, "a").unwrap();
        let out: Vec<_> = std::iter::from_fn(|| line.next_ended()).collect();
        assert_eq!(out, [(42, "a"), (43, "b"), (44, "c")]);
        let processing = line.counts().processing;
        assert_eq!(
            (processing.min_us, processing.mean_us(), processing.max_us),
            (10, 20, 30),
            "missed has none"
        );
    }

    #[test]
    fn numbers_from_elsewhere_may_leave_holes_and_ends_keep_their_order() {
        let mut line = Line::new(1, 8);
        let ids = [5, 6, 900].map(|id| line.begin_as(id).id);
        assert_eq!(ids, [5, 6, 900]);
        assert!(line.end(7, Outcome::Ok, 1, ()).is_err(), "never given");
        line.end(900, Outcome::Ok, 1, ()).unwrap();
        line.end(6, Outcome::Ok, 1, ()).unwrap();
        assert_eq!(line.next_ended(), None);
        line.end(5, Outcome::Ok, 1, ()).unwrap();
        let out: Vec<_> = std::iter::from_fn(|| line.next_ended()).map(|(id, ())| id).collect();
        assert_eq!((out, line.ledger.next_id()), (vec![5, 6, 900], 901));
    }

    #[test]
    fn an_end_is_entered_once() {
        let mut line = Line::new(1, 2);
        line.begin();
        assert!(line.end(0, Outcome::Ok, 1, ()).is_err() && line.end(2, Outcome::Ok, 1, ()).is_err());
        line.end(1, Outcome::Ok, 1, ()).unwrap();
        let twice = line.end(1, Outcome::Ng, 1, ()).unwrap_err();
        assert_eq!(twice.to_string().split(" (").next(), Some("acquisition 1 is not under way"));
        line.next_ended().unwrap();
        assert!(line.end(1, Outcome::Ng, 1, ()).is_err());
        assert_eq!((line.counts().ok, line.counts().ng), (1, 0));
    }

    #[test]
    fn beyond_the_bound_a_trigger_gets_a_number_and_is_an_overrun() {
        let mut line = Line::new(1, 2);
        let begun: Vec<_> = (0..3).map(|_| line.begin()).collect();
        assert_eq!(begun.iter().map(|b| b.overrun).collect::<Vec<_>>(), [false, false, true]);
        line.end(3, Outcome::Overrun, 0, ()).unwrap();
        assert!(!line.ledger.has_capacity() && line.next_ended().is_none(), "reported after 1 and 2");
        line.end(1, Outcome::Ok, 5, ()).unwrap();
        assert!(line.ledger.has_capacity() && !line.begin().overrun);
        assert_eq!(line.ledger.next_id(), 5);
    }

    #[test]
    fn one_that_never_ends_is_named_before_too_many_wait_behind_it() {
        let mut line = Line::new(7, 1);
        line.begin();
        for _ in 0..10 {
            let id = line.begin().id;
            line.end(id, Outcome::Overrun, 0, ()).unwrap();
        }
        assert_eq!((line.ledger.overdue(10), line.ledger.overdue(9)), (None, Some(7)));
        line.end(7, Outcome::Error, 0, ()).unwrap();
        assert_eq!(line.ledger.overdue(0), None);
        assert_eq!(std::iter::from_fn(|| line.next_ended()).count(), 11);
        assert!(line.end(7, Outcome::Ok, 0, ()).is_err(), "its own late end");
    }

    proptest! {
        #[test]
        fn in_any_interleaving_every_number_ends_once_in_order_and_the_sums_agree(
            first in 1u64..1 << 40, most in 1usize..9,
            steps in prop::collection::vec((0u8..5, any::<prop::sample::Index>(), 0usize..5, 0u32..9_999), 0..400),
        ) {
            let mut line = Line::new(first, most);
            let (mut open, mut handed) = (Vec::new(), Vec::new());
            for (kind, which, outcome, us) in steps {
                match kind {
                    0 | 1 => {
                        let begun = line.begin();
                        let under_way = open.len();
                        prop_assert_eq!(begun.overrun, under_way >= most);
                        match begun.overrun {
                            true => line.end(begun.id, Outcome::Overrun, 0, begun.id).unwrap(),
                            false => open.push(begun.id),
                        }
                    }
                    2 | 3 if !open.is_empty() => {
                        let id = open.swap_remove(which.index(open.len()));
                        line.end(id, Outcome::ALL[outcome], us, id).unwrap();
                        prop_assert!(line.end(id, Outcome::Ok, us, id).is_err());
                    }
                    _ => handed.extend(line.next_ended()),
                }
                prop_assert!(sums_agree(&line.counts()));
                prop_assert_eq!(line.counts().in_flight, open.len() as u64);
            }
            for id in open {
                line.end(id, Outcome::Error, 1, id).unwrap();
            }
            handed.extend(std::iter::from_fn(|| line.next_ended()));
            let expected: Vec<_> = (first..line.ledger.next_id()).map(|id| (id, id)).collect();
            prop_assert_eq!(handed, expected);
            prop_assert!(sums_agree(&line.counts()) && line.counts().in_flight == 0);
        }
    }
}

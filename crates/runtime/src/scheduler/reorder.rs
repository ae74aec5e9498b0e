//! Restores the order of results: workers finish out of order, but results must be published in order.

use std::collections::VecDeque;

/// Tickets and their results. Completed results leave in ticket order, each exactly once.
///
/// ```text
/// next = 7           issued up to 10
///   ticket    7     8     9    10
///   place   [ - ] [done] [ - ] [ - ]     8 waits for 7
/// ```
#[derive(Debug)]
pub struct Reorder<T> {
    /// From the oldest ticket that has not left to the newest that was issued.
    places: VecDeque<Option<T>>,
    /// The ticket of the first place.
    next: u64,
}

impl<T> Reorder<T> {
    /// No ticket is outstanding, and the first will be 0. Memory for `expected` places is allocated here.
    pub fn new(expected: usize) -> Reorder<T> {
        Reorder { places: VecDeque::with_capacity(expected), next: 0 }
    }

    /// Issues the next ticket.
    pub fn issue(&mut self) -> u64 {
        self.places.push_back(None);
        self.issued() - 1
    }

    /// How many tickets were issued so far.
    pub fn issued(&self) -> u64 {
        self.next + self.places.len() as u64
    }

    /// Stores the result of `ticket`.
    ///
    /// # Panics
    /// When the ticket is not outstanding, or was completed before.
    pub fn complete(&mut self, ticket: u64, result: T) {
        let (next, issued) = (self.next, self.issued());
        assert!((next..issued).contains(&ticket), "ticket {ticket} is not outstanding, {next}..{issued}");
        let place = &mut self.places[(ticket - next) as usize];
        assert!(place.is_none(), "ticket {ticket} was completed twice");
        *place = Some(result);
    }

    /// The next result in order, if it is there.
    pub fn peek(&self) -> Option<&T> {
        self.places.front()?.as_ref()
    }

    /// Takes the next result in order, if it is there.
    pub fn pop(&mut self) -> Option<T> {
        let result = self.places.front_mut()?.take()?;
        self.places.pop_front();
        self.next += 1;
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn results_leave_in_ticket_order_whatever_order_they_came_in(
            width in 1usize..9,
            choices in prop::collection::vec(0usize..64, 1..200),
        ) {
            let mut window = Reorder::new(width);
            let mut out = Vec::new();
            let mut pending: Vec<u64> = Vec::new();
            for choice in choices {
                while pending.len() < width && window.issued() < out.len() as u64 + width as u64 {
                    pending.push(window.issue());
                }
                let ticket = pending.remove(choice % pending.len());
                window.complete(ticket, ticket);
                while let Some(done) = window.pop() {
                    out.push(done);
                }
            }
            prop_assert!(out.iter().enumerate().all(|(at, ticket)| at as u64 == *ticket));
            prop_assert!(window.places.capacity() <= 8.max(width), "no place beyond the window");
        }
    }

    #[test]
    #[should_panic(expected = "completed twice")]
    fn a_ticket_completed_twice_is_a_bug_that_is_named() {
        let mut window = Reorder::new(4);
        let _ = (window.issue(), window.issue());
        window.complete(1, ());
        window.complete(1, ());
    }

    #[test]
    #[should_panic(expected = "is not outstanding, 0..4")]
    fn a_ticket_that_was_never_issued_is_a_bug_that_is_named() {
        let mut window = Reorder::new(4);
        assert_eq!((0..4).map(|_| window.issue()).last(), Some(3));
        window.complete(4, ());
    }
}

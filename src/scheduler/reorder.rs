//! Puts results back in order: workers finish out of order, the plant reads in order.

/// A fixed window of tickets. What is complete leaves in ticket order, each exactly once.
///
/// ```text
/// next = 7      window of 4
///   ticket    7     8     9    10
///   slot    [ - ] [done] [ - ] [ - ]     8 waits for 7
/// ```
#[derive(Debug)]
pub struct Reorder<T> {
    slots: Box<[Option<T>]>,
    next: u64,
}

impl<T> Reorder<T> {
    /// A window of `width` tickets, the first of which is 0. All memory is taken here.
    pub fn new(width: usize) -> Reorder<T> {
        Reorder { slots: (0..width.max(1)).map(|_| None).collect(), next: 0 }
    }

    /// How many tickets may be out at once.
    pub fn width(&self) -> usize {
        self.slots.len()
    }

    /// Ticket `ticket` has its result.
    ///
    /// # Panics
    /// When the ticket is outside the window or was completed before: a ticket was given out twice,
    /// or more were given out than the window holds.
    pub fn complete(&mut self, ticket: u64, result: T) {
        let width = self.slots.len() as u64;
        assert!(
            ticket >= self.next && ticket - self.next < width,
            "ticket {ticket} is outside the window {}..{}",
            self.next,
            self.next + width
        );
        let slot = &mut self.slots[(ticket % width) as usize];
        assert!(slot.is_none(), "ticket {ticket} was completed twice");
        *slot = Some(result);
    }

    /// The next result in order, if it is there.
    pub fn pop(&mut self) -> Option<T> {
        let width = self.slots.len() as u64;
        let result = self.slots[(self.next % width) as usize].take()?;
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
            let (mut issued, mut out) = (0u64, Vec::new());
            let mut pending: Vec<u64> = Vec::new();
            for choice in choices {
                while pending.len() < width && issued < out.len() as u64 + width as u64 {
                    pending.push(issued);
                    issued += 1;
                }
                let ticket = pending.remove(choice % pending.len());
                window.complete(ticket, ticket);
                while let Some(done) = window.pop() {
                    out.push(done);
                }
            }
            prop_assert!(out.iter().enumerate().all(|(at, ticket)| at as u64 == *ticket));
        }
    }

    #[test]
    #[should_panic(expected = "completed twice")]
    fn a_ticket_completed_twice_is_a_bug_that_is_named() {
        let mut window = Reorder::new(4);
        window.complete(1, ());
        window.complete(1, ());
    }

    #[test]
    #[should_panic(expected = "outside the window 0..4")]
    fn a_ticket_beyond_the_window_is_a_bug_that_is_named() {
        Reorder::new(4).complete(4, ());
    }
}

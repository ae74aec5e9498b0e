//! Passes results on in order, by one thread at a time and without holding a lock that another thread needs.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocellus_ring::Bell;
use parking_lot::{Condvar, Mutex};

use super::Reorder;

/// Tickets and their results. Any thread may complete a ticket. The thread that delivers also passes on what
/// others complete meanwhile, so that they can go on working.
///
/// ```text
///  issue ──▶ (work, out of order) ──complete──▶ [ - done done - ] ──deliver: one thread, no lock──▶ hand_on
/// ```
pub struct InOrder<T> {
    state: Mutex<OrderState<T>>,
    /// Signalled when no ticket is outstanding, or no more will be issued, where a thread waits for it.
    changed: Condvar,
    width: u64,
    bell: Arc<Bell>,
}

struct OrderState<T> {
    reorder: Reorder<T>,
    /// Results that were passed on.
    delivered: u64,
    /// Whether a thread is passing results on.
    delivering: bool,
    closed: bool,
}

impl<T> OrderState<T> {
    fn under_way(&self) -> u64 {
        self.reorder.issued() - self.delivered
    }
}

impl<T> InOrder<T> {
    /// At most `width` tickets should be outstanding at once; `bell` wakes workers that may have found the
    /// window full.
    pub fn new(width: usize, bell: Arc<Bell>) -> InOrder<T> {
        InOrder::with_places(width as u64, width, bell)
    }

    /// Any number of tickets may be outstanding; memory for `expected` is allocated at once.
    pub fn unbounded(expected: usize, bell: Arc<Bell>) -> InOrder<T> {
        InOrder::with_places(u64::MAX, expected, bell)
    }

    fn with_places(width: u64, expected: usize, bell: Arc<Bell>) -> InOrder<T> {
        let reorder = Reorder::new(expected);
        let state = OrderState { reorder, delivered: 0, delivering: false, closed: false };
        InOrder { state: Mutex::new(state), changed: Condvar::new(), width, bell }
    }

    /// Whether one more ticket may be outstanding.
    pub fn has_place(&self) -> bool {
        self.state.lock().under_way() < self.width
    }

    /// Issues the next ticket. The caller must check [`InOrder::has_place`] first.
    pub fn issue(&self) -> u64 {
        self.state.lock().reorder.issue()
    }

    /// Stores the result of `ticket`; the next [`InOrder::deliver`], or the one that is running, passes it
    /// on.
    ///
    /// # Panics
    /// When the ticket is not outstanding, or was completed before.
    pub fn complete(&self, ticket: u64, result: T) {
        self.state.lock().reorder.complete(ticket, result);
    }

    /// Passes on the next results in order, while they are there and `may` agrees; returns how many. Where
    /// another thread is delivering already, that thread passes on what was stored before, and this call
    /// passes on nothing.
    ///
    /// `may` is called under the lock, `hand_on` without it. A panic in `hand_on` loses one result, and
    /// reaches the caller after the results behind it were passed on.
    pub fn deliver(&self, mut may: impl FnMut(&T) -> bool, mut hand_on: impl FnMut(T)) -> u64 {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.delivering, true) {
            return 0;
        }
        let (mut count, mut panicked) = (0, None);
        while state.reorder.peek().is_some_and(&mut may) {
            let Some(result) = state.reorder.pop() else { break };
            drop(state);
            let outcome = catch_unwind(AssertUnwindSafe(|| hand_on(result)));
            state = self.state.lock();
            let was_full = state.under_way() >= self.width;
            state.delivered += 1;
            panicked = panicked.or(outcome.err());
            count += 1;
            if count > 1 || was_full {
                // The window was blocked by this result: a worker may sleep although work waits.
                self.bell.ring();
            }
        }
        state.delivering = false;
        self.notify(&state);
        drop(state);
        if let Some(panic) = panicked {
            resume_unwind(panic);
        }
        count
    }

    /// Whether the next result is there, and no thread is passing it on.
    pub fn is_ready(&self) -> bool {
        let state = self.state.lock();
        !state.delivering && state.reorder.peek().is_some()
    }

    /// Whether no ticket is outstanding, and every result was passed on.
    pub fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.under_way() == 0 && !state.delivering
    }

    /// Results that were passed on so far.
    pub fn delivered(&self) -> u64 {
        self.state.lock().delivered
    }

    /// Declares that no more tickets will be issued.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        self.notify(&state);
    }

    /// Waits until no ticket is outstanding; returns false after `patience`.
    pub fn wait_idle(&self, patience: Duration) -> bool {
        self.wait(patience, |state| state.under_way() == 0)
    }

    /// Waits until no more tickets will be issued and none is outstanding; returns false after `patience`.
    pub fn wait_drained(&self, patience: Duration) -> bool {
        self.wait(patience, |state| state.closed && state.under_way() == 0)
    }

    fn wait(&self, patience: Duration, is_so: impl Fn(&OrderState<T>) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.state.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if is_so(&state) || left.is_zero() {
                return is_so(&state);
            }
            self.changed.wait_for(&mut state, left);
        }
    }

    fn notify(&self, state: &OrderState<T>) {
        if state.under_way() == 0 {
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn what_comes_out_of_order_is_handed_on_in_order_and_the_window_counts_what_is_being_handed_on() {
        let order = InOrder::new(2, Bell::new());
        let tickets = [order.issue(), order.issue()];
        assert!(!order.has_place());
        order.complete(tickets[1], "b");
        assert_eq!((order.deliver(|_| true, |_| {}), order.is_ready()), (0, false));
        order.complete(tickets[0], "a");
        assert!(order.is_ready());
        let mut out = Vec::new();
        let handed = |result| {
            assert!(out.len() == 1 || !order.has_place(), "a result keeps its place until it was handed on");
            out.push(result);
        };
        assert_eq!(order.deliver(|_| true, handed), 2);
        assert_eq!((out, order.delivered(), order.is_idle()), (vec!["a", "b"], 2, true));
    }

    #[test]
    fn what_may_not_be_handed_on_yet_waits_and_holds_back_what_is_behind_it() {
        let order = InOrder::new(4, Bell::new());
        (0..3).for_each(|value| order.complete(order.issue(), value));
        let mut out = Vec::new();
        assert_eq!(order.deliver(|value| *value != 1, |value| out.push(value)), 1);
        assert!(!order.is_idle() && order.is_ready());
        assert_eq!(order.deliver(|_| true, |value| out.push(value)), 2);
        assert_eq!(out, [0, 1, 2]);
    }

    #[test]
    fn one_thread_hands_on_and_takes_along_what_others_lay_down_meanwhile() {
        let order = InOrder::new(8, Bell::new());
        let tickets: Vec<u64> = (0..4).map(|_| order.issue()).collect();
        order.complete(tickets[0], 0);
        let (out, nested) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        let handed = |value| {
            if !nested.swap(true, Ordering::SeqCst) {
                std::thread::scope(|scope| {
                    let others = [3, 1, 2].map(|at: usize| {
                        let (order, tickets) = (&order, &tickets);
                        scope.spawn(move || {
                            order.complete(tickets[at], at);
                            order.deliver(|_| true, |_| panic!("two threads hand on at once"))
                        })
                    });
                    others.into_iter().for_each(|other| assert_eq!(other.join().unwrap(), 0));
                });
            }
            out.lock().push(value);
        };
        assert_eq!(order.deliver(|_| true, handed), 4);
        assert_eq!(*out.lock(), [0, 1, 2, 3]);
    }

    #[test]
    fn whoever_waits_for_the_end_is_woken_by_it_and_not_before_all_was_handed_on() {
        let order = InOrder::new(2, Bell::new());
        assert!(order.wait_idle(Duration::ZERO) && !order.wait_drained(Duration::ZERO));
        let ticket = order.issue();
        std::thread::scope(|scope| {
            let idle = scope.spawn(|| order.wait_idle(PATIENCE));
            let drained = scope.spawn(|| order.wait_drained(PATIENCE));
            assert!(!order.wait_idle(Duration::from_millis(1)));
            order.complete(ticket, ());
            order.deliver(|_| true, |()| assert!(!order.wait_idle(Duration::ZERO)));
            order.close();
            assert!(idle.join().unwrap() && drained.join().unwrap());
        });
    }

    #[test]
    fn a_panic_while_a_result_is_handed_on_costs_that_result_alone() {
        let order = InOrder::new(2, Bell::new());
        (0..2).for_each(|value| order.complete(order.issue(), value));
        let mut out = Vec::new();
        let bomb = |value| {
            assert!(value != 0, "nobody takes it");
            out.push(value);
        };
        assert!(catch_unwind(AssertUnwindSafe(|| order.deliver(|_| true, bomb))).is_err());
        assert_eq!((out, order.delivered(), order.is_idle()), (vec![1], 2, true));
    }
}

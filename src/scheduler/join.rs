//! Fan-out and join: a frame's record is complete when the last of its items ends.

use std::sync::Mutex;

/// Counts the items that still work for one record, and merges what they bring.
#[derive(Debug)]
pub struct Join<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    pending: usize,
    merged: Option<T>,
}

impl<T> Join<T> {
    /// A record for which `pending` items work.
    pub fn new(pending: usize) -> Join<T> {
        Join { state: Mutex::new(State { pending, merged: None }) }
    }

    /// One item more works for this record. Only to be called by an item that is itself not done yet,
    /// so that the record cannot complete in between.
    pub fn add(&self) {
        self.lock().pending += 1;
    }

    /// An item is done and brings `part`; `merge(into, part)` joins two. Whoever is last gets the whole.
    pub fn done(&self, part: T, merge: impl FnOnce(&mut T, T)) -> Option<T> {
        let mut state = self.lock();
        match state.merged.as_mut() {
            Some(into) => merge(into, part),
            None => state.merged = Some(part),
        }
        state.pending -= 1;
        if state.pending == 0 { state.merged.take() } else { None }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<T>> {
        // A panic inside `merge` leaves the counts right, so a poisoned lock is still good.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_item_gets_everything_that_the_others_brought() {
        let join = Join::new(1);
        join.add();
        join.add();
        let add = |into: &mut u32, part| *into += part;
        assert_eq!(join.done(1, add), None);
        assert_eq!(join.done(2, add), None);
        assert_eq!(join.done(4, add), Some(7));
    }
}

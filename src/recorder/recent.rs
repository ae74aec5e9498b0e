//! The latest of what became known about a camera's frames, for a recorder that looks it up frame by frame.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The latest entries, in the order in which they came.
pub(super) struct Recent<T> {
    entries: Mutex<VecDeque<T>>,
    changed: Condvar,
    most: usize,
}

impl<T> Recent<T> {
    /// Keeps the last `most` entries.
    pub(super) fn new(most: usize) -> Recent<T> {
        Recent { entries: Mutex::new(VecDeque::with_capacity(most)), changed: Condvar::new(), most }
    }

    /// Keeps an entry, and drops the oldest.
    pub(super) fn add(&self, entry: T) {
        let mut entries = self.entries.lock();
        if entries.len() >= self.most {
            entries.pop_front();
        }
        entries.push_back(entry);
        drop(entries);
        self.changed.notify_all();
    }

    /// What `choose` finds among the entries. Waits at most `patience` until they hold `is_enough`, because what is known
    /// of a frame comes later than the frame.
    pub(super) fn find<R>(
        &self,
        patience: Duration,
        is_enough: impl Fn(&VecDeque<T>) -> bool,
        choose: impl FnOnce(&VecDeque<T>) -> Option<R>,
    ) -> Option<R> {
        let deadline = Instant::now() + patience;
        let mut entries = self.entries.lock();
        while !is_enough(&entries) && !self.changed.wait_until(&mut entries, deadline).timed_out() {}
        choose(&entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_entries_are_kept_and_one_that_comes_in_time_is_waited_for() {
        let recent = Recent::new(2);
        (1..=3).for_each(|entry| recent.add(entry));
        let now =
            |recent: &Recent<u32>| recent.find(Duration::ZERO, |_| true, |all| Some(Vec::from(all.clone())));
        assert_eq!(now(&recent), Some(vec![2, 3]));
        assert_eq!(recent.find(Duration::ZERO, |all| all.contains(&4), |all| all.front().copied()), Some(2));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                recent.find(Duration::from_secs(60), |all| all.contains(&4), |all| all.back().copied())
            });
            recent.add(4);
            assert_eq!(waits.join().unwrap(), Some(4));
        });
    }
}

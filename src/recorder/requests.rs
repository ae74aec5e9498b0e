//! Windows of time that events ask a camera to record. There is no clock in here: callers pass stamps.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::types::{RecordingId, Stamp};

/// Windows that may wait; a further event joins the last one.
const MOST_WINDOWS: usize = 16;
/// Causes that a recording lists; further ones are only counted.
const MOST_CAUSES: usize = 32;

/// A window of time that is recorded, because of one or more events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) id: RecordingId,
    /// The number that the first event was given; `id` is another one where the window is in several recordings.
    pub(super) first: RecordingId,
    /// When the first event happened, and when it begins and ends, monotonic nanoseconds.
    pub(super) event_ns: u64,
    pub(super) from_ns: u64,
    pub(super) until_ns: u64,
    pub(super) causes: Vec<String>,
}

/// The windows of one camera, in the order of time.
#[derive(Default)]
pub(super) struct Requests {
    windows: Mutex<VecDeque<Window>>,
    changed: Condvar,
}

impl Requests {
    /// Asks for a window around `at`; one that overlaps the last window extends it. `number` gives the number of a new
    /// recording.
    pub(super) fn ask(
        &self,
        at: Stamp,
        (pre, post): (Duration, Duration),
        cause: String,
        number: impl FnOnce() -> RecordingId,
    ) -> RecordingId {
        let from_ns = at.mono_ns.saturating_sub(pre.as_nanos() as u64);
        let until_ns = at.mono_ns + post.as_nanos() as u64;
        let mut windows = self.windows.lock();
        let is_full = windows.len() >= MOST_WINDOWS;
        if let Some(last) = windows.back_mut().filter(|last| is_full || from_ns <= last.until_ns) {
            last.until_ns = last.until_ns.max(until_ns);
            if last.causes.len() < MOST_CAUSES {
                last.causes.push(cause);
            }
            return last.id;
        }
        let id = number();
        windows.push_back(Window {
            id,
            first: id,
            event_ns: at.mono_ns,
            from_ns,
            until_ns,
            causes: vec![cause],
        });
        drop(windows);
        self.changed.notify_all();
        id
    }

    /// The window that is to be recorded now; waits at most `patience` for one.
    pub(super) fn front(&self, patience: Duration) -> Option<Window> {
        let mut windows = self.windows.lock();
        if windows.is_empty() {
            self.changed.wait_for(&mut windows, patience);
        }
        windows.front().cloned()
    }

    /// When the first window ends, monotonic nanoseconds.
    pub(super) fn until_ns(&self) -> Option<u64> {
        self.windows.lock().front().map(|window| window.until_ns)
    }

    /// Ends the first window where no event can extend it any more: at `now_ns` a new one would begin later than it ends.
    pub(super) fn end(&self, now_ns: u64, pre: Duration) -> Option<Window> {
        let mut windows = self.windows.lock();
        let is_over = |window: &Window| now_ns > window.until_ns + pre.as_nanos() as u64;
        let over = windows.len() > 1 || windows.front().is_some_and(is_over);
        if over { windows.pop_front() } else { None }
    }

    /// Gives the rest of the first window another number, because its clip has become too long or was interrupted.
    /// Returns what is known of the window so far.
    pub(super) fn continue_as(&self, id: RecordingId) -> Option<Window> {
        let mut windows = self.windows.lock();
        let front = windows.front_mut()?;
        let former = front.clone();
        front.id = id;
        Some(former)
    }

    /// Takes all windows out; they will not be recorded.
    pub(super) fn take_all(&self) -> Vec<Window> {
        self.windows.lock().drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRE: Duration = Duration::from_secs(2);
    const POST: Duration = Duration::from_secs(5);

    fn at(s: u64) -> Stamp {
        Stamp { mono_ns: s * 1_000_000_000, wall_ns: 0 }
    }

    #[test]
    fn events_whose_windows_overlap_share_a_recording_and_others_do_not() {
        let requests = Requests::default();
        let mut next = 0;
        let mut ask = |s| {
            requests.ask(at(s), (PRE, POST), format!("at {s}"), || {
                next += 1;
                next
            })
        };
        // 8..15, then up to 17, then one that begins exactly there.
        assert_eq!([ask(10), ask(12), ask(19)], [1, 1, 1]);
        assert_eq!(ask(27), 2);
        let first = requests.front(Duration::ZERO).unwrap();
        assert_eq!((first.from_ns, first.until_ns), (8_000_000_000, 24_000_000_000));
        assert_eq!(first.causes, ["at 10", "at 12", "at 19"]);
        // The second waits, so nothing can extend the first.
        assert_eq!(requests.end(24_000_000_001, PRE).unwrap().id, 1);
        assert_eq!(requests.end(34_000_000_000, PRE), None);
        assert_eq!(requests.end(34_000_000_001, PRE).unwrap().id, 2);
        assert_eq!(requests.front(Duration::ZERO), None);
    }

    #[test]
    fn a_flood_of_events_neither_grows_without_end_nor_loses_one() {
        let requests = Requests::default();
        let mut next = 0;
        for s in 0..1_000 {
            requests.ask(at(100 * s), (PRE, POST), String::new(), || {
                next += 1;
                next
            });
        }
        let windows = requests.take_all();
        assert_eq!(windows.len(), MOST_WINDOWS);
        let last = windows.last().unwrap();
        assert_eq!(last.until_ns, at(99_905).mono_ns);
        assert_eq!(last.causes.len(), MOST_CAUSES);
    }
}

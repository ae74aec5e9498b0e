//! The stop token: passed in, never global. Whoever holds one can wait on it instead of sleeping.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A shared request to stop. Clones are the same token; children follow their parent.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stopped: Mutex<bool>,
    changed: Condvar,
    children: Mutex<Vec<std::sync::Weak<Inner>>>,
}

impl Stop {
    /// A token that nobody has asked to stop.
    pub fn new() -> Stop {
        Stop::default()
    }

    /// A token that stops when this one does, and can also be stopped alone.
    pub fn child(&self) -> Stop {
        let child = Stop::new();
        {
            let mut children = self.0.children.lock().unwrap_or_else(|e| e.into_inner());
            children.retain(|known| known.strong_count() > 0);
            children.push(Arc::downgrade(&child.0));
        }
        if self.is_stopped() {
            child.stop();
        }
        child
    }

    /// Asks to stop; wakes everyone who waits.
    pub fn stop(&self) {
        *self.0.stopped.lock().unwrap_or_else(|e| e.into_inner()) = true;
        self.0.changed.notify_all();
        let children = std::mem::take(&mut *self.0.children.lock().unwrap_or_else(|e| e.into_inner()));
        for child in children.into_iter().filter_map(|child| child.upgrade()) {
            Stop(child).stop();
        }
    }

    /// Whether somebody asked.
    pub fn is_stopped(&self) -> bool {
        *self.0.stopped.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Waits for at most `pause`; true as soon as somebody asks to stop.
    pub fn wait(&self, pause: Duration) -> bool {
        let deadline = Instant::now() + pause;
        let mut stopped = self.0.stopped.lock().unwrap_or_else(|e| e.into_inner());
        while !*stopped {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            stopped = self.0.changed.wait_timeout(stopped, left).unwrap_or_else(|e| e.into_inner()).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiter_is_woken_by_stop() {
        let stop = Stop::new();
        let waiter = {
            let stop = stop.child();
            std::thread::spawn(move || stop.wait(Duration::from_secs(60)))
        };
        stop.stop();
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn a_child_stops_with_its_parent_but_not_the_other_way_round() {
        let parent = Stop::new();
        let (one, two) = (parent.child(), parent.child());
        one.stop();
        assert!(one.is_stopped() && !two.is_stopped() && !parent.is_stopped());
        parent.stop();
        assert!(two.is_stopped() && parent.child().is_stopped());
    }
}

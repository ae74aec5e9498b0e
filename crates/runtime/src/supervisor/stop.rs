//! The stop token: passed in, never global. A loop that holds one waits on it instead of sleeping.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A shared request to stop. Clones are the same token; children follow their parent.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<StopInner>);

#[derive(Debug, Default)]
struct StopInner {
    stopped: Mutex<bool>,
    changed: Condvar,
    children: Mutex<Vec<Weak<StopInner>>>,
}

impl Stop {
    /// Creates a token that is not stopped.
    pub fn new() -> Stop {
        Stop::default()
    }

    /// A token that stops when this one does, and can also be stopped alone.
    pub fn child(&self) -> Stop {
        let child = Stop::new();
        {
            let mut children = self.0.children.lock();
            children.retain(|known| known.strong_count() > 0);
            children.push(Arc::downgrade(&child.0));
        }
        if self.is_stopped() {
            child.stop();
        }
        child
    }

    /// Asks to stop: wakes every waiter, and stops the children.
    pub fn stop(&self) {
        *self.0.stopped.lock() = true;
        self.0.changed.notify_all();
        let children = std::mem::take(&mut *self.0.children.lock());
        for child in children.into_iter().filter_map(|child| child.upgrade()) {
            Stop(child).stop();
        }
    }

    /// Whether this token, or one above it, was stopped.
    pub fn is_stopped(&self) -> bool {
        *self.0.stopped.lock()
    }

    /// Waits for at most `pause`; returns true as soon as the token is stopped.
    pub fn wait(&self, pause: Duration) -> bool {
        let mut stopped = self.0.stopped.lock();
        self.0.changed.wait_while_for(&mut stopped, |stopped| !*stopped, pause);
        *stopped
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

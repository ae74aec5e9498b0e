//! Looks at files that may lie on a share which does not answer, without waiting for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::supervisor::spawn;

/// How long the owner of the queue waits for a look at files; tests run beside many others.
const LIMIT: Duration = Duration::from_millis(if cfg!(test) { 30_000 } else { 200 });
/// Threads that may hang at one time. A share that does not answer holds them until it does.
const MOST: usize = 4;

/// Threads that look now.
static LOOKING: AtomicUsize = AtomicUsize::new(0);

/// What `look` finds; `None` where that takes too long, or where too many looks hang already.
pub(super) fn in_time<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    within(LIMIT, look)
}

fn within<T: Send + 'static>(limit: Duration, look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if LOOKING.fetch_add(1, Ordering::AcqRel) >= MOST {
        LOOKING.fetch_sub(1, Ordering::AcqRel);
        return None;
    }
    let work = move || {
        let found = look();
        LOOKING.fetch_sub(1, Ordering::AcqRel);
        found
    };
    match spawn("jobs-look", None, work) {
        Ok(thread) => thread.join_until(Instant::now() + limit).ok(),
        Err(error) => {
            LOOKING.fetch_sub(1, Ordering::AcqRel);
            tracing::debug!("jobs: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn looks_that_hang_hold_nobody_up_and_are_bounded() {
        assert_eq!(in_time(|| 7), Some(7));
        let mut releases = Vec::new();
        for _ in 0..MOST {
            let (release, hang) = channel::<()>();
            releases.push(release);
            assert_eq!(within(Duration::from_millis(50), move || hang.recv()), None);
        }
        // None of the next ones is waited for: no thread is begun.
        assert!((0..1_000).all(|_| in_time(|| ()).is_none()));
        drop(releases);
        let deadline = Instant::now() + Duration::from_secs(60);
        while LOOKING.load(Ordering::Acquire) > 0 {
            assert!(Instant::now() < deadline, "the threads do not end");
            std::thread::yield_now();
        }
        assert_eq!(in_time(|| 7), Some(7));
    }
}

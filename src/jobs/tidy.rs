//! Removes files that no job uses, on a thread of its own: a share that hangs holds up nothing else.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};

use super::service::{JobsService, Message};
use crate::studio::remove_older;
use crate::supervisor::{Beat, Stop, lower_priority};

/// Files that are gone are reported at least so many at a time.
const MOST_GONE: usize = 1_000;
/// How often the thread looks at its stop token.
const LOOK: Duration = Duration::from_millis(500);
/// How often pictures are looked for that came with a request and that no job uses.
const INBOX_EVERY: Duration = Duration::from_secs(600);

/// A file to be removed, unless it was written at the moment `before` or later.
pub(super) struct Removal {
    pub(super) path: Arc<str>,
    pub(super) before: SystemTime,
}

/// Files that wait for their removal.
#[derive(Default)]
pub(super) struct RemovalQueue {
    waiting: Mutex<VecDeque<Removal>>,
    bell: Condvar,
}

impl RemovalQueue {
    /// Adds `removals`, as long as no more than `most` wait.
    pub(super) fn push(&self, removals: impl Iterator<Item = Removal>, most: usize) {
        let mut waiting = self.waiting.lock();
        let free = most.saturating_sub(waiting.len());
        waiting.extend(removals.take(free));
        self.bell.notify_one();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    /// Takes out the removals of files that a job uses from now on.
    pub(super) fn keep(&self, is_used: impl Fn(&str) -> bool) {
        self.waiting.lock().retain(|removal| !is_used(&removal.path));
    }

    /// Waits for a while unless something is there.
    fn wait(&self) {
        let mut waiting = self.waiting.lock();
        if waiting.is_empty() {
            self.bell.wait_for(&mut waiting, LOOK);
        }
    }

    /// The next one, so that all others can still be kept.
    fn next(&self) -> Option<Removal> {
        self.waiting.lock().pop_front()
    }
}

impl JobsService {
    /// Removes files that no job uses, until `stop`.
    pub fn tidy(&self, stop: &Stop, beat: &Beat) {
        lower_priority();
        let mut inbox_at: Option<Instant> = None;
        while !stop.is_stopped() {
            beat.beat();
            let mut gone = Vec::new();
            let mut failed: Option<(usize, String)> = None;
            self.removals.wait();
            while let Some(Removal { path, before }) = self.removals.next() {
                if stop.is_stopped() {
                    return;
                }
                if gone.len() == MOST_GONE {
                    // The inbox of messages lives as long as this.
                    let _ = self.sender.send(Message::Gone { paths: std::mem::take(&mut gone) });
                }
                if self.inbox.is_fresh(Path::new(&*path)) {
                    continue;
                }
                match remove_older(Path::new(&*path), before) {
                    Ok(true) => gone.push(path),
                    // It is in use again, or its owner tries it again later.
                    Ok(false) => {}
                    Err(error) => {
                        let (count, _) =
                            failed.get_or_insert_with(|| (0, format!("{path} cannot be removed: {error}")));
                        *count += 1;
                    }
                }
            }
            if let Some((count, first)) = failed {
                tracing::warn!(count, "jobs: files cannot be removed, of which the first is: {first}");
            }
            if !gone.is_empty() {
                // The inbox of messages lives as long as this.
                let _ = self.sender.send(Message::Gone { paths: gone });
            }
            if inbox_at.is_none_or(|at| at.elapsed() >= INBOX_EVERY) {
                inbox_at = Some(Instant::now());
                let old =
                    self.inbox.old().into_iter().filter_map(|path| path.into_os_string().into_string().ok());
                let _ = self.sender.send(Message::Lying { paths: old.collect() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_in_use_again_is_not_removed() {
        let queue = RemovalQueue::default();
        let removals = ["a", "b", "c"].map(|path| Removal { path: path.into(), before: SystemTime::now() });
        queue.push(removals.into_iter(), 2);
        queue.keep(|path| path == "a");
        assert_eq!(queue.next().map(|removal| removal.path).as_deref(), Some("b"));
        assert!(queue.next().is_none() && queue.is_empty());
    }
}

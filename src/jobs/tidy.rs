//! Removes files that no job uses, on a thread of its own: a share that hangs holds up nothing else.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};

use super::service::{JobsService, Message};
use crate::studio::remove_older;
use crate::supervisor::{Beat, Stop, lower_priority};

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

    /// All that waits; nothing where none comes for a while.
    fn take(&self) -> VecDeque<Removal> {
        let mut waiting = self.waiting.lock();
        if waiting.is_empty() {
            self.bell.wait_for(&mut waiting, LOOK);
        }
        std::mem::take(&mut *waiting)
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
            for Removal { path, before } in self.removals.take() {
                if stop.is_stopped() {
                    return;
                }
                match remove_older(Path::new(&*path), before) {
                    Ok(true) => gone.push(path),
                    // It is in use again, or its owner tries it again later.
                    Ok(false) => {}
                    Err(error) => tracing::warn!("jobs: {path} cannot be removed: {error}"),
                }
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

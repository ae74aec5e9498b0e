//! Decides how a folder is looked at next: as a whole, only at what the kernel says has changed, or not at all.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::config::{FolderFeed, WatchMode};
use crate::datafiles::Scanner;
use crate::datafiles::follow::{Changes, Watch, is_local};

/// A watched folder is looked at as a whole after so long at the latest, because the kernel does not notify of everything:
/// not of writes through a memory mapping or through a hard link in another folder, of what is mounted over the folder, of
/// a parent folder that is renamed, and of writes to the layers below an overlayfs.
const WHOLE_EVERY: Duration = Duration::from_secs(10);
/// The pause between two looks at a whole folder that is watched is at least so many times as long as one takes, so that
/// they cost a hundredth of a core at most.
const WHOLE_RESTS: u32 = 99;
/// The same where something has to be decided that takes a look at the whole folder.
const NEEDED_RESTS: u32 = 9;
/// A look at a whole folder counts as so long at most in these pauses, so that one that was held up, for example by a disk
/// that hung, does not delay the next ones by hours.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// The longest wait for a notification, so that a stop is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// What is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The whole folder, or its next part.
    Whole,
    /// What has changed, and the files that wait to be read.
    Changed,
    /// Nothing: no entry has changed and no file waits.
    Nothing,
}

/// The notifications of one folder.
pub(super) struct Watching<'a> {
    feed: &'a FolderFeed,
    watch: Option<Watch>,
    /// When it is tried again to watch the folder, monotonic: on a share that asks its server.
    watch_from: Duration,
    pub(super) changes: Changes,
    /// Times of the next look at the whole folder, monotonic: the earliest where it is needed, and the latest.
    whole_from: Duration,
    whole_due: Duration,
    /// What the look at the whole folder that is under way has taken so far.
    whole_took: Duration,
    /// Why it is not watched, as the log has it.
    logged: Option<String>,
}

impl<'a> Watching<'a> {
    pub(super) fn new(feed: &'a FolderFeed) -> Watching<'a> {
        Watching {
            feed,
            watch: None,
            watch_from: Duration::ZERO,
            changes: Changes::default(),
            whole_from: Duration::ZERO,
            whole_due: Duration::ZERO,
            whole_took: Duration::ZERO,
            logged: None,
        }
    }

    /// The next look; the notifications so far are taken for it. Returns also whether notifications were lost. It does not
    /// touch the folder, which may be on a share that hangs.
    pub(super) fn next(&mut self, scanner: &mut Scanner, now: Duration) -> (Look, bool) {
        if scanner.is_listing() {
            return (Look::Whole, false);
        }
        let ended = self.watch.as_mut().is_some_and(|watch| watch.take(&mut self.changes).is_err());
        if ended {
            (self.watch, self.watch_from) = (None, now);
        }
        let are_lost = self.changes.are_lost();
        if self.changes.is_incomplete() {
            scanner.need_whole();
        }
        let is_due = now >= self.whole_due || self.may_look_whole(scanner, now);
        let look = if self.watch.is_none() || is_due {
            Look::Whole
        } else if !self.changes.is_empty() || scanner.waiting() > 0 {
            Look::Changed
        } else {
            Look::Nothing
        };
        (look, are_lost)
    }

    /// Whether a look at the whole folder is needed, and the last one is long enough ago.
    pub(super) fn may_look_whole(&self, scanner: &Scanner, now: Duration) -> bool {
        scanner.needs_whole() && now >= self.whole_from
    }

    /// Before a look at the whole folder: what happens from now on is notified, what happened before is seen by the look.
    pub(super) fn begin_whole(&mut self, now: Duration) {
        self.whole_took = Duration::ZERO;
        if self.watch.as_ref().is_some_and(|watch| !watch.is_of(&self.feed.folder)) {
            (self.watch, self.watch_from) = (None, now);
        }
        if self.watch.is_none() && now >= self.watch_from {
            self.watch = self.begin_watch();
            self.watch_from = now + WHOLE_EVERY;
        }
        self.changes.clear();
    }

    /// Whether the kernel watches the folder.
    pub(super) fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    fn begin_watch(&mut self) -> Option<Watch> {
        let folder = &self.feed.folder;
        let is_wanted = match self.feed.watch {
            WatchMode::Poll => false,
            WatchMode::Notify => true,
            WatchMode::Auto => is_local(folder),
        };
        if !is_wanted {
            return None;
        }
        match Watch::begin(folder) {
            Ok(watch) => {
                self.logged = None;
                Some(watch)
            }
            // A folder that is not there is reported by the look itself.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                let why = error.to_string();
                if self.logged.as_ref() != Some(&why) {
                    let folder = folder.display();
                    tracing::warn!("the folder {folder} is polled, because it cannot be watched: {why}");
                    self.logged = Some(why);
                }
                None
            }
        }
    }

    /// The folder cannot be read: it is polled until it can.
    pub(super) fn failed(&mut self, now: Duration) {
        (self.watch, self.watch_from) = (None, now);
    }

    /// A part of a look at the whole folder took so long.
    pub(super) fn took(&mut self, time: Duration) {
        self.whole_took += time;
    }

    /// A part of a look at the whole folder has ended.
    pub(super) fn looked_whole(&mut self, is_over: bool, now: Duration) {
        if is_over {
            let (needed, due) = pauses(self.whole_took, self.feed.poll);
            (self.whole_from, self.whole_due) = (now + needed, now + due);
        }
    }

    /// Waits for a notification, at most a short while. `None` where the folder is not watched.
    pub(super) fn wait(&self, now: Duration) -> Option<bool> {
        let watch = self.watch.as_ref()?;
        let longest = LONGEST_WAIT.min(self.whole_due.saturating_sub(now));
        let longest = Timespec::try_from(longest).ok()?;
        let mut ready = [PollFd::new(watch, PollFlags::IN)];
        // An error of the call itself is an interruption, after which it is looked again.
        Some(poll(&mut ready, Some(&longest)).is_ok_and(|count| count > 0))
    }
}

/// The pauses after a look at the whole folder that took so long: the shortest where the next one is needed, and the longest.
fn pauses(took: Duration, poll: Duration) -> (Duration, Duration) {
    let took = took.min(LONGEST_LOOK);
    (NEEDED_RESTS * took, (WHOLE_RESTS * took).max(WHOLE_EVERY).max(poll))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_was_held_up_for_minutes_delays_the_next_ones_by_a_bounded_time() {
        let poll = Duration::from_millis(500);
        let usual = (Duration::from_millis(90), WHOLE_EVERY);
        assert_eq!(pauses(Duration::from_millis(10), poll), usual);
        let held_up = (Duration::from_secs(9), Duration::from_secs(99));
        assert_eq!(pauses(Duration::from_secs(600), poll), held_up);
    }
}

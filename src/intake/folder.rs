//! Follows one folder on a separate thread: looks, writes values and cursors, and only then counts them as read.

use std::sync::Arc;
use std::time::Duration;

use super::record::{Recorder, Taken};
use super::service::IntakeService;
use super::watching::{Look, Watching};
use crate::config::{FolderFeed, IntakeConfig};
use crate::datafiles::follow::{Refusal, SettingsError};
use crate::datafiles::{Batch, Now, Scanner};
use crate::supervisor::{Beat, Stop};
use crate::types::Explanation;

/// A pause is at least so many times as long as the looks before it that found nothing, so that a folder with very many
/// files costs a tenth of a core at most.
const RESTS: u32 = 9;

/// Refused entries that are shown.
const REFUSED: usize = 100;

/// Why a folder cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The settings contradict one another.
    #[error("the source cannot be followed: {0}")]
    Settings(#[from] SettingsError),
}

/// What a look was, whether there was something to store, and whether more waits.
struct Looked {
    look: Look,
    found: bool,
    has_more: bool,
}

/// One folder under way.
struct FolderReader<'a> {
    scanner: Scanner,
    recorder: Recorder<'a>,
    watching: Watching<'a>,
    settle: Duration,
}

impl IntakeService {
    /// Follows the folder of a source until it is stopped.
    pub(super) fn follow_folder(
        &self,
        config: &Arc<IntakeConfig>,
        folder: &FolderFeed,
        stop: &Stop,
        beat: &Beat,
    ) -> Result<(), FollowError> {
        let Some((recorder, cursors)) = Recorder::resume(self, config, (stop, beat)) else { return Ok(()) };
        let settings = folder.scan_settings(&config.take, config.max_channels);
        let scanner = Scanner::new(settings, cursors)?;
        let watching = Watching::new(folder);
        FolderReader { scanner, recorder, watching, settle: folder.settle }.run(folder.poll);
        Ok(())
    }
}

impl FolderReader<'_> {
    fn run(&mut self, poll: Duration) {
        let clock = self.recorder.service.clock.clone();
        // Looks that found nothing since the last pause.
        let mut idle = Duration::ZERO;
        while !self.recorder.stop.is_stopped() {
            self.recorder.beat.beat();
            let begun = clock.monotonic();
            let (look, are_lost) = self.watching.next(&mut self.scanner, begun);
            if are_lost {
                self.recorder.service.totals.notifications_lost.inc();
            }
            let Looked { look, found, has_more } = self.look(look);
            if look == Look::Whole {
                self.watching.looked_whole(!self.scanner.is_listing(), clock.monotonic());
            }
            // How often a watched folder is looked at as a whole is bounded already.
            let is_free = found || look == Look::Whole && self.watching.is_watched();
            idle += if is_free { Duration::ZERO } else { clock.monotonic().saturating_sub(begun) };
            if has_more {
                continue;
            }
            let is_quiet = self.scanner.waiting() == 0 && !self.scanner.needs_whole();
            if is_quiet && self.watching.wait(clock.monotonic()) == Some(false) {
                continue;
            }
            let pause = until_next(clock.monotonic(), poll).max(RESTS * std::mem::take(&mut idle));
            let pause = self.until_settled(pause, poll);
            if self.recorder.stop.wait(pause) {
                return;
            }
        }
    }

    /// A little more than `pause` where files settle just after it: the next look finds them settled, not the one after.
    fn until_settled(&self, pause: Duration, poll: Duration) -> Duration {
        let settled = self.settle + Duration::from_millis(1);
        let is_near = pause < settled && settled - pause <= poll / 4;
        if is_near && self.scanner.waiting() > 0 { settled } else { pause }
    }

    /// Looks at the folder, or at what has changed in it.
    fn look(&mut self, mut look: Look) -> Looked {
        if look == Look::Nothing {
            return Looked { look, found: false, has_more: false };
        }
        let Recorder { service, config, .. } = &self.recorder;
        let now = service.moment();
        service.with_source(&config.name, |source| source.look(now));
        service.totals.polls.inc();
        let now = Now { monotonic: now.monotonic, utc_ns: now.utc_ns() };
        if look == Look::Changed {
            self.scanner.look_at(now, self.watching.changes.names());
            // Where the whole folder is needed now, the look at it sees them.
            self.watching.changes.clear();
            if self.watching.may_look_whole(&self.scanner, now.monotonic) {
                look = Look::Whole;
            }
        }
        let looked = if look == Look::Whole {
            if !self.scanner.is_listing() {
                self.watching.begin_whole(now.monotonic);
            }
            // Without the time that storing takes: a disk that is full must not delay the next look.
            let begun = service.clock.monotonic();
            let looked = self.scanner.poll(now);
            self.watching.took(service.clock.monotonic().saturating_sub(begun));
            looked
        } else {
            Ok(self.scanner.poll_waiting(now))
        };
        match looked {
            Err(error) => {
                service.totals.polls_failed.inc();
                self.watching.failed(now.monotonic);
                let cause = format!("the folder {} cannot be read: {}", error.folder, error.source);
                let remedy = "is it mounted, and may the service's user read it? It is tried again";
                service.looked(&config.name, Err(Explanation::new(cause, remedy)));
                Looked { look, found: false, has_more: false }
            }
            Ok(batch) => {
                self.note(&batch);
                let (found, has_more) = (!batch.is_empty(), batch.has_more);
                let taken = Taken {
                    points: &batch.points,
                    cursors: &batch.cursors,
                    bad: &batch.bad,
                    bad_count: batch.bad_count,
                    bytes: batch.bytes,
                };
                if batch.is_empty() || self.recorder.keep(&taken) {
                    self.scanner.confirm(batch);
                }
                Looked { look, found, has_more }
            }
        }
    }

    /// Shows what the look found apart from values.
    fn note(&mut self, batch: &Batch) {
        let Recorder { service, config, .. } = &self.recorder;
        let refused: Vec<String> = self
            .scanner
            .refused()
            .take(REFUSED)
            .map(|(name, refusal)| format!("{name}: {refusal}"))
            .collect();
        let full = self.scanner.refused().find_map(|(_, refusal)| match refusal {
            Refusal::TooMany { .. } => Some(Explanation::new(refusal.to_string(), "")),
            _ => None,
        });
        service.looked(&config.name, Ok(refused));
        service.with_source(&config.name, |source| {
            (source.files, source.waiting) = (self.scanner.files() as u64, self.scanner.waiting() as u64);
            source.full = full;
            for notice in &batch.notices {
                source.notice(notice.to_string());
            }
        });
        for notice in &batch.notices {
            tracing::info!(source = config.name, "{notice}");
        }
    }
}

/// The time until the next multiple of `poll`: folders with the same pause are looked at together, and share a flush of
/// the disk.
fn until_next(now: Duration, poll: Duration) -> Duration {
    let (now, poll) = (now.as_nanos(), poll.as_nanos().max(1));
    let wait = poll - now % poll;
    Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
}

//! Follows one folder on a thread of its own: looks, writes values and cursors, and only then counts them as read.

use std::sync::Arc;
use std::time::Duration;

use super::record::{Recorder, Taken};
use super::service::IntakeService;
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

/// One folder under way.
struct FolderReader<'a> {
    scanner: Scanner,
    recorder: Recorder<'a>,
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
        FolderReader { scanner, recorder, settle: folder.settle }.run(folder);
        Ok(())
    }
}

impl FolderReader<'_> {
    fn run(&mut self, folder: &FolderFeed) {
        let poll = folder.poll;
        let clock = self.recorder.service.clock.clone();
        // Looks that found nothing since the last pause.
        let mut idle = Duration::ZERO;
        while !self.recorder.stop.is_stopped() {
            self.recorder.beat.beat();
            let begun = clock.monotonic();
            let (found, has_more) = self.look();
            idle += if found { Duration::ZERO } else { clock.monotonic().saturating_sub(begun) };
            if has_more {
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

    /// One look at the folder; returns whether there were values, and whether more waits.
    fn look(&mut self) -> (bool, bool) {
        let Recorder { service, config, .. } = &self.recorder;
        let now = service.moment();
        service.with_source(&config.name, |source| source.look(now));
        service.totals.polls.inc();
        match self.scanner.poll(Now { monotonic: now.monotonic, utc_ns: now.utc_ns() }) {
            Err(error) => {
                service.totals.polls_failed.inc();
                let cause = format!("the folder {} cannot be read: {}", error.folder, error.source);
                let remedy = "is it mounted, and may the service's user read it? It is tried again";
                service.looked(&config.name, Err(Explanation::new(cause, remedy)));
                (false, false)
            }
            Ok(batch) => {
                self.note(&batch);
                let (found, has_more) = (!batch.points.is_empty(), batch.has_more);
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
                (found, has_more)
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

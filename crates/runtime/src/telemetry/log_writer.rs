//! Brings the lines in memory to the file. A disk that takes none stops nothing: the lines wait in memory, and those
//! that are pushed out there are counted and announced in the file once it takes lines again.

use std::time::Duration;

use parking_lot::Mutex;

use super::log_file::{LogFile, LogFileSettings};
use super::recent::Recent;
use crate::clock::{Stamp, rfc3339};

/// Lines are written in pieces of about this size, so that a rotation stays within the bound of a file.
const PIECE_BYTES: usize = 16 << 10;
/// Pause before a file that took no lines is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What became of the lines for the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFigures {
    /// Lines that were written to the file.
    pub written: u64,
    /// Lines that were pushed out of memory before the file took them.
    pub lost: u64,
    /// Attempts to write that failed.
    pub failed: u64,
}

/// What others ask of the log's file while it is written, and change. Its lock is held for moments only: a disk may keep
/// a write waiting for as long as it likes.
#[derive(Default)]
pub(super) struct LogFileState {
    /// The file that is wanted.
    pub(super) settings: Option<LogFileSettings>,
    pub(super) figures: LogFigures,
}

/// The file, and how far the lines have come.
#[derive(Default)]
pub(super) struct LogWriter {
    file: Option<LogFile>,
    /// The number of the last line that is in the file or lost.
    last: u64,
    /// Lost lines that the file does not tell of yet.
    unannounced: u64,
    /// When the file is tried again after it took no lines, on the monotonic clock.
    retry_at: Option<Duration>,
}

impl LogWriter {
    /// Changes to the file that is wanted. The former one is closed without the lock of `state`: a network file system may
    /// wait for its server then.
    fn configure(&mut self, state: &Mutex<LogFileState>) {
        let wanted = {
            let wanted = &state.lock().settings;
            (self.file.as_ref().map(LogFile::settings) != wanted.as_ref()).then(|| wanted.clone())
        };
        if let Some(wanted) = wanted {
            self.file = wanted.map(LogFile::new);
            self.retry_at = None;
        }
    }

    /// The number of the last line that needs no more writing.
    pub(super) fn written(&self) -> u64 {
        self.last
    }

    /// Writes what waits in `recent` at `now`; returns whether there is a file that takes lines. The lock of `state` is not
    /// held while the disk is waited for.
    pub(super) fn write(&mut self, recent: &Recent, state: &Mutex<LogFileState>, now: Stamp) -> bool {
        self.configure(state);
        let Some(file) = &mut self.file else { return false };
        let mono = Duration::from_nanos(now.mono_ns);
        if self.retry_at.is_some_and(|at| mono < at) {
            return false;
        }
        let waiting = recent.after(self.last);
        state.lock().figures.lost += waiting.missed;
        self.unannounced += waiting.missed;
        self.last += waiting.missed;
        let mut lines = waiting.lines.iter().peekable();
        while lines.peek().is_some() {
            let mut piece = String::new();
            if self.unannounced > 0 {
                let (time, lost) = (rfc3339(now.wall_ns), self.unannounced);
                piece = format!("{time}  WARN log {lost} lines are missing here: the file took none\n");
            }
            let mut count = 0;
            while let Some(line) = lines.next_if(|_| piece.len() < PIECE_BYTES) {
                piece.push_str(&line.in_file());
                count += 1;
            }
            if let Err(error) = file.append(&piece) {
                let fresh = self.retry_at.is_none();
                self.retry_at = Some(mono + RETRY);
                state.lock().figures.failed += 1;
                if fresh {
                    let path = file.settings().path.display();
                    tracing::warn!("the log file {path} takes no lines ({error}); they wait in memory");
                }
                return false;
            }
            self.unannounced = 0;
            self.last += count;
            state.lock().figures.written += count;
        }
        self.retry_at = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::recent::tests::logged;
    use super::*;

    #[test]
    fn what_the_file_did_not_take_waits_and_what_no_longer_fits_is_counted_and_announced() {
        let long = "x".repeat(4_000);
        let recent = logged(|| (0..200).for_each(|number| tracing::info!(number, "{long}")));
        let kept = recent.after(0).lines.len() as u64;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("away/box.log");
        let (mut writer, state) = (LogWriter::default(), Mutex::<LogFileState>::default());
        let mut write =
            |seconds: u64| writer.write(&recent, &state, Stamp::default().plus(Duration::from_secs(seconds)));
        let figures_now = || state.lock().figures;
        assert!(!write(0), "there is no file");
        state.lock().settings = Some(LogFileSettings { path: path.clone(), max_bytes: 1 << 20, files: 2 });
        assert!(!write(1));
        let figures = LogFigures { written: 0, lost: 200 - kept, failed: 1 };
        assert_eq!(figures_now(), figures);
        std::fs::create_dir(dir.path().join("away")).unwrap();
        assert!(!write(1), "it is not tried again at once");
        assert!(write(2));
        assert_eq!(figures_now(), LogFigures { written: kept, ..figures });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count() as u64, kept + 1);
        let first = text.lines().next().unwrap();
        assert!(first.contains(&format!("{} lines are missing here", 200 - kept)), "{first}");
        assert!(write(3) && figures_now().written == kept, "each line once");
    }
}

//! The log: to the journal when systemd started us, otherwise lines on standard error; the newest lines stay in memory,
//! and are written to a file of bounded size where one is configured. Its level can change at run time.

use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tracing_subscriber::layer::{Identity, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use super::journal::Journal;
use super::level::{LevelInForce, Levels};
use super::log_file::LogFileSettings;
use super::log_writer::{LogFigures, LogFileState, LogWriter};
use super::recent::{Recent, RecentLines, Remember};
use crate::clock::{Clock, Stamp, SystemClock};
use crate::supervisor::{Beat, Stop};

/// How long the loop of the file waits for a line before it looks at its stop token.
const LOOK: Duration = Duration::from_millis(50);
/// The same while no file is configured, or the file takes no lines.
const IDLE: Duration = Duration::from_millis(200);

/// Why the log cannot be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("log level \"{level}\": {source}; write error, warn, info, debug, trace or MODULE=LEVEL,…")]
    Filter {
        /// The level as it was given.
        level: String,
        /// Why it cannot be read.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The process has a log already.
    #[error("the log was already set up: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
    /// The filter could not be exchanged.
    #[error("the log level cannot be changed: {0}")]
    Reload(#[from] reload::Error),
}

/// Where lines go besides memory and the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogTerminal {
    StandardError,
    None,
}

/// The running log. Clones refer to the same log.
#[derive(Clone)]
pub struct Log(Arc<LogInner>);

struct LogInner {
    filter: reload::Handle<EnvFilter, Registry>,
    /// Changed together with the filter.
    levels: Mutex<Levels>,
    recent: Arc<Recent>,
    /// Held while the disk is waited for: only those who write take it.
    writer: Mutex<LogWriter>,
    file: Mutex<LogFileState>,
    journal: bool,
    begun: Stamp,
}

impl Log {
    /// Sets up the log of the process, once. `level` is the configured level or `tracing` filter. Panics are
    /// logged from now on.
    pub fn start(level: &str) -> Result<Log, LogError> {
        Log::start_for(level, LogTerminal::StandardError)
    }

    /// The same for a process in the background: its lines go to memory and the file alone.
    pub fn start_detached(level: &str) -> Result<Log, LogError> {
        Log::start_for(level, LogTerminal::None)
    }

    fn start_for(level: &str, terminal: LogTerminal) -> Result<Log, LogError> {
        let (filter, handle) = reload::Layer::new(filter(level)?);
        let journal = terminal == LogTerminal::StandardError && stderr_is_the_journal();
        let output: Box<dyn Layer<_> + Send + Sync> = match terminal {
            LogTerminal::None => Box::new(Identity::new()),
            LogTerminal::StandardError if journal => Box::new(Journal::new()),
            LogTerminal::StandardError => {
                let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false);
                Box::new(lines)
            }
        };
        let recent = Arc::new(Recent::default());
        let remember = Remember { recent: recent.clone(), clock: SystemClock };
        tracing_subscriber::registry().with(filter).with(output.and_then(remember)).try_init()?;
        log_panics();
        let levels = Mutex::new(Levels::new(level));
        Ok(Log(Arc::new(LogInner {
            filter: handle,
            levels,
            recent,
            writer: Mutex::default(),
            file: Mutex::default(),
            journal,
            begun: SystemClock.now(),
        })))
    }

    /// Changes the configured level from now on.
    pub fn set_level(&self, level: &str) -> Result<(), LogError> {
        self.change(level, |levels| levels.configure(level))
    }

    /// Puts `level`, with which the process was started, in the place of the configured level.
    pub fn start_with(&self, level: &str) -> Result<(), LogError> {
        self.change(level, |levels| levels.start_with(level))
    }

    /// Puts `level` in force until `until` on the monotonic clock, or for as long as the process runs.
    pub fn request(&self, level: &str, until: Option<Duration>) -> Result<(), LogError> {
        self.change(level, |levels| levels.request(level, until))
    }

    /// Ends a requested level now.
    pub fn reset(&self) -> Result<(), LogError> {
        self.change("info", Levels::reset)
    }

    /// Ends a requested level whose time is over at `now` on the monotonic clock; returns whether it did.
    pub fn expire(&self, now: Duration) -> Result<bool, LogError> {
        let mut levels = self.0.levels.lock();
        let over = levels.expire(now);
        if over {
            self.0.filter.reload(filter(&levels.in_force(now).filter)?)?;
        }
        Ok(over)
    }

    /// The level that is in force at `now` on the monotonic clock.
    pub fn level(&self, now: Duration) -> LevelInForce {
        self.0.levels.lock().in_force(now)
    }

    /// When the log was set up; tells the lines of one run of the process from those of another.
    pub fn begun(&self) -> Stamp {
        self.0.begun
    }

    /// The lines in memory after number `after`.
    pub fn after(&self, after: u64) -> RecentLines {
        self.0.recent.after(after)
    }

    /// Whether the lines go to systemd's journal.
    pub fn is_in_journal(&self) -> bool {
        self.0.journal
    }

    /// Writes the log to the file of `settings` from now on, with the lines that are still in memory; or to none.
    pub fn write_to(&self, settings: Option<LogFileSettings>) {
        self.0.file.lock().settings = settings;
    }

    /// The file that the log is written to.
    pub fn file(&self) -> Option<LogFileSettings> {
        self.0.file.lock().settings.clone()
    }

    /// What was written to the file, and what was not.
    pub fn figures(&self) -> LogFigures {
        self.0.file.lock().figures
    }

    /// Writes the lines that wait for the file.
    pub fn flush(&self) {
        self.write();
    }

    /// Writes the lines that wait; returns the number of the last line that needs no more writing, and whether there is a
    /// file that takes lines.
    fn write(&self) -> (u64, bool) {
        let mut writer = self.0.writer.lock();
        let takes = writer.write(&self.0.recent, &self.0.file, SystemClock.now());
        (writer.written(), takes)
    }

    /// Writes lines to the file as they come, until `stop`. Only this loop waits for the disk.
    pub fn run(&self, stop: &Stop, beat: &Beat) {
        while !stop.is_stopped() {
            let (written, takes) = self.write();
            beat.beat();
            if takes {
                self.0.recent.wait(written, LOOK);
            } else {
                stop.wait(IDLE);
            }
        }
        self.flush();
    }

    /// Changes the levels, and puts the filter that follows from them into force; a filter that cannot be read
    /// changes nothing.
    fn change(&self, level: &str, change: impl FnOnce(&mut Levels)) -> Result<(), LogError> {
        filter(level)?;
        let mut levels = self.0.levels.lock();
        let mut changed = levels.clone();
        change(&mut changed);
        self.0.filter.reload(filter(&changed.in_force(Duration::ZERO).filter)?)?;
        *levels = changed;
        Ok(())
    }
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(level).map_err(|source| LogError::Filter { level: level.to_owned(), source })
}

/// Whether standard error is the journal's stream. systemd passes the stream's device and inode in a
/// variable; a service whose standard error was redirected inherits the variable but not the stream
/// (systemd.exec(5)).
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", stderr.dev(), stderr.ino())
}

/// Logs panics from a hook, because the place of a caught panic is lost by the time the supervisor sees it.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let thread_name = thread.name().unwrap_or("unnamed");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("without a message");
        tracing::error!(thread_name, place, "panic: {text}");
    }));
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Returns what the child writes to its standard error, a file; `journal` declares that file as the
    /// journal's stream.
    fn child_output(journal: bool) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        let stream =
            if journal { file.as_file().metadata().unwrap() } else { std::fs::metadata("/").unwrap() };
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "telemetry::log::tests::child_with_a_log", "--ignored", "--nocapture"]);
        command
            .env("JOURNAL_STREAM", format!("{}:{}", stream.dev(), stream.ino()))
            .env("OCELLUS_TEST_CHILD", "1");
        command.stderr(file.reopen().unwrap());
        assert!(command.output().unwrap().status.success());
        std::fs::read_to_string(file.path()).unwrap()
    }

    #[test]
    fn what_goes_to_the_journal_is_not_written_to_its_stream_as_well() {
        assert_eq!(child_output(true), "");
    }

    #[test]
    fn lines_go_to_standard_error_without_colours_and_the_level_can_change() {
        let output = child_output(false);
        assert!(output.contains("WARN") && output.contains("one camera=\"front\""), "{output}");
        assert!(output.contains("three"), "{output}");
        assert!(!output.contains("two") && !output.contains("four"), "{output}");
        assert!(
            output.contains("panic: slipped")
                && output.contains("place=\"crates/runtime/src/telemetry/log.rs:"),
            "{output}"
        );
        assert!(!output.contains('\x1b'), "{output}");
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own: a process has one log"]
    fn child_with_a_log() {
        if std::env::var_os("OCELLUS_TEST_CHILD").is_none() {
            return println!("skipped: only runs as a child");
        }
        let log = Log::start("info").unwrap();
        tracing::warn!(camera = "front", "one");
        tracing::debug!("two");
        log.set_level("off,ocellus=debug").unwrap();
        tracing::debug!("three");
        log.set_level("off,ocellus=error").unwrap();
        tracing::warn!("four");
        assert!(log.set_level("=?=").is_err());
        assert!(matches!(Log::start("info"), Err(LogError::Twice(_))));
        let _ = std::panic::catch_unwind(|| panic!("slipped"));
    }
}

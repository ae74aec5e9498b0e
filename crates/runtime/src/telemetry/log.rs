//! The log: to the journal when systemd started us, otherwise lines on standard error; its level can change
//! at run time.

use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use super::journal::Journal;

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

/// The running log. Clones refer to the same log.
#[derive(Clone)]
pub struct Log(reload::Handle<EnvFilter, Registry>);

impl Log {
    /// Sets up the log of the process, once. `level` is a level or a `tracing` filter. Panics are logged from
    /// now on.
    pub fn start(level: &str) -> Result<Log, LogError> {
        let (filter, handle) = reload::Layer::new(filter(level)?);
        let output: Box<dyn Layer<_> + Send + Sync> = if stderr_is_the_journal() {
            Box::new(Journal::new())
        } else {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            Box::new(fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false))
        };
        tracing_subscriber::registry().with(filter).with(output).try_init()?;
        log_panics();
        Ok(Log(handle))
    }

    /// Changes the level from now on.
    pub fn set_level(&self, level: &str) -> Result<(), LogError> {
        Ok(self.0.reload(filter(level)?)?)
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

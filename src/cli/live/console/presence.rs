//! Whether the service is there, and whether it is still the same one.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::cli::output;
use crate::commands::Command;
use crate::commands::log::{LogsOut, LogsRequest};
use crate::control::{AskError, ask_within};

/// How long a command waits for a service that is being restarted.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(100);
/// How long a prompt waits for an answer.
const QUICK: Duration = Duration::from_secs(2);

/// What is known of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// It was never reached.
    Never,
    /// This run of it answers.
    Here(u64),
    /// This run of it answered, and it does no more.
    Away(u64),
    /// It was stopped from here.
    Stopped,
}

pub(super) struct Presence {
    dir: PathBuf,
    seen: Seen,
}

impl Presence {
    pub(super) fn new(dir: PathBuf) -> Presence {
        Presence { dir, seen: Seen::Never }
    }

    /// Looks whether the service answers, and says what has changed since the last look. Returns whether it does.
    pub(super) fn look(&mut self) -> bool {
        let run = self.run();
        let (seen, said) = change(self.seen, run);
        self.seen = seen;
        if let Some(said) = said {
            output::complain(format_args!("-- {said} --"));
        }
        run.is_some()
    }

    /// Waits for a service that was there before. Returns whether it is back.
    pub(super) fn await_return(&mut self, pause: &mut dyn FnMut(Duration) -> bool) -> bool {
        if matches!(self.seen, Seen::Never | Seen::Stopped) {
            return false;
        }
        let deadline = Instant::now() + PATIENCE;
        while !self.look() {
            if Instant::now() >= deadline || !pause(LOOK) {
                return false;
            }
        }
        true
    }

    /// The service was stopped on purpose, so no command waits for it.
    pub(super) fn ended(&mut self) {
        self.seen = Seen::Stopped;
    }

    pub(super) fn dir(&self) -> &PathBuf {
        &self.dir
    }

    /// The run of the service that answers.
    fn run(&self) -> Option<u64> {
        let nothing = LogsRequest { most: Some(0), ..LogsRequest::default() };
        ask_within::<LogsOut>(&self.dir, &Command::Logs(nothing), QUICK).ok().map(|answer| answer.run)
    }
}

/// What follows from seeing `run`, and what is said about it.
fn change(seen: Seen, run: Option<u64>) -> (Seen, Option<&'static str>) {
    match (seen, run) {
        (Seen::Never, None) => (Seen::Never, None),
        (Seen::Stopped, None) => (Seen::Stopped, None),
        (Seen::Never, Some(run)) => (Seen::Here(run), None),
        (Seen::Stopped, Some(run)) => (Seen::Here(run), Some("the service runs again")),
        (Seen::Here(last), Some(run)) if last == run => (seen, None),
        (Seen::Away(last), Some(run)) if last == run => (Seen::Here(run), Some("the service is back")),
        (Seen::Here(_) | Seen::Away(_), Some(run)) => (Seen::Here(run), Some("the service was restarted")),
        (Seen::Here(last), None) => (Seen::Away(last), Some("the service is away")),
        (Seen::Away(_), None) => (seen, None),
    }
}

/// Whether the error says that no service could be reached.
pub(super) fn is_away(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(AskError::NotRunning { .. }))
}

/// Whether the error says that the connection ended before the answer came.
pub(super) fn is_lost(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    let kind = match error.downcast_ref() {
        Some(AskError::Broken { source, .. }) => source.kind(),
        _ => return false,
    };
    matches!(kind, BrokenPipe | ConnectionReset | UnexpectedEof)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_said_once() {
        let mut seen = Seen::Never;
        let mut look = |run| {
            let (next, said) = change(seen, run);
            seen = next;
            said
        };
        assert_eq!(look(None), None);
        assert_eq!(look(Some(1)), None);
        assert_eq!(look(Some(1)), None);
        assert_eq!(look(None), Some("the service is away"));
        assert_eq!(look(None), None);
        assert_eq!(look(Some(1)), Some("the service is back"));
        assert_eq!(look(Some(2)), Some("the service was restarted"));
        assert_eq!(look(None), Some("the service is away"));
        assert_eq!(look(Some(3)), Some("the service was restarted"));
    }
}

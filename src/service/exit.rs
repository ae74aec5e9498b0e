//! How the process ends: one table of exit codes for docs/command-line.md, the unit file and scripts.

/// The exit codes. `systemd/ocellus.service` does not restart after `Usage`: only a person can help there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Exit {
    /// Stopped on request, or every camera has ended.
    Ok = 0,
    /// Any error without a separate code.
    Other = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration has faults, all of which are listed: `check`, `run --strict`, and commands that need
    /// all of it.
    Config = 3,
    /// The inference runtime or a model cannot be used.
    Model = 4,
    /// The state directory cannot be used: read-only, or locked by another instance.
    State = 5,
    /// An essential unit failed permanently, or every job failed.
    Unit = 6,
    /// A second signal ended the process before it was drained.
    Forced = 7,
    /// A unit hung during the stop: it made no progress for `drain_ms`, or needed more than `drain_max_ms`.
    Drain = 8,
    /// A replay gave another result than the recorded one.
    Differs = 9,
    /// A change of recipe, golden pictures or model was refused, because it is worse than the current state.
    Worse = 10,
    /// Evidence was edited or damaged, or is not enough for a replay.
    Evidence = 11,
    /// No service runs on the state directory, or it did not answer.
    Away = 12,
    /// A picture cannot be used for enrolment, a name is taken, or the person is enrolled already.
    Refused = 13,
    /// A batch run was cancelled before its end.
    Cancelled = 14,
    /// `ocellus doctor` found at least one fault, or `ocellus jobs health` at least one problem.
    Unsound = 15,
    /// The queue of jobs is full.
    Full = 16,
}

impl Exit {
    /// Every code, in their order.
    const ALL: [Exit; 17] = [
        Exit::Ok,
        Exit::Other,
        Exit::Usage,
        Exit::Config,
        Exit::Model,
        Exit::State,
        Exit::Unit,
        Exit::Forced,
        Exit::Drain,
        Exit::Differs,
        Exit::Worse,
        Exit::Evidence,
        Exit::Away,
        Exit::Refused,
        Exit::Cancelled,
        Exit::Unsound,
        Exit::Full,
    ];

    /// The exit with this number, if it is one of ours.
    pub fn from_code(code: i32) -> Option<Exit> {
        Exit::ALL.into_iter().find(|exit| exit.code() == code)
    }

    /// The number that the shell and systemd receive.
    pub fn code(self) -> i32 {
        self as i32
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> std::process::ExitCode {
        std::process::ExitCode::from(exit as u8)
    }
}

//! How the process ends: one table of exit codes, for docs/command-line.md, the unit file and scripts.

/// The exit codes. `systemd/ocellus.service` does not restart after `Usage`: only a person can help there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Exit {
    /// Asked to stop, or every camera has ended.
    Ok = 0,
    /// Anything that has no code of its own.
    Other = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration is wrong, and every fault is listed: `check`, `run --strict`, and commands that need all of it.
    Config = 3,
    /// The inference runtime or a model cannot be used.
    Model = 4,
    /// The state directory cannot be used: read-only, or locked by another instance.
    State = 5,
    /// An essential unit failed for good, or all that was to be done failed.
    Unit = 6,
    /// A second signal did not wait for the drain.
    Forced = 7,
    /// A unit that was asked to stop hangs: it made no progress for `drain_ms`, or needs more than `drain_max_ms`.
    Drain = 8,
    /// A replay gave something else than what was recorded.
    Differs = 9,
    /// A change of recipe, golden pictures or model is worse than what is in force, and was refused.
    Worse = 10,
    /// Evidence was edited or damaged, or holds too little to be replayed.
    Evidence = 11,
    /// No service runs on the state directory, or it did not answer.
    Away = 12,
    /// A picture is no good for enrolment, a name is taken, or the person is known already.
    Refused = 13,
}

impl Exit {
    /// The number that the shell and systemd see.
    pub fn code(self) -> i32 {
        self as i32
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> std::process::ExitCode {
        std::process::ExitCode::from(exit as u8)
    }
}

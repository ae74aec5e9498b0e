//! How a part of the box is, in the words that every report of it uses.

/// The condition of one component: a camera, a model, the broker, the store, a disk, a trigger, a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It works.
    Ok,
    /// It is not up yet, which is expected for a short while only.
    Starting,
    /// Its work is done, as a file's that was played to its end: nothing is wrong.
    Ended,
    /// It does not work, or not as the configuration says.
    Faulty,
}

impl Condition {
    /// The word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Condition::Ok => "ok",
            Condition::Starting => "starting",
            Condition::Ended => "ended",
            Condition::Faulty => "faulty",
        }
    }
}

/// What the last runs of a worker's tools say about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunState {
    /// Nothing was run yet, or too few runs failed to say.
    #[default]
    Unsure,
    /// The last run worked.
    Working,
    /// So many runs failed in a row that new tools are worth a try.
    Failing,
}

impl RunState {
    /// The state of tools that consist of several: failing if one is, working if all are.
    pub fn of_all(states: impl Iterator<Item = RunState>) -> RunState {
        let (mut all, mut any) = (true, false);
        for state in states {
            match state {
                RunState::Failing => return RunState::Failing,
                RunState::Unsure => all = false,
                RunState::Working => any = true,
            }
        }
        if all && any { RunState::Working } else { RunState::Unsure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_of_several_fail_with_one_and_work_only_with_all() {
        use RunState::{Failing, Unsure, Working};
        let of = |states: &[RunState]| RunState::of_all(states.iter().copied());
        assert_eq!(of(&[]), Unsure);
        assert_eq!(of(&[Working, Working]), Working);
        assert_eq!(of(&[Working, Unsure]), Unsure);
        assert_eq!(of(&[Working, Unsure, Failing]), Failing);
    }
}

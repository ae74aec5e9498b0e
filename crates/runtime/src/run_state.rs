//! How the tools of a worker performed in their last runs.

/// The state of a worker's tools (its models), from the outcomes of their last runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunState {
    /// Nothing was run yet, or too few runs failed to decide.
    #[default]
    Unsure,
    /// The last run worked.
    Working,
    /// So many runs failed in a row that the tools should be rebuilt.
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

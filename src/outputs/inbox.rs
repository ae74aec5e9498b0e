//! Requests that wait for the unit. Each kind has its own bound, so that a flood of one cannot hold up another.

use std::collections::VecDeque;

use super::command::OutputCommand;
use super::service::Ask;
use crate::config::users::Role;
use crate::types::Origin;

/// Runs and lists that may wait.
const OTHERS: usize = 64;
/// Requests to turn off that may wait: so many of one interface, with one role, for one command. What they ask for
/// is done by the first of them.
const SAME: usize = 8;
/// Different requests to turn off that may wait: more than a configuration has commands.
const NAMES: usize = 1_024;

/// The bound for which a request was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Others wait that ask for the same: what it asks for is done by them.
    Same,
    /// Too many wait altogether: what it asks for is not done.
    All,
}

/// The requests that wait: those that turn off come out first.
#[derive(Default)]
pub(super) struct Inbox {
    offs: VecDeque<Ask>,
    others: VecDeque<Ask>,
    /// The unit has ended and takes no more requests out.
    pub(super) closed: bool,
}

impl Inbox {
    /// Adds a request; gives it back where too many wait, with the bound that is reached.
    pub(super) fn push(&mut self, ask: Ask) -> Result<(), Box<(Ask, Bound)>> {
        let Some(kind) = off_kind(&ask) else {
            if self.others.len() >= OTHERS {
                return Err(Box::new((ask, Bound::All)));
            }
            self.others.push_back(ask);
            return Ok(());
        };
        let same = self.offs.iter().filter(|other| off_kind(other).as_ref() == Some(&kind)).count();
        if same >= SAME {
            return Err(Box::new((ask, Bound::Same)));
        }
        if self.offs.len() >= NAMES * SAME {
            return Err(Box::new((ask, Bound::All)));
        }
        self.offs.push_back(ask);
        Ok(())
    }

    /// Takes everything out: first what turns off, and of each kind the oldest first.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Ask> + use<> {
        let (offs, others) = (std::mem::take(&mut self.offs), std::mem::take(&mut self.others));
        offs.into_iter().chain(others)
    }
}

/// What makes requests to turn off the same. The role is part of it, so that requests with a low role do not take the
/// places of those with a higher one.
fn off_kind(ask: &Ask) -> Option<(Origin, Option<Role>, Option<&str>)> {
    match &ask.command {
        OutputCommand::Off(asked) => Some((ask.origin, asked.role, asked.name.as_deref())),
        OutputCommand::Run(_) | OutputCommand::List => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::command::{OffRequest, RunRequest};
    use crate::types::Responder;

    fn ask(command: OutputCommand, id: usize) -> Ask {
        Ask { command, origin: Origin::Mqtt, id: id.to_string(), reply: Responder::new(drop) }
    }

    #[test]
    fn a_flood_takes_no_place_of_a_request_to_turn_off_which_comes_out_first() {
        let mut inbox = Inbox::default();
        let run = || OutputCommand::Run(RunRequest::default());
        let off =
            |name: &str| OutputCommand::Off(OffRequest { name: Some(name.into()), ..Default::default() });
        let runs = (0..1_000).filter(|id| inbox.push(ask(run(), *id)).is_ok()).count();
        let offs = (0..1_000).filter(|id| inbox.push(ask(off("rf"), *id)).is_ok()).count();
        assert_eq!((runs, offs), (OTHERS, SAME));
        assert!(inbox.push(ask(off("gun"), 7)).is_ok());
        let order: Vec<bool> = inbox.take().map(|ask| off_kind(&ask).is_some()).collect();
        assert_eq!(order, [[true; SAME + 1].as_slice(), [false; OTHERS].as_slice()].concat());
        assert_eq!(inbox.take().count(), 0);
    }

    #[test]
    fn what_is_not_done_is_distinguished_from_what_another_request_does() {
        let mut inbox = Inbox::default();
        let off = |name: String| OutputCommand::Off(OffRequest { name: Some(name), ..Default::default() });
        let bound = |refused: Result<(), Box<(Ask, Bound)>>| refused.err().map(|refused| refused.1);
        for id in 0..NAMES * SAME {
            assert_eq!(bound(inbox.push(ask(off(format!("output-{}", id / SAME)), id))), None);
        }
        assert_eq!(bound(inbox.push(ask(off("output-0".into()), 0))), Some(Bound::Same));
        assert_eq!(bound(inbox.push(ask(off("another".into()), 0))), Some(Bound::All));
        for id in 0..OTHERS {
            assert_eq!(bound(inbox.push(ask(OutputCommand::List, id))), None);
        }
        assert_eq!(bound(inbox.push(ask(OutputCommand::List, 0))), Some(Bound::All));
    }
}

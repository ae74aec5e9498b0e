//! Requests that change something, or that only the service can answer, become commands.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;

use super::answer::WebFault;
use crate::commands::{AskFault, Command, CommandAnswer, CommandQueue, Question};
use crate::types::{Clock, Origin};

/// How long a command may take; embedding many pictures takes a while.
const PATIENCE: Duration = Duration::from_secs(110);

/// Sends commands to the service's thread and awaits the answers.
pub(super) struct CommandClient {
    commands: CommandQueue,
    asked: AtomicU64,
}

impl CommandClient {
    pub(super) fn new(commands: CommandQueue) -> CommandClient {
        CommandClient { commands, asked: AtomicU64::new(0) }
    }

    /// Asks for `command`, and waits for its answer.
    pub(super) async fn ask(&self, command: Command, clock: &dyn Clock) -> Result<CommandAnswer, WebFault> {
        let id = format!("web-{}", self.asked.fetch_add(1, Ordering::Relaxed) + 1);
        let question = Question { command, origin: Origin::Web, at: clock.now(), id };
        Ok(self.commands.ask(question, PATIENCE).await?)
    }
}

impl From<AskFault> for WebFault {
    fn from(fault: AskFault) -> WebFault {
        match fault {
            AskFault::Busy | AskFault::Stopping => {
                let refusal = fault.refusal();
                WebFault::busy(refusal.message, refusal.remedy)
            }
            AskFault::TooSlow(_) => {
                let refusal = fault.refusal();
                let (message, remedy) = (refusal.message, refusal.remedy);
                WebFault::new(StatusCode::GATEWAY_TIMEOUT, refusal.code, message, remedy)
            }
            AskFault::Refused(refusal) => refusal.into(),
        }
    }
}

//! Requests that change something, or that only the service can answer, become commands.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::TrySendError;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::oneshot;

use super::answer::WebFault;
use crate::commands::{Command, CommandAnswer, CommandQueue, CommandRequest};
use crate::types::{Clock, Origin, Responder};

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
        let (tell, response) = oneshot::channel();
        let reply = Responder::new(move |reply| drop(tell.send(reply)));
        let id = format!("web-{}", self.asked.fetch_add(1, Ordering::Relaxed) + 1);
        let request = CommandRequest { command, origin: Origin::Web, at: clock.now(), id, reply };
        if let Err(refused) = self.commands.try_send(request) {
            return Err(match *refused {
                TrySendError::Full(_) => WebFault::busy("too many requests wait", "try again in a moment"),
                TrySendError::Disconnected(_) => {
                    WebFault::busy("the service is stopping", "try again when it has started")
                }
            });
        }
        match tokio::time::timeout(PATIENCE, response).await {
            Ok(Ok(reply)) => Ok(reply?),
            _ => Err(WebFault::new(
                StatusCode::GATEWAY_TIMEOUT,
                "too_slow",
                format!("the command takes longer than {} s", PATIENCE.as_secs()),
                "it may still end well; see the log",
            )),
        }
    }
}

//! The queue between the interfaces and the thread that executes commands.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use super::outputs::OutputCommand;
use super::{Command, CommandAnswer, CommandRequest};
use crate::types::{Origin, Responder};

/// Takes requests about outputs at once; it never waits.
pub type OutputEntry = dyn Fn(OutputCommand, Origin, &str, Responder<CommandAnswer>) + Send + Sync;

/// The queue of requests that are executed one after the other. Requests about outputs pass it by: turning one off must
/// wait neither for a reload nor behind a flood of others. Clones share it.
#[derive(Clone)]
pub struct CommandQueue {
    queue: SyncSender<CommandRequest>,
    outputs: Option<Arc<OutputEntry>>,
}

impl CommandQueue {
    /// The queue `queue`, and the entry of requests about outputs.
    pub fn new(queue: SyncSender<CommandRequest>, outputs: Arc<OutputEntry>) -> CommandQueue {
        CommandQueue { queue, outputs: Some(outputs) }
    }

    /// Passes on `request`.
    ///
    /// # Errors
    /// Too many requests wait, or nobody executes them any more; the request comes back.
    pub fn try_send(&self, request: CommandRequest) -> Result<(), Box<TrySendError<CommandRequest>>> {
        match (&self.outputs, request) {
            (Some(enter), CommandRequest { command: Command::Output(asked), origin, id, reply, .. }) => {
                enter(asked, origin, &id, reply);
                Ok(())
            }
            (_, request) => self.queue.try_send(request).map_err(Box::new),
        }
    }
}

impl From<SyncSender<CommandRequest>> for CommandQueue {
    /// A queue for everything.
    fn from(queue: SyncSender<CommandRequest>) -> CommandQueue {
        CommandQueue { queue, outputs: None }
    }
}

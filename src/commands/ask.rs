//! Asks for a command from a thread that serves many others at once, and awaits the answer within a bound.

use std::sync::mpsc::TrySendError;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Command, CommandAnswer, CommandQueue, CommandRequest};
use crate::types::{Origin, Refusal, Responder, Stamp};

/// A command that is asked for, and who asks.
#[derive(Debug)]
pub struct Question {
    /// The command with its keys.
    pub command: Command,
    /// The interface through which it arrived.
    pub origin: Origin,
    /// Time of arrival at the interface.
    pub at: Stamp,
    /// The requester's id for this request.
    pub id: String,
}

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskFault {
    /// The queue has no place left.
    #[error("too many requests wait")]
    Busy,
    /// Nobody executes commands any more.
    #[error("the service is stopping")]
    Stopping,
    /// The answer has not come within this time.
    #[error("the command takes longer than {} s", .0.as_secs())]
    TooSlow(Duration),
    /// The service refused the command, or failed at it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl AskFault {
    /// The same as a refusal, with its code and what to do next.
    pub fn refusal(self) -> Refusal {
        let (code, remedy) = match self {
            AskFault::Busy => ("busy", "try again in a moment"),
            AskFault::Stopping => ("stopping", "try again when it has started"),
            AskFault::TooSlow(_) => ("too_slow", "it may still end well; see the log"),
            AskFault::Refused(refusal) => return refusal,
        };
        Refusal::new(code, self.to_string(), remedy)
    }
}

impl CommandQueue {
    /// Asks for a command, and waits for its answer, at most `patience`. It never blocks the thread.
    ///
    /// # Errors
    /// Why there is no answer. After [`AskFault::TooSlow`] the command may still be executed.
    pub async fn ask(&self, question: Question, patience: Duration) -> Result<CommandAnswer, AskFault> {
        let (sender, answer) = oneshot::channel();
        let reply = Responder::new(move |reply| drop(sender.send(reply)));
        let Question { command, origin, at, id } = question;
        self.try_send(CommandRequest { command, origin, at, id, reply }).map_err(
            |refused| match *refused {
                TrySendError::Full(_) => AskFault::Busy,
                TrySendError::Disconnected(_) => AskFault::Stopping,
            },
        )?;
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(reply)) => Ok(reply?),
            // The request was dropped unanswered: its executor has ended.
            Ok(Err(_)) => Err(AskFault::Stopping),
            Err(_) => Err(AskFault::TooSlow(patience)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    fn question() -> Question {
        let at = Stamp { mono_ns: 0, wall_ns: 0 };
        Question { command: Command::Ping, origin: Origin::Web, at, id: "web-1".into() }
    }

    #[tokio::test]
    async fn each_reason_for_no_answer_has_its_fault() {
        let patience = Duration::from_millis(1);
        let (sender, requests) = sync_channel(1);
        let queue = CommandQueue::from(sender);
        let fault = queue.ask(question(), patience).await.unwrap_err();
        assert!(matches!(fault, AskFault::TooSlow(_)), "{fault}");
        assert_eq!(queue.ask(question(), patience).await.unwrap_err().refusal().code, "busy");
        drop(requests);
        assert_eq!(queue.ask(question(), patience).await.unwrap_err().refusal().code, "stopping");
    }

    #[tokio::test]
    async fn an_answer_and_a_refusal_come_back_as_they_were_given() {
        let patience = Duration::from_secs(60);
        let (sender, requests) = sync_channel::<CommandRequest>(1);
        let queue = CommandQueue::from(sender);
        let executor = std::thread::spawn(move || {
            requests.recv().unwrap().reply.successful(CommandAnswer::Done(()));
            requests.recv().unwrap().reply.failed(Refusal::new("no_person", "there is no 7", ""));
        });
        assert!(matches!(queue.ask(question(), patience).await, Ok(CommandAnswer::Done(()))));
        let fault = queue.ask(question(), patience).await.unwrap_err();
        assert_eq!(fault.refusal(), Refusal::new("no_person", "there is no 7", ""));
        executor.join().unwrap();
    }
}

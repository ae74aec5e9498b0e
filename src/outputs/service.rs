//! The handle that the rest of the program holds: requests that never wait, and what the health model asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::command::{OutputAnswer, OutputCommand, RunRequest};
use super::counters::{LiveTotals, Totals};
use super::engine::Engine;
use super::inbox::{Bound, Inbox};
use super::{OutputError, OutputsError};
use crate::config::OutputConfig;
use crate::contract::CommandStatus;
use crate::store::Store;
use crate::supervisor::{Beat, Stop};
use crate::types::{Clock, Delivered, Explanation, Origin, Readings, Responder};

/// What the outputs need of the service around them.
pub trait OutputsHost: Send + Sync {
    /// Publishes the state of a command.
    fn status(&self, status: &CommandStatus);
    /// Removes the state of a command that is no longer configured.
    fn forget(&self, name: &str);
    /// Raises the alarm of a command, or clears it.
    fn alarm(&self, name: &str, why: Option<&Explanation>);
    /// Writes a line into the audit log.
    fn note(&self, note: &OutputNote<'_>);
    /// Publishes a message for an instrument, once. A message that was not sent yet is taken back when the receiver is
    /// dropped.
    fn publish(&self, topic: &str, payload: &[u8], retain: bool) -> oneshot::Receiver<Delivered>;
    /// Whether a store was lost that may have known of outputs that are on.
    fn store_was_lost(&self) -> bool;
}

/// Something for the audit log.
#[derive(Clone, Copy, Debug)]
pub struct OutputNote<'a> {
    /// The interface and id of the request; `None` where a rule acted.
    pub from: Option<(Origin, &'a str)>,
    /// The person, or the rule.
    pub by: &'a str,
    /// `command run` or `command off`.
    pub action: &'a str,
    /// The command with its values.
    pub target: &'a str,
    /// `ok`, or the code of the refusal.
    pub outcome: &'a str,
}

/// A request that waits for the unit.
pub(super) struct Ask {
    pub(super) command: OutputCommand,
    pub(super) origin: Origin,
    pub(super) id: String,
    pub(super) reply: Responder<OutputAnswer>,
}

/// A run that waits for its turn, or is under way.
pub(super) struct RunAsk {
    pub(super) request: RunRequest,
    pub(super) origin: Origin,
    pub(super) id: String,
    pub(super) by: String,
    pub(super) reply: Responder<OutputAnswer>,
}

/// The state that the handle's clones and the unit share.
pub(super) struct OutputsShared {
    pub(super) host: Arc<dyn OutputsHost>,
    pub(super) readings: Arc<dyn Readings>,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) inbox: Mutex<Inbox>,
    /// The service is about to end: nothing is turned on any more.
    pub(super) ending: AtomicBool,
    /// The commands of a configuration that is not in force yet.
    pub(super) coming: Mutex<Option<Vec<Arc<OutputConfig>>>>,
    /// Wakes the unit's loop at once.
    pub(super) wake: Notify,
    /// Every command, with its fault if its output is not confirmed to be off.
    pub(super) faults: Mutex<BTreeMap<String, Option<Explanation>>>,
    pub(super) totals: LiveTotals,
}

/// The commands to instruments and their outputs. Clones share them.
#[derive(Clone)]
pub struct Outputs {
    shared: Arc<OutputsShared>,
    /// Held by the unit while it runs. It outlives a unit that is restarted.
    engine: Arc<Mutex<Engine>>,
}

/// What the outputs are built from.
pub struct OutputsAround {
    /// The service around them.
    pub host: Arc<dyn OutputsHost>,
    /// What answers for the channels of interlocks.
    pub readings: Arc<dyn Readings>,
    /// Keeps what is on over a restart.
    pub store: Store,
    /// The source of time for deadlines.
    pub clock: Arc<dyn Clock>,
}

impl Outputs {
    /// The commands of `configured`. Nothing is sent before [`Outputs::run`] runs.
    pub fn new(configured: Vec<Arc<OutputConfig>>, around: OutputsAround) -> Outputs {
        let OutputsAround { host, readings, store, clock } = around;
        let shared = Arc::new(OutputsShared {
            host,
            readings,
            store,
            clock,
            inbox: Mutex::default(),
            ending: AtomicBool::new(false),
            coming: Mutex::new(Some(configured)),
            wake: Notify::new(),
            faults: Mutex::default(),
            totals: LiveTotals::default(),
        });
        let engine = Arc::new(Mutex::new(Engine::new(shared.clone())));
        Outputs { shared, engine }
    }

    /// Replaces the commands by those of a new configuration. An output that is on is turned off as it was turned on
    /// where its command has changed or is gone.
    pub fn reconfigure(&self, configured: Vec<Arc<OutputConfig>>) {
        *self.shared.coming.lock() = Some(configured);
        self.shared.wake.notify_one();
    }

    /// Passes on a request; its answer comes when the instrument has answered.
    pub fn ask(&self, command: OutputCommand, origin: Origin, id: &str, reply: Responder<OutputAnswer>) {
        let ask = Ask { command, origin, id: id.to_owned(), reply };
        let mut inbox = self.shared.inbox.lock();
        if inbox.closed {
            drop(inbox);
            return ask.reply.failed(OutputError::Stopping.refusal());
        }
        let refused = inbox.push(ask).err();
        drop(inbox);
        self.shared.wake.notify_one();
        if let Some((ask, bound)) = refused.map(|refused| *refused) {
            self.shared.totals.crowded.inc();
            let error = match (ask.command, bound) {
                (OutputCommand::Off(asked), Bound::Same) => {
                    OutputError::OffBusy { command: asked.name.unwrap_or_else(|| "every output".into()) }
                }
                _ => OutputError::Busy { command: "commands".into() },
            };
            ask.reply.failed(error.refusal());
        }
    }

    /// The service is about to end: runs that wait are refused, and outputs are turned off, before the other units end.
    pub fn begin_end(&self) {
        self.shared.ending.store(true, Ordering::Release);
        self.shared.wake.notify_one();
    }

    /// Supervises the outputs until `stop`, and then turns them off. Errors: the system gives no event queue.
    pub fn run(&self, stop: &Stop, beat: &Beat) -> Result<(), OutputsError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| OutputsError { source })?;
        runtime.block_on(self.engine.lock().run(stop, beat));
        // A disk that does not answer must not hold up the end of the service.
        runtime.shutdown_background();
        Ok(())
    }

    /// Every command, with its fault if its output is not confirmed to be off.
    pub fn faults(&self) -> BTreeMap<String, Option<Explanation>> {
        self.shared.faults.lock().clone()
    }

    /// Counts of runs, refusals and outputs that were turned off.
    pub fn counters(&self) -> Totals {
        self.shared.totals.read()
    }
}

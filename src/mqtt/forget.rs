//! Erases people from the outbox: the writer, its only owner, removes their messages, releases the store
//! while its files are rewritten, and continues.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::Mqtt;
use super::writer::{GROUP, OutboxWriter};
use crate::store::{Erasing, Forgotten, StoreError};
use crate::types::PersonId;

/// Why people could not be erased. The erasure stays pending.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// The writer does not answer.
    #[error("the outbox did not release the store in time; see the log, and erase the person again")]
    Away,
    /// The store failed while it deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A request to the writer.
pub(super) struct ForgetRequest {
    erasing: Vec<Erasing>,
    with_to_writer: SyncSender<Result<Forgotten, StoreError>>,
}

impl Mqtt {
    /// The last step of erasures while the service runs: unsent messages of these people become an announced
    /// gap, and the store's files are rewritten. Returns when this is done. From now on nothing may offer
    /// messages about them.
    pub fn forget(&self, erasing: Vec<Erasing>, patience: Duration) -> Result<Forgotten, ForgetError> {
        let (with_to_writer, outcome) = sync_channel(1);
        let mut state = self.shared.forget.lock();
        *state = Some(ForgetRequest { erasing, with_to_writer });
        drop(state);
        self.shared.bell.ring();
        match outcome.recv_timeout(patience) {
            Ok(outcome) => Ok(outcome?),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(ForgetError::Away),
        }
    }
}

impl OutboxWriter {
    /// Executes the request, if the disk allows it.
    pub(super) fn forget(&mut self) {
        if self.outbox.is_none() {
            return;
        }
        let request = self.shared.forget.lock().take();
        let Some(ForgetRequest { erasing, with_to_writer }) = request else { return };
        let outcome = self.forget_all(&erasing);
        if let Err(error) = &outcome {
            self.fail(error);
        }
        // The requester may have given up waiting.
        let _ = with_to_writer.try_send(outcome);
    }

    fn forget_all(&mut self, erasing: &[Erasing]) -> Result<Forgotten, StoreError> {
        // Events in memory may name these people; later ones do not.
        for _ in 0..=self.shared.events.len() / GROUP {
            self.commit()?;
        }
        let people: Vec<PersonId> = erasing.iter().flat_map(Erasing::ids).collect();
        let (Some(mut outbox), Some(store)) = (self.outbox.take(), self.store.clone()) else {
            return Ok(Forgotten::default());
        };
        let keys = outbox.forget(&people)?;
        let resting = outbox.rest();
        let forgotten = store.finish_erasures(erasing)?;
        let mut outbox = store.outbox(self.max_bytes)?;
        outbox.resume(resting);
        self.outbox = Some(outbox);
        let count = keys.len() as u64;
        let held = self.shared.exchange.with_from_writer(|state| {
            let before = state.live.len() + state.backlog.iter().flatten().count();
            state.live.retain(|entry| !keys.contains(&entry.key));
            state.backlog.iter_mut().for_each(|backlog| backlog.retain(|entry| !keys.contains(&entry.key)));
            let after = state.live.len() + state.backlog.iter().flatten().count();
            state.forgotten.extend(keys);
            state.more = true;
            before - after
        });
        self.handed = self.handed.saturating_sub(held);
        self.shared.wake.notify_one();
        Ok(Forgotten { outbox: count, ..forgotten })
    }
}

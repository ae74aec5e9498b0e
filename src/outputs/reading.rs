//! What was on when the last process ended: its records are read beside the loop, a page at a time, however long the
//! disk takes.

use std::time::Duration;

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::engine::Engine;
use super::output::{OffCause, OnState, Output, Phase};
use super::record::{BootTime, OffOrder, OnRecord};
use crate::store::StoreError;
use crate::types::{Explanation, Stamp};

/// How often a store that is not open yet is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// After this the disk is said not to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Records that are read at once.
const PAGE: usize = 64;
/// Longest record in bytes; one is a few hundred.
const MAX_RECORD: usize = 64 << 10;

/// How far the records are read.
#[derive(Default)]
pub(super) struct RecordReader {
    /// The page that is being read, and when it is late.
    page: Option<(oneshot::Receiver<Page>, u64)>,
    /// The name of the last record that was read.
    after: Option<String>,
    again_ns: u64,
}

/// Records by the names of their commands.
type Page = Result<Vec<(String, Vec<u8>)>, StoreError>;

impl Engine {
    /// Reads the next records, unless they are being read; never waits for them.
    pub(super) fn read_records(&mut self) {
        let now = self.shared.clock.now();
        let Some((page, late_ns)) = &mut self.reader.page else {
            if now.mono_ns >= self.reader.again_ns {
                self.begin_page(now);
            }
            return;
        };
        let read = match page.try_recv() {
            Ok(read) => read,
            Err(TryRecvError::Empty) => {
                if now.mono_ns > *late_ns {
                    self.unread = Some(format!("the disk does not answer within {} s", PATIENCE.as_secs()));
                }
                return;
            }
            Err(TryRecvError::Closed) => return self.read_later("reading failed; see the log".into(), now),
        };
        self.reader.page = None;
        match read {
            Err(error) => self.read_later(error.to_string(), now),
            Ok(records) => self.take_page(records, now),
        }
    }

    fn begin_page(&mut self, now: Stamp) {
        let (tell, page) = oneshot::channel();
        let (records, after, shared) = (self.records.clone(), self.reader.after.clone(), self.shared.clone());
        tokio::task::spawn_blocking(move || {
            let _ = tell.send(records.page(after.as_deref(), PAGE));
            shared.wake.notify_one();
        });
        self.reader.page = Some((page, now.plus(PATIENCE).mono_ns));
    }

    fn take_page(&mut self, records: Vec<(String, Vec<u8>)>, now: Stamp) {
        self.take_configuration();
        self.reader.after = records.last().map(|(name, _)| name.clone());
        let is_last = records.len() < PAGE;
        for (name, bytes) in records {
            self.take_record(&name, &bytes, now);
        }
        if is_last {
            self.unread = None;
        } else {
            self.begin_page(now);
        }
    }

    fn read_later(&mut self, cause: String, now: Stamp) {
        tracing::debug!("the outputs that were on are not read yet: {cause}");
        self.unread = Some(cause);
        self.reader.page = None;
        self.reader.again_ns = now.plus(RETRY).mono_ns;
    }

    fn take_record(&mut self, name: &str, bytes: &[u8], now: Stamp) {
        if !self.outputs.iter().any(|output| output.name == name) {
            self.outputs.push(Output::new(name, None));
        }
        let record = match OnRecord::read(bytes, MAX_RECORD) {
            Ok(record) => record,
            Err(fault) => {
                tracing::error!(command = name, "its record cannot be used: {fault}");
                let cause =
                    format!("{name} was on when the service ended, and its record cannot be used: {fault}");
                self.shared.host.alarm(name, Some(&Explanation::new(cause, "turn it off by hand")));
                return self.turn_off(name, OffCause::Restart);
            }
        };
        let Some(output) = self.outputs.iter_mut().find(|output| output.name == name) else { return };
        if !matches!(output.phase, Phase::Off) || output.job.is_some() {
            return;
        }
        output.since_ns = Some(record.since_wall_ns);
        output.by = Some(record.by.clone());
        let left = record.left_ms(&BootTime::now());
        let same = output.settings.as_deref().and_then(OffOrder::of).as_ref() == Some(&record.order);
        let cause = match left {
            None => OffCause::NewBoot,
            _ if record.order.on_stop => OffCause::Restart,
            Some(Some(0)) => OffCause::Late,
            _ if !same => OffCause::Reload,
            Some(left) => {
                tracing::info!(command = name, "it is on since before the start");
                let off_at = left.map(|ms| now.plus(Duration::from_millis(ms)));
                output.phase = Phase::On(OnState { record, off_at });
                return;
            }
        };
        tracing::warn!(command = name, "turning off: {cause}");
        output.turn_off(record.order, cause, now);
    }
}

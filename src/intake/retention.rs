//! Removes history that is older than its level is kept, a channel at a time, and only by a clock that can be trusted.

use std::sync::Arc;
use std::time::Duration;

use super::ledger::Ledger;
use super::service::IntakeService;
use crate::store::{Pruning, StoreError};
use crate::types::{AgeGate, Doubt, Stamp};

/// Pause between two rounds over all channels.
const ROUND: Duration = Duration::from_secs(600);
/// Pause after the disk refused.
const RETRY: Duration = Duration::from_secs(30);
const DAY_NS: i64 = 86_400_000_000_000;
/// How long buckets of 10 s are kept.
pub(super) const TEN_SECONDS_NS: i64 = DAY_NS;
/// How long buckets of 1 min are kept.
pub(super) const MINUTE_NS: i64 = 7 * DAY_NS;

/// The round over the channels that is under way, and whether the clock is trusted.
pub(super) struct Retention {
    gate: AgeGate,
    synchronised: fn() -> bool,
    /// When the next round or step is due, monotonic.
    due: Duration,
    pending: Vec<(Arc<str>, u32)>,
    /// Sources that were not configured for too long, whose cursors are removed.
    gone: Vec<String>,
    doubt: Option<Doubt>,
}

impl Retention {
    pub(super) fn new(now: Stamp, synchronised: fn() -> bool) -> Retention {
        let due = Duration::from_nanos(now.mono_ns) + RETRY;
        Retention {
            gate: AgeGate::new(now),
            synchronised,
            due,
            pending: Vec::new(),
            gone: Vec::new(),
            doubt: None,
        }
    }

    pub(super) fn doubt(&self) -> Option<Doubt> {
        self.doubt.clone()
    }

    /// Removes a part of what is too old; `newest_ns` is when values were stored last. Returns whether more waits.
    pub(super) fn step(&mut self, service: &IntakeService, newest_ns: Option<u64>) -> bool {
        let now = service.clock.now();
        self.gate.watch(now, newest_ns);
        let monotonic = Duration::from_nanos(now.mono_ns);
        if monotonic < self.due {
            return false;
        }
        let keep_days = service.table.lock().settings.keep_days;
        let keep_ns = i64::from(keep_days) * DAY_NS;
        if self.pending.is_empty() {
            let max_age = Duration::from_nanos(keep_ns.unsigned_abs());
            self.doubt = self.gate.judge(max_age, self.synchronised).err();
            if self.doubt.is_none() && self.gone.is_empty() {
                self.pending = service.commits.channels();
                let before_ns = now.wall_ns.saturating_sub(keep_ns.unsigned_abs());
                self.gone = gone_sources(service, before_ns).unwrap_or_else(|error| {
                    tracing::warn!("sources that are gone are looked for later: {error}");
                    Vec::new()
                });
            }
        }
        // A source may have come back since they were looked for: it goes on from its cursors.
        while self.gone.pop_if(|source| service.table.lock().uses(source)).is_some() {}
        if let Some(source) = self.gone.last() {
            match service.commits.tables().forget_source(source) {
                Ok((removed, is_all)) => {
                    service.totals.cursors_removed.add(removed as u64);
                    if is_all {
                        tracing::info!(
                            source,
                            "not configured for {keep_days} days: its cursors are removed"
                        );
                        self.gone.pop();
                    }
                    return true;
                }
                Err(error) => return self.refused(&error, monotonic),
            }
        }
        let Some((name, id)) = self.pending.pop() else {
            self.due = monotonic + ROUND;
            return false;
        };
        let utc_ns = i64::try_from(now.wall_ns).unwrap_or(i64::MAX);
        let before = |kept_ns: i64| utc_ns.saturating_sub(kept_ns.min(keep_ns));
        let pruning = Pruning {
            before_ns: [before(TEN_SECONDS_NS), before(MINUTE_NS), before(keep_ns)],
            after_ns: i64::try_from(self.gate.ahead_from_ns()).unwrap_or(i64::MAX),
        };
        let pruned = service.commits.tables().prune(id, &pruning).and_then(|pruned| {
            if pruned == 0 && !service.table.lock().channels.contains_key(&name) {
                service.commits.forget(&name, id)?;
            }
            Ok(pruned)
        });
        match pruned {
            Ok(pruned) => {
                service.totals.pruned.add(pruned as u64);
                if pruned > 0 {
                    // There may be more of this channel.
                    self.pending.push((name, id));
                }
                if self.pending.is_empty() {
                    self.due = monotonic + ROUND;
                }
                !self.pending.is_empty()
            }
            Err(error) => {
                self.pending.push((name, id));
                self.refused(&error, monotonic)
            }
        }
    }

    fn refused(&mut self, error: &StoreError, monotonic: Duration) -> bool {
        tracing::warn!("old telemetry is not removed now, and is tried again: {error}");
        self.due = monotonic + RETRY;
        false
    }
}

/// The sources that are not configured, and wrote nothing since `before_ns`.
fn gone_sources(service: &IntakeService, before_ns: u64) -> Result<Vec<String>, StoreError> {
    let stored = service.commits.tables().sources()?;
    let table = service.table.lock();
    let is_gone = |(name, ledger): &(String, Vec<u8>)| {
        // Of a ledger without a time it is not known since when.
        let wall_ns = Ledger::decode(ledger).wall_ns;
        !table.uses(name) && wall_ns > 0 && wall_ns < before_ns
    };
    Ok(stored.into_iter().filter(is_gone).map(|(name, _)| name).collect())
}

//! What is stored of an output that is on: all that is needed to turn it off, also by a later process whose
//! configuration does not have the command any more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::OutputConfig;
use crate::config::output::{Dialogue, MessageTemplate, Transport};
use crate::contract::CommandValue;

/// The form of the record.
const VERSION: u32 = 1;

/// How an output is turned off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OffOrder {
    pub(super) transport: Transport,
    pub(super) dialogue: Dialogue,
    /// The message as it is written in the configuration.
    pub(super) text: String,
    /// Whether the end of the service turns it off.
    pub(super) on_stop: bool,
}

impl OffOrder {
    /// The order of `settings`; `None` where the command leaves nothing on.
    pub(super) fn of(settings: &OutputConfig) -> Option<OffOrder> {
        let mut dialogue = settings.dialogue.clone();
        if settings.off_expect.is_some() {
            dialogue.expect.clone_from(&settings.off_expect);
        }
        Some(OffOrder {
            transport: settings.transport.clone(),
            dialogue,
            text: settings.off.as_ref().map(MessageTemplate::text)?,
            on_stop: settings.off_on_stop,
        })
    }
}

/// An output that is on, or may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OnRecord {
    version: u32,
    pub(super) order: OffOrder,
    /// Values of the last run.
    pub(super) values: BTreeMap<String, CommandValue>,
    /// The person who ran it last.
    pub(super) by: String,
    /// Time of the first message, nanoseconds since 1970.
    pub(super) since_wall_ns: u64,
    /// When it has to be turned off, ms on the clock of the boot `boot`.
    pub(super) off_at_boot_ms: Option<u64>,
    /// The kernel's id of the boot.
    pub(super) boot: String,
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordFault {
    #[error("it cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    #[error("it has the form {0}, which a newer version wrote")]
    Newer(u32),
    #[error("it has {bytes} bytes, at most {most} are read")]
    TooLong { bytes: usize, most: usize },
}

impl OnRecord {
    pub(super) fn new(order: OffOrder, values: BTreeMap<String, CommandValue>, by: &str) -> OnRecord {
        OnRecord {
            version: VERSION,
            order,
            values,
            by: by.to_owned(),
            since_wall_ns: 0,
            off_at_boot_ms: None,
            boot: String::new(),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        // Plain fields with text keys: nothing in them can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn read(bytes: &[u8], most: usize) -> Result<OnRecord, RecordFault> {
        if bytes.len() > most {
            return Err(RecordFault::TooLong { bytes: bytes.len(), most });
        }
        let record: OnRecord = serde_json::from_slice(bytes)?;
        if record.version > VERSION { Err(RecordFault::Newer(record.version)) } else { Ok(record) }
    }

    /// Time until it has to be turned off, ms, in the boot `now`; `None` where that cannot be known, because the
    /// machine was started anew.
    pub(super) fn left_ms(&self, now: &BootTime) -> Option<Option<u64>> {
        if self.boot.is_empty() || self.boot != now.boot {
            return None;
        }
        Some(self.off_at_boot_ms.map(|at| at.saturating_sub(now.ms)))
    }
}

/// The time since the machine started: it goes on while no service runs, and never jumps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BootTime {
    /// The kernel's id of this boot; empty where it cannot be read.
    pub(super) boot: String,
    pub(super) ms: u64,
}

impl BootTime {
    pub(super) fn now() -> BootTime {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let ms = time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000;
        BootTime { boot: boot.trim().to_owned(), ms }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn record(off_at_boot_ms: Option<u64>, boot: &str) -> OnRecord {
        let order = OffOrder {
            transport: Transport::Tcp { address: "127.0.0.1:9".into(), keep_open: false },
            dialogue: Dialogue {
                end: "\n".into(),
                expect: None,
                error: None,
                timeout: Duration::from_millis(1),
            },
            text: "OFF {time}".into(),
            on_stop: false,
        };
        let record = OnRecord::new(order, BTreeMap::new(), "ann");
        OnRecord { off_at_boot_ms, boot: boot.into(), ..record }
    }

    #[test]
    fn the_time_that_is_left_goes_on_without_the_service_and_is_unknown_after_a_new_boot() {
        let now = BootTime { boot: "a".into(), ms: 5_000 };
        assert_eq!(record(Some(7_000), "a").left_ms(&now), Some(Some(2_000)));
        assert_eq!(record(Some(3_000), "a").left_ms(&now), Some(Some(0)));
        assert_eq!(record(None, "a").left_ms(&now), Some(None));
        assert_eq!(record(Some(7_000), "b").left_ms(&now), None);
        assert_eq!(record(Some(7_000), "").left_ms(&BootTime { boot: String::new(), ms: 1 }), None);
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_newer_form_is_refused() {
        let written = record(Some(1), "a");
        let bytes = written.bytes();
        assert_eq!(OnRecord::read(&bytes, bytes.len()).unwrap(), written);
        assert!(matches!(OnRecord::read(&bytes, bytes.len() - 1), Err(RecordFault::TooLong { .. })));
        let newer = OnRecord { version: VERSION + 1, ..written };
        assert!(matches!(OnRecord::read(&newer.bytes(), 1_000), Err(RecordFault::Newer(_))));
        assert!(OnRecord::read(b"half a rec", 1_000).is_err());
    }

    #[test]
    fn this_machine_has_a_boot_and_its_time_goes_on() {
        let first = BootTime::now();
        assert!(!first.boot.is_empty() && BootTime::now().ms >= first.ms);
    }
}

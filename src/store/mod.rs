//! What survives a restart: the only module that knows sled.
//!
//! Trees: `meta` (schema version), `outbox` (results until the broker has them), `goldens` (sets of golden pictures,
//! which lie in files beside the store), `counters`,
//! `attendance` (who was here when).

mod attendance;
mod counters;
mod error;
mod goldens;
mod migrate;
mod open;
mod outbox;
mod record;

pub use attendance::{Attendances, Change, Ledger};
pub use counters::Counters;
pub use error::StoreError;
pub use goldens::{GoldenEntry, GoldenError, GoldenFiles, GoldenSet, Goldens, Pruned, golden_entries_with};
pub use open::{Opened, Store};
pub use outbox::{Body, Class, Entry, Key, Outbox};

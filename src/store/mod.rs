//! Everything that survives a restart; the only module that uses sled.
//!
//! Trees: `meta` (schema version, pending erasures), `outbox` (results until the broker has them), `goldens`
//! and `gallery` (sets of golden pictures, people; their pictures are files beside the store), `counters`,
//! `attendance` (who was present when), `outputs` (of instruments, while they are on), `recordings` (the files of the
//! recorder), `intake` (how far files of telemetry were read, and the history of channels), `jobs` (the queue of studio jobs).
//! The file `numbers` beside it records how far all numbers have come.

mod aside;
mod attendance;
mod audit;
mod counters;
mod database;
mod dump;
mod error;
mod examine;
mod files;
mod forget;
mod gallery;
mod goldens;
mod high_water;
mod intake;
mod jobs;
mod letters;
mod lock;
mod marks;
mod migrate;
mod missing;
mod numbers;
mod open;
mod outbox;
mod outbox_size;
mod outputs;
mod png;
mod record;
mod recordings;
mod rewrite;
mod streams;
mod swap;
mod tree;

pub use attendance::{Attendances, Change, Ledger};
pub use counters::CounterTable;
pub use dump::{STORE_SCHEMA, StateLock, StoreDump, lock_state, rebuild, remove_dump};
pub use error::StoreError;
pub use examine::{StoreFacts, check_free, examine, measure_writes};
pub use files::{make_dir, replace, sync_dir, write_whole};
pub use forget::{Forgotten, Resting};
pub use gallery::{
    Erasing, Gallery, GalleryError, Imported, NewSample, Person, PersonName, Sample, Skipped, clean_name,
    read_header,
};
pub use goldens::{GoldenEntry, GoldenError, GoldenFiles, GoldenSet, Goldens, Pruned, golden_entries_with};
pub use intake::{IntakeChange, IntakeTables, Pruning};
pub use jobs::{JobRecord, JobTables, StoredJobs};
pub use letters::{Letter, MAX_LETTERS};
pub use numbers::Numbers;
pub use open::{Loss, Opened, Store};
pub use outbox::{Body, Class, Entry, EntryKey, Outbox};
pub use outputs::OutputTable;
pub use recordings::{FileRole, RecordedFile, Recording, RecordingKind, RecordingState, Recordings};
pub use swap::{abandon_restore, begin_restore, finish_restore};

//! What the service reports about itself: the log, counters and latencies, and facts about the process.

mod described;
mod histogram;
mod journal;
mod log;
mod metrics;
mod process;
mod repeated;
mod settle;
mod synchronised;
mod totals;

pub use described::{Described, FigureKind};
pub use histogram::{Histogram, Snapshot};
pub use log::{Log, LogError};
pub use metrics::{Counter, Gauge};
pub use process::{ProcessFacts, pss_bytes, temperature_c};
pub use repeated::Repeated;
pub use settle::{settle, share_heaps};
pub use synchronised::synchronised;
pub use totals::totals;

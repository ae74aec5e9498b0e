//! What the service reports about itself: the log, counters and latencies, and facts about the process.

mod described;
mod fields;
mod histogram;
mod journal;
mod level;
mod log;
mod log_file;
mod log_writer;
mod metrics;
mod process;
mod recent;
mod repeated;
mod settle;
mod synchronised;
mod threads;
mod totals;

pub use described::{Described, FigureKind};
pub use histogram::{Histogram, Snapshot};
pub use level::{LevelInForce, LogSource};
pub use log::{Log, LogError};
pub use log_file::LogFileSettings;
pub use log_writer::LogFigures;
pub use metrics::{Counter, Gauge};
pub use process::{ProcessFacts, pss_bytes, temperature_c};
pub use recent::{LogLine, RecentLines};
pub use repeated::Repeated;
pub use settle::{settle, share_heaps};
pub use synchronised::synchronised;
pub use threads::{ThreadFacts, threads};
pub use totals::totals;

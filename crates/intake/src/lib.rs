//! Telemetry from files: instruments write text files into folders, and their values become points of named channels.
//!
//! - [`format`](mod@format) reads csv, json, jsonl and LabVIEW `.lvm` from bytes that arrive in any cut.
//! - [`follow`] finds the files of a folder by polling, reads each byte once over restarts, rotation and truncation, and
//!   hands out points together with the cursors that the caller keeps.
//! - [`history`] holds the newest points of a channel, and buckets of 10 s, 1 min and 10 min for keeping longer.
//!
//! Nothing here starts threads, sleeps, reads a clock or opens a database: time is passed in, and the caller stores points
//! and cursors in one transaction. The README shows the loop.

pub mod follow;
pub mod format;
pub mod history;
pub mod point;

pub use follow::{Batch, Cursor, Mode, Now, Scanner};
pub use format::{Format, FormatSettings, Parsed, Parser, Separator, TimeFormat};
pub use history::History;
pub use point::{BadLine, Channels, Point, Reason};

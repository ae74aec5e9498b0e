//! The files of a folder, found by polling or by notifications of the kernel: every byte is read once, over restarts, rotation, truncation and replacement.
//!
//! [`Scanner::poll`] does a bounded amount of work and returns points together with the cursors after them. The caller
//! stores both in one transaction and calls [`Scanner::confirm`]. What was not confirmed is read again: a process that is
//! killed in between loses nothing and takes nothing twice.
//!
//! Where a [`Watch`] names the entries that changed, [`Scanner::look_at`] looks at them alone.

mod arrivals;
mod cursor;
mod file;
mod identity;
mod listing;
mod moved;
mod notice;
mod partial;
mod pattern;
mod read;
mod scanner;
mod settings;
mod watch;

pub use cursor::{Cursor, CursorError};
pub use notice::{Notice, NoticeKind, Refusal};
pub use pattern::Patterns;
pub use scanner::{Batch, Now, ScanError, Scanner};
pub use settings::{Limits, Mode, ScanSettings, SettingsError};
pub use watch::{Changes, Watch, is_local};

//! Recordings: pictures and clips of cameras, kept on disk within limits, with an index of every file.
//!
//! ```text
//!  ring ──oldest first──▶ session: recorded, passed, or missed ──▶ take ┬ picture ┬▶ aside ▶ journal ▶ rename ▶ index
//!  events ──▶ requests (windows) ─┘        └▶ gap, alarm                └ clip ───┘
//!  tidy: files left by a crash; then age, and the index on disk
//! ```
//!
//! Each camera has a thread that reads its ring after all other readers and holds one frame at a time, so that neither a
//! slow nor a full disk delays a frame. Frames that it is too late for are overwritten, counted by cause, and announced.

mod archive;
mod aside;
mod camera;
mod counters;
mod error;
mod gap;
mod journal;
mod library;
mod names;
mod open_clip;
mod recent;
mod reports;
mod requests;
mod salvage;
mod service;
mod session;
mod sidecar;
mod take;
mod tidy;
mod verdicts;

pub use camera::{CameraRecorder, RecorderOutlet, RecorderParts};
pub use counters::{CAMERA_DESCRIBED, CameraCounters, DESCRIBED, MissedCause, RecorderCounters};
pub use error::RecorderError;
pub use library::{Library, Promise};
pub use service::Recorders;
pub use tidy::Time;

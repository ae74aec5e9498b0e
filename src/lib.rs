//! Ocellus: the vision service of a camera box. This page is the map of the house.
//!
//! Follow one frame from top to bottom:
//!
//! ```text
//!  capture/appsink.rs   a decoded GstBuffer is mapped, not copied, and committed to
//!  crates/ring/         the camera's ring of fixed slots, from which a free
//!  crates/runtime/      pinned worker leases it, where the scheduler grants its stage a place;
//!  pipeline.rs          THE road: lease ▶ stage ▶ order ▶ track ▶ sinks
//!  pipeline/detect.rs     crates/image/   planes into the tensor, scaled before they are converted
//!                         crates/engine/  the model, and the decoder of what it says
//!  stages/track/        objects get numbers, begin, go on and end, and come by zones and lines
//!  sinks/mqtt/          reports are published, in the words of contract/; events go through
//!  store/               the outbox on disk, until the broker has them
//! ```
//!
//! And one part, from its trigger to its verdict:
//!
//! ```text
//!  trigger/             a byte, a line, an edge, a timer or a command pulls at a camera's desk
//!  inspection/acquire.rs  THE road of an acquisition: its number ▶ its frame ▶ find the part ▶ regions ▶ verdict
//!  stages/inspect/      a recipe made ready: what each kind of region is held against
//!                         crates/image/   cut, align, compare, measure, read codes
//!  trigger/             the verdict is written back to the line;
//!  sinks/mqtt/          published through the outbox;
//!  sinks/evidence/      and kept with its frame, to be replayed bit for bit
//! ```
//!
//! And one person, from the face to the table:
//!
//! ```text
//!  types::Witness       is told of each face that was held against the gallery;
//!  app/attendance/      takes sightings from a bounded queue and asks
//!  stages/rules/        who is here: enter, seen, leave, made from sightings and time alone; writes it to
//!  store/attendance/    the book, with the presence in one batch; and only then tells
//!  sinks/mqtt/          whose outbox notes how far it has come, so that a crash repeats nothing
//!  contract/table.rs    a day of it as CSV and XLSX
//! ```
//!
//! `app.rs` builds all of it from `config/` and hands every loop to the `supervisor/`. Imports run one way
//! only; `tests/layering` holds the code against the table in the design.

// The entrance, and what builds everything.
pub mod cli;
pub mod service;
// Domains: each holds one feature, whole.
pub mod attendance;
pub mod camera;
pub mod inspection;
pub mod pipeline;
pub mod preview;
pub mod recognition;
pub mod tracking;
pub mod trigger;
// Adapters: they translate between the domains and the outside.
pub mod config;
pub mod contract;
pub mod control;
pub mod mqtt;
pub mod store;
pub mod web;
// What all of them share.
pub mod audit;
pub mod types;
// Crates, under the names by which the product uses them.
pub use ocellus_engine as engine;
pub use ocellus_image as image;
pub use ocellus_ring as ring;
pub use ocellus_runtime::{backoff, scheduler, supervisor, telemetry};
#[cfg(feature = "demo")]
pub use ocellus_scene as scene;

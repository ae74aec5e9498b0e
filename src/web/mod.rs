//! The page and its REST interface, with axum: shows the service's state, and receives commands.
//!
//! ```text
//! offer_event ─▶ queue ─────────────────▶ ┌ run: one thread, less urgent than capture ┐
//! retain, alarms, telemetry ─▶ snapshot   │  conn ▶ front ▶ routes (ONE table) ▶ api/ │ ─▶ commands ─▶ service
//!            └─▶ broadcast ─▶ SSE ◀────── └───────────────────────────────────────────┘
//! ```
//!
//! Slow clients miss messages and learn how many, or are disconnected, so that no client can block the
//! service.

mod answer;
mod api;
mod ask;
mod bodies;
mod body;
mod conn;
mod counters;
mod device;
mod feed;
mod forwarded;
mod front;
mod guard;
mod handle;
mod limiter;
mod live;
mod login;
mod metrics;
mod openapi;
mod page;
mod passwords;
mod places;
mod range;
mod routes;
mod run;
mod server;
mod session;
mod snapshot;
mod tls;
mod users;

pub use counters::Totals;
pub use handle::{CameraFacts, PageAddress, Web};
pub use passwords::hash_password;
pub use run::{WebError, probe, run};
pub use users::{UnknownUser, UsersFileError, change_users};

//! The page and its REST face, by axum: what the box says to people, and what they ask of it.
//!
//! ```text
//! offer_event ─▶ queue ─────────────▶ ┌ run: one thread, less urgent than capture ┐
//! retain, alarms, telemetry ─▶ board  │  conn ▶ front ▶ routes (ONE table) ▶ api/ │ ─▶ commands ─▶ app
//!            └─▶ broadcast ─▶ SSE ◀── └───────────────────────────────────────────┘
//! ```
//!
//! Whoever is too slow misses something and is told how much, or is let go: nobody here can hold the box up.

mod answer;
mod api;
mod ask;
mod body;
mod conn;
mod counters;
mod device;
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
mod routes;
mod run;
mod server;
mod session;
mod snapshot;
mod tls;
mod users;

pub use counters::Totals;
pub use handle::{CameraFacts, Web};
pub use passwords::{MIN_PASSWORD, hash_password};
pub use run::{WebError, run};
pub use users::{UsersFileError, change_users};

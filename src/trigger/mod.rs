//! Triggers: a serial port or a timer says "look now"; the desk of a camera takes it, and the verdict is written back.
//!
//! ```text
//!  port.rs ──bytes, edges──▶ protocol.rs ──requests──▶ dialogue.rs ──pull──▶ Desk (the camera's inspection)
//!  (the only I/O)                          debounce.rs     │                  │  account.rs: every trigger ends once
//!          ◀──lines── out.rs ◀──────── answer.rs ◀─────────┴─── ended ◀───────┘
//! ```

mod account;
mod desk;
mod error;

pub use account::{Account, Begun, Counts, NotInFlight, Processing};
pub use desk::{Desk, DeskState, Noise, PortState, Pulled};
pub use error::TriggerError;

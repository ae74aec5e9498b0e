//! The MQTT unit against a real broker.

mod allocations;
mod contract;
mod outbox;
mod secure;

//! What this binary shares with the product's tests.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

#[path = "../../../../tests/support/data.rs"]
pub mod data;
#[path = "../../../../tests/support/engine.rs"]
pub mod engine;

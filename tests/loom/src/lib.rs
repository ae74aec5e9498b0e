//! The frame ring by itself, for loom and Miri. The code is the product's own.

#[path = "../../../src/ring/mod.rs"]
pub mod ring;

#[cfg(all(loom, test))]
mod models;

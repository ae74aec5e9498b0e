//! Fits of traces: parity with PyAMA, parameters against truth, and what is refused.

#[path = "../../../../tests/support/data.rs"]
#[allow(dead_code, reason = "tests/support serves other tests too")]
mod data;
mod support;

mod parity;
mod refusals;
mod truth;

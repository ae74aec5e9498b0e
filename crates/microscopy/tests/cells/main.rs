//! The steps of a run: parity with PyAMA, options beside it, and what is refused.

#[path = "../../../../tests/support/data.rs"]
#[allow(dead_code, reason = "tests/support serves other tests too")]
mod data;
mod support;

mod parity;

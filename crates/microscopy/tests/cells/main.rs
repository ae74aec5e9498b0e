//! The steps of a run: parity with PyAMA, options beside it, and what is refused.

#[path = "../../../../tests/support/data.rs"]
#[allow(dead_code, reason = "tests/support serves other tests too")]
mod data;
#[path = "../../../../tests/it/heap.rs"]
#[allow(dead_code, reason = "the product's tests use more of it")]
mod heap;
mod support;

mod allocations;
mod options;
mod parity;
mod refusals;

//! The queue as its callers use it: requests in, attempts out, a store that survives the process.

mod cache;
mod control;
mod durable;
mod graph;
mod history;
mod limits;
mod model;
mod order;
mod process;
mod records;
mod refusals;
mod retries;
mod show;
mod support;
mod torture;

//! Models of every kind on every runtime of the build: references, refusals, hostile files.

#[path = "../../../../tests/it/heap.rs"]
#[allow(dead_code, reason = "the product's tests use more of it")]
mod heap;
mod support;

mod allocations;
mod hostile;
mod measure;
mod references;
mod refusals;
mod yolo;

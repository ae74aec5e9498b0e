//! A part's geometry as a user sees it: cutting against a plain f64 reference and against the tensor's road, parts
//! found where they were put, and silence on the heap.

mod aligning;
mod allocations;
mod cutting;
#[path = "../support/heap.rs"]
mod heap;
mod photographs;
#[path = "../support/picture.rs"]
mod picture;
#[path = "../preprocess/reference.rs"]
mod reference;
mod scene;

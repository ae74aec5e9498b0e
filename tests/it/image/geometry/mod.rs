//! A part's geometry as a user sees it: cutting against a plain f64 reference and against the tensor's road, parts
//! found where they were put, and silence on the heap.

mod aligning;
mod allocations;
mod cutting;
mod photographs;
mod scene;

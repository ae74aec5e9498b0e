//! The live picture as a viewer sees it, and as the rest of the box does not notice it.

mod allocations;
mod figures;
#[path = "../support/heap.rs"]
mod heap;
mod live;
mod marks;
mod parts;
#[path = "../support/picture.rs"]
mod picture;
mod sameness;
mod studio;

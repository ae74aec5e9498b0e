//! Preprocessing as a user sees it: against a plain f64 reference, against Pillow's own results, its errors,
//! its silence on the heap, and JPEG snapshots.

mod against_pillow;
mod against_reference;
mod allocations;
mod errors;
#[path = "../support/heap.rs"]
mod heap;
#[path = "../support/picture.rs"]
mod picture;
mod placement;
mod reference;
mod snapshots;

use picture::Picture;

//! Preprocessing as a user sees it: against a plain f64 reference, against Pillow's own results, its errors,
//! its silence on the heap, and JPEG snapshots.

mod against_pillow;
mod against_reference;
mod allocations;
mod errors;
mod placement;
pub mod reference;
mod snapshots;

use crate::support::picture::Picture;

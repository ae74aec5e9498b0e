//! Inspection: is the part good? A [`Program`] is a recipe made ready (models loaded, golden pictures learned); each
//! worker takes a station of its own from it, which finds the part and judges one region at a time.
//!
//! Every kind of check is a file in `kinds/` with the same two halves: what is prepared once, and what is run.

mod check;
pub mod evidence;
mod judge;
mod kinds;
mod models;
mod program;
mod station;

pub use check::CheckError;
pub use judge::{Judged, judge};
pub use program::{GoldenPicture, Lender, Program, ProgramError};

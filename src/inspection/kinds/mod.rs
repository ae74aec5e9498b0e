//! The kinds of check, a file each.

mod barcode;
mod classify;
mod colour;
mod detect;
mod golden;
mod measure;
mod pixels;
mod presence;

pub(super) use barcode::Barcode;
pub(super) use classify::Classify;
pub(super) use colour::Colour;
pub(super) use detect::{Detect, Wanted};
pub(super) use golden::Golden;
pub(super) use measure::{Measure, Span};
pub(super) use pixels::Pixels;
pub(super) use presence::Presence;

//! The kinds of check, one file for each.

mod barcode;
mod classify;
mod colour;
mod detect;
mod golden;
mod measure;
mod pixels;
mod presence;

pub(super) use barcode::BarcodeCheck;
pub(super) use classify::ClassifyCheck;
pub(super) use colour::ColourCheck;
pub(super) use detect::{DetectCheck, Wanted};
pub(super) use golden::GoldenCheck;
pub(super) use measure::{MeasureCheck, Span};
pub(super) use pixels::PixelsCheck;
pub(super) use presence::PresenceCheck;

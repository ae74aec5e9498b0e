//! Inspection decides whether a part is good. A [`Program`] is a prepared recipe (models loaded, golden
//! pictures learned); each worker takes an [`Inspector`] from it, which finds the part and judges one region
//! at a time.
//!
//! Every kind of check is a file in `kinds/` with two halves: one prepares once, the other runs on each part.

mod acquire;
mod camera;
mod check;
mod choice;
pub mod command;
pub mod evidence;
mod golden;
mod inspector;
mod judge;
mod kinds;
mod ledger;
mod models;
mod part;
mod program;
mod select;
mod service;

pub use acquire::{JudgedFollower, PartFeed, PartLane};
pub use camera::InspectionCamera;
pub use check::CheckError;
pub use choice::PartLaneSettings;
pub use inspector::{Inspector, PartFault};
pub use judge::{Judged, judge};
pub use ledger::{AcquisitionLedger, Begun, NotInFlight};
pub use part::{PartItem, Product};
pub use program::{GoldenPicture, Lender, Program, ProgramError};
pub use select::SelectError;
pub use service::{CameraTarget, HandshakeSink, InspectionAround, InspectionService, SelectLater};

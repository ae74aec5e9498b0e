//! A synthetic conveyor with exact ground truth: parts pass, some with defects.
//!
//! A frame depends only on the seed and its number, bit for bit, on every platform. [`Scene`] paints it as
//! packed I420 and lists the parts in it.
//!
//! A scene with a `line` imitates an inspection station: one product on one lane, almost upright, under a
//! hood, with a light barrier at the frame's middle. [`Crossings`] predicts from time stamps which part is in
//! its beam, and [`BarrierLedger`] compares the verdicts that come back with the truth. This crate starts no thread,
//! opens no port and logs nothing.

mod backdrop;
mod belt;
mod body;
mod crossings;
mod ledger;
mod light;
mod options;
mod part;
mod rng;
mod scene;
mod shape;
mod sprite;
mod truth;

pub use crossings::{Crossing, Crossings};
pub use ledger::{BarrierLedger, Tally};
pub use options::{SceneError, SceneOptions};
pub use part::PartDefect;
pub use rng::Rng;
pub use scene::Scene;
pub use shape::Shape;
pub use truth::{DefectTruth, MAX_PARTS, Passage, Truth};

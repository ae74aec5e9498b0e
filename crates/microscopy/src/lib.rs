//! What a time-lapse experiment needs to be computed: image stacks are read, cells are segmented, tracked and
//! measured, traces are fitted with models, the tables that PyAMA writes are read and written, and results are drawn.
//!
//! Everything here works frame by frame or trace by trace and knows neither threads nor the service; the batch
//! runs of `src/microscopy` call it. Pixel coordinates are x to the right and y downwards, from 0.

pub mod cells;
pub mod fit;
mod plane;
pub mod report;
pub mod stack;
pub mod tables;

pub use plane::{Pixels, Plane};

//! Pictures of jobs against reference pictures, truth and bounds.

mod support;

mod backgrounds;
mod edges;
mod files;
mod reading;
mod tiles;

//! Microscopy from the outside: the real binary on the movies that PyAMA computed.

mod convert;
mod faults;
mod fit;
mod merge;
mod model;
mod results;
pub mod run;
mod service;
mod show;
mod support;
mod video;

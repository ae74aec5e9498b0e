//! Frames through ring, scheduler, stages and sinks.

mod allocations;
mod frames;

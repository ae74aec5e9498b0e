//! Frames and parts through ring, scheduler, stages and sinks.

mod allocations;
mod frames;
mod parts;

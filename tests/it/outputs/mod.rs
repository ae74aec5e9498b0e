//! Commands to instruments, through the real binary against an instrument of our own.

mod direct;
mod faults;
mod interlock;
mod lines;
mod off;
mod rest;
mod run;
pub mod support;
mod telemetry;

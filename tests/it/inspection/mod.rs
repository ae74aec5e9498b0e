//! Inspection through the real binary: triggers on real ports and over a real broker, frames of the built-in scene,
//! recipes, golden pictures and evidence on disk; what a plant would see.

pub mod scenario;

mod bad_input;
mod commands;
mod ends;
mod evidence;
mod frame_choice;
mod lane;
mod latency;
mod models;
mod overload;
mod pictures;
mod products;
mod profile;
mod triggers;

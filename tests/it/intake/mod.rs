//! Telemetry from files, by the real program: what instruments write, what goes wrong with it, and what leaves the box.

mod faults;
mod files;
mod kill;
mod rest;
mod support;
mod topics;
mod watched;

//! The handlers of the routes, one file for each subject.

pub(super) mod attendance;
pub(super) mod batch;
pub(super) mod commands;
mod disk;
pub(super) mod inspections;
pub(super) mod intake;
pub(super) mod jobs;
pub(super) mod people;
pub(super) mod recordings;
pub(super) mod session;
pub(super) mod state;
mod upload;
pub(super) mod views;
